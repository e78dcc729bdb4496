"""What the desk's templates need beyond Django's own tags."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import template
from django.template import RequestContext
from django.utils import dates, timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy

from hitl import registry
from hitl.errors import UnknownWorkflow
from hitl.models import Interrupt
from reviewer import markdown, shown, telling, times, zone
from reviewer.context import Desk
from reviewer.forms.tree import label_of
from reviewer.models import Comment

register = template.Library()


@register.simple_tag(takes_context=True)
def desk(context: RequestContext) -> Desk:
    """The person, the settings and the section of this request."""
    return Desk(context.request)


@register.filter(name="markdown")
def render_markdown(text: str) -> SafeString:
    """Markdown as harmless HTML (see `reviewer.markdown`)."""
    return markdown.render(text)


@register.filter
def comment(said: Comment) -> SafeString:
    """The text of a comment: Markdown, in which the people it mentions stand out."""
    return markdown.render(said.text, mentions=said.mentions)


register.filter(shown.pretty)


@register.filter
def phrase(value: Any) -> str:
    """A value in running text."""
    return shown.printable(shown.phrase(value))


@register.filter
def label(key: str) -> str:
    """A key as a label: `earlier_refunds` as "Earlier refunds"."""
    return label_of(key)


@register.filter
def workflow_title(name: str) -> str:
    """A workflow's title; its name where it is not registered any more."""
    try:
        return registry.get(name).title
    except UnknownWorkflow:
        return name


@register.filter
def is_late(question: Interrupt) -> bool:
    """Whether the question should have been answered by now."""
    return question.due_at is not None and question.due_at < timezone.now()


@register.filter
def due(question: Interrupt) -> str:
    """`due in 2 h` or `3 d late`; empty without a due time."""
    if question.due_at is None:
        return ""
    left = question.due_at - timezone.now()
    if left.total_seconds() > 0:
        return gettext("due in {time}").format(time=times.age(left))
    return gettext("{time} late").format(time=times.age(-left))


# The words by which a choice is known as one of the four that have a key of their own.
DECISION_KEYS = {
    "a": {"approve", "accept", "yes", "allow", "publish", "confirm", "ok", "ship"},
    "d": {"reject", "refuse", "deny", "decline", "no", "ignore", "hold"},
    "e": {"edit", "change"},
    "r": {"respond", "reply", "answer"},
}
# The same in the reader's language, as a list that a catalogue may lengthen.
TRANSLATED_KEYS = {
    "a": pgettext_lazy("first words of choices that agree", "approve accept yes allow publish confirm"),
    "d": pgettext_lazy("first words of choices that refuse", "reject refuse deny decline no ignore"),
    "e": pgettext_lazy("first words of choices that change something", "edit change"),
    "r": pgettext_lazy("first words of choices that reply", "respond reply answer"),
}


@register.filter
def decision_key(label: str) -> str:
    """The key of a choice by the first word of its label; empty for choices that are only numbered."""
    first = next(iter(str(label).lower().split()), "").strip(".,:!?")
    for key, words in DECISION_KEYS.items():
        if first in words or first in str(TRANSLATED_KEYS[key]).split():
            return key
    return ""


@register.filter
def priority_name(priority: int) -> str:
    """A priority in words."""
    if priority == 0:
        return gettext("normal priority")
    return gettext("high priority") if priority > 0 else gettext("low priority")


@register.filter
def via(channel: str) -> str:
    """Where something came from, where that is worth a word."""
    return str(telling.CHANNELS.get(channel, ""))


@register.filter
def is_short(value: Any) -> bool:
    """Whether a value fits on a line: no container, no line break, under 200 characters."""
    return not isinstance(value, (dict, list)) and "\n" not in str(value) and len(str(value)) < 200


@register.filter
def at(moment: datetime | None, pattern: str) -> SafeString | str:
    """A moment in the reader's zone, by a pattern of `reviewer.times`."""
    return "" if moment is None else times.at(moment, pattern)


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """How long ago a moment was."""
    return "" if moment is None else times.ago(moment)


@register.filter
def number(value: int) -> str:
    """A whole number as the reader's language writes it."""
    return times.count(value)


@register.inclusion_tag("reviewer/texts.html")
def texts() -> dict[str, Any]:
    """What the scripts of a page say, and how they write times."""
    return {
        "zone": zone.name(),
        "patterns": times.PATTERNS,
        "units": times.UNITS,
        "months": " ".join(str(dates.MONTHS_3[month]).title() for month in range(1, 13)),
        "days": " ".join(str(dates.WEEKDAYS_ABBR[day]) for day in range(7)),
        "send": json.dumps(plural_forms(lambda n: ngettext("Send {n} change", "Send {n} changes", n))),
    }


def plural_forms(text: Callable[[int], str]) -> list[tuple[int, str]]:
    """The plural forms of a text, each with the least number that takes it."""
    least = {text(n): n for n in range(100, 0, -1)}
    return sorted((n, form) for form, n in least.items())
