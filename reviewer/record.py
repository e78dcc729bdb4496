"""What was decided about each proposed action, and what was changed in it: the record of an answer."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.utils.translation import gettext_lazy as _

from hitl import codec, questions
from hitl.answers import schema_of
from hitl.models import Checkpoint, Interrupt
from hitl.questions import Description
from hitl.questions.actions import APPROVE, EDIT, IGNORE, REJECT, RESPOND, Action, Decision
from hitl.questions.approval import Approval, described_action
from reviewer import diff, shown

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
    return read(question.kind, value=question.value, schema=schema_of(question), answer=question.answer)


def of_fact(asked: Checkpoint | None, answer: str | None) -> tuple[Entry, ...]:
    """The same from the fact of a question; () where that is not kept any more."""
    if asked is None:
        return ()
    detail = json.loads(asked.detail)
    schema = json.loads(detail["schema"]) if detail.get("schema") else None
    return read(detail.get("question_kind", ""), value=asked.value, schema=schema, answer=answer)


def read(kind_name: str, *, value: str | None, schema: dict[str, Any] | None, answer: str | None) -> tuple[Entry, ...]:
    """The same of what the journal holds: the question's kind, what it asked and was answered, as encoded there."""
    kind = questions.get(kind_name)
    if value is None or answer is None or not isinstance(kind, Approval):
        return ()
    asked = codec.plain(value)
    try:
        actions, decisions = kind.actions(asked, schema), kind.decisions(asked, codec.plain(answer))
    except (KeyError, TypeError, IndexError, AttributeError):
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
    return shown.pretty(args[name]) if name in args else NOTHING
