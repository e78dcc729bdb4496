"""What is different between two checkpoints of a thread: the results, answers and questions that stood at each.

A checkpoint's state is what its turn had by then: every finished call and its result, every question and its answer,
and the value, if the turn had returned. A fork's turn has what it took over from its base. So two points of one turn
show what happened between them, and two branches show where they parted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import partial

from django.utils.translation import gettext, pgettext_lazy

from hitl import forking
from hitl.checkpoint.database import saver
from hitl.facts import Fact
from reviewer import diff, shown
from reviewer.diff import Segment
from reviewer.shown import Shown


@dataclasses.dataclass(frozen=True, slots=True)
class Item:
    """One thing that has a value at either checkpoint; `segments` is how its text changed."""

    name: str
    what: str
    before: Shown | None
    after: Shown | None
    segments: tuple[Segment, ...] = ()

    @property
    def change(self) -> str:
        if self.before is None:
            return gettext("new")
        return gettext("gone") if self.after is None else gettext("changed")


def between(thread_id: str, first: int, second: int) -> tuple[list[Item], int]:
    """What differs from the one checkpoint to the other, and how much is the same. Raises NotFound."""
    facts = saver().facts(thread_id)
    before, after = (_state(facts, seq, thread_id) for seq in (first, second))
    keys = [*before, *(key for key in after if key not in before)]
    differing = [key for key in keys if before.get(key) != after.get(key)]
    return [_item(key, before.get(key), after.get(key)) for key in differing], len(keys) - len(differing)


# What has a value at a checkpoint, and what a checkpoint can be.
WHAT = {
    "input": pgettext_lazy("in the journal", "input"),
    "result": pgettext_lazy("in the journal", "result"),
    "question": pgettext_lazy("in the journal", "question"),
    "answer": pgettext_lazy("in the journal", "answer"),
    "value": pgettext_lazy("in the journal", "value"),
}
KINDS = {
    "input": WHAT["input"],
    "task": pgettext_lazy("in the journal", "task"),
    "question": WHAT["question"],
    "answer": WHAT["answer"],
    "release": pgettext_lazy("in the journal", "released answer"),
    "output": pgettext_lazy("in the journal", "output"),
    "update": pgettext_lazy("in the journal", "update"),
    "fork": pgettext_lazy("in the journal", "fork"),
}


# What it is, its place, and its name.
Key = tuple[str, str, str]


def _state(facts: Sequence[Fact], seq: int, thread_id: str) -> dict[Key, str]:
    """The values that stand at a checkpoint, as text, by what they are of; a turn's numbers do not matter."""
    at = forking.base(facts, seq, thread_id)
    live = forking.lineage(partial(_range, facts), at.turn_seq, seq)
    state: dict[Key, str] = {}
    for fact in live:
        if fact.kind == "input":
            state["input", "", ""] = fact.value or "null"
        elif fact.kind == "task":
            state["result", fact.path, fact.name] = fact.value or "null"
        elif fact.kind == "question":
            state["question", fact.path, fact.detail["title"]] = fact.value or "null"
        elif fact.kind in ("answer", "release"):
            state["answer", fact.path, fact.name] = fact.value or "null"
        elif fact.kind in ("output", "update"):
            state["value", "", ""] = fact.value or "null"
    return state


def _range(facts: Sequence[Fact], first: int, last: int) -> list[Fact]:
    return [fact for fact in facts if first <= fact.seq <= last]


def _item(key: Key, before: str | None, after: str | None) -> Item:
    what, _, name = key
    old, new = shown.stored(before), shown.stored(after)
    segments = diff.words(old.text, new.text) if old is not None and new is not None else ()
    return Item(name, str(WHAT[what]), old, new, segments)
