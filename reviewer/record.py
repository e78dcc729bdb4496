"""What was decided about each proposed action, and what was changed in it: the record of an answer."""

from __future__ import annotations

import dataclasses
from typing import Any

from django.utils.translation import gettext_lazy as _

from hitl import codec, questions
from hitl.answers import schema_of
from hitl.models import Interrupt
from hitl.questions import Description
from hitl.questions.actions import APPROVE, EDIT, IGNORE, REJECT, RESPOND, Action, Decision
from hitl.questions.approval import Approval, described_action
from reviewer import diff
from reviewer.templatetags.desk import pretty

LABELS = {
    APPROVE: _("approved"),
    EDIT: _("approved with changes"),
    RESPOND: _("answered in its place"),
    REJECT: _("rejected"),
    IGNORE: _("ignored"),
}
NOTHING = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """An argument, and how its text was changed."""

    name: str
    diff: tuple[diff.Segment, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """One action and what was decided about it."""

    part: Description
    decision: str
    label: str
    message: str
    changes: tuple[Change, ...]


def of(question: Interrupt) -> tuple[Entry, ...]:
    """The record of a question's answer; () where it has none, or proposed no actions."""
    kind = questions.get(question.kind)
    if question.answer is None or not isinstance(kind, Approval):
        return ()
    value = codec.plain(question.value)
    actions = kind.actions(value, schema_of(question))
    try:
        decisions = kind.decisions(value, codec.plain(question.answer))
    except (KeyError, TypeError, IndexError):
        return ()  # an answer from before this kind could be read
    return tuple(entry(action, decision) for action, decision in zip(actions, decisions, strict=False))


def entry(action: Action, decision: Decision) -> Entry:
    label = str(LABELS.get(decision.type, decision.type))
    changed = () if decision.args is None else changes(action.args, decision.args)
    return Entry(described_action(action), decision.type, label, decision.message or "", changed)


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[Change, ...]:
    names = [*before, *(name for name in after if name not in before)]
    found = [Change(name, diff.words(text(before, name), text(after, name))) for name in names]
    return tuple(change for change in found if change.diff)


def text(args: dict[str, Any], name: str) -> str:
    return pretty(args[name]) if name in args else NOTHING
