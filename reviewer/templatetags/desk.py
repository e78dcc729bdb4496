"""What the desk's templates need beyond Django's own tags."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django import template
from django.template import RequestContext
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from hitl import registry
from hitl.errors import UnknownWorkflow
from hitl.models import Interrupt
from reviewer import markdown, shown
from reviewer.context import Desk
from reviewer.forms.tree import label_of
from reviewer.models import Comment

register = template.Library()

STEPS = ((60, 1, "s"), (3600, 60, "min"), (86_400, 3600, "h"), (86_400 * 60, 86_400, "d"))


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


@register.filter
def pretty(value: Any) -> str:
    """A plain value as a person reads it: a text as it is, anything else as indented JSON."""
    if isinstance(value, str):
        return shown.printable(value)
    return shown.printable(json.dumps(value, indent=2, ensure_ascii=False, default=str))


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
    return f"due in {age(left)}" if left.total_seconds() > 0 else f"{age(-left)} late"


# The words by which a choice is known as one of the four that have a key of their own.
DECISION_KEYS = {
    "a": {"approve", "accept", "yes", "allow", "publish", "confirm", "ok", "ship"},
    "d": {"reject", "refuse", "deny", "decline", "no", "ignore", "hold"},
    "e": {"edit", "change"},
    "r": {"respond", "reply", "answer"},
}


@register.filter
def decision_key(label: str) -> str:
    """The key of a choice by the first word of its label; empty for choices that are only numbered."""
    first = next(iter(str(label).lower().split()), "").strip(".,:!?")
    return next((key for key, words in DECISION_KEYS.items() if first in words), "")


@register.filter
def priority_name(priority: int) -> str:
    """A priority in words."""
    return "high priority" if priority > 0 else "low priority" if priority < 0 else "normal priority"


@register.filter
def clock(moment: datetime) -> str:
    """The time of day, to the second, in the reader's zone."""
    return timezone.localtime(moment).strftime("%H:%M:%S")


@register.filter
def is_short(value: Any) -> bool:
    """Whether a value fits on a line: no container, no line break, under 200 characters."""
    return not isinstance(value, (dict, list)) and "\n" not in str(value) and len(str(value)) < 200


@register.filter
def ago(moment: datetime | None) -> SafeString | str:
    """`<time>` with the age in one unit and the moment itself as its title; `ages.js` keeps it current."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}" data-age>{}</time>',
        moment.isoformat(),
        local.strftime("%a %d %b %Y, %H:%M:%S %Z"),
        age(timezone.now() - moment),
    )


def age(span: Any) -> str:
    """`12 s`, `3 min`, `5 h`, `2 d`: one unit, rounded down."""
    seconds = max(0, int(span.total_seconds()))
    for limit, unit, name in STEPS:
        if seconds < limit:
            return f"{seconds // unit} {name}"
    return f"{seconds // 86_400} d"
