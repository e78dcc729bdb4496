"""A thread's journal as a person reads it: one row a call, a question, an event.

Several facts can be about one thing: a call that paused and later returned, a question and its answer. They
fold into one row, which stays where its first fact stood, so that rows never jump. A row carries the `seq` of
the last fact that changed it and a `key` that is the same in every process and on every reading. That is the
whole protocol of the live pages: a reader that has seen everything up to `after` is sent the rows with a
greater seq, and puts each in the place of the one that bears its key, or at the end.

Facts that mean nothing to a reader (a lease taken, a pause or a sleep begun, a saved value) make no row, but count
in `seq`.
"""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from hitl.facts import Author
from hitl.models import Checkpoint
from reviewer import record, shown, telling, times
from reviewer.shown import Shown

OPEN = ("pending", "held")
# Of a longer journal a page shows this many facts before its end, and links to what is before.
WINDOW_FACTS = 400
# What is shown at the most, however far back a reader asks: the rest is in the Admin.
MAX_FACTS = 5_000


@dataclasses.dataclass(slots=True)
class Problem:
    """An exception as it was recorded."""

    type: str
    message: str
    traceback: str = ""


@dataclasses.dataclass(slots=True)
class Row:
    """One line of a timeline. `kind` names its template; `status` is a word of that kind's own."""

    key: str
    kind: str
    seq: int
    turn: int
    at: datetime
    name: str = ""
    status: str = ""
    depth: int = 0
    attempt: int = 1
    args: Shown | None = None
    value: Shown | None = None
    result: Shown | None = None
    record: tuple[record.Entry, ...] = ()
    started_at: datetime | None = None
    ended_at: datetime | None = None
    problem: Problem | None = None
    who: str = ""
    channel: str = ""
    question_id: str = ""
    assignee: str = ""
    note: str = ""
    until: datetime | None = None
    first_seq: int = 0

    @property
    def template(self) -> str:
        return f"reviewer/events/{self.kind}.html"

    @property
    def via(self) -> str:
        """Where it came from, where that is worth a word."""
        return "" if self.who == self.channel else str(telling.CHANNELS.get(self.channel, ""))

    @property
    def sentence(self) -> SafeString:
        """What somebody did, by `name`: a text with `{who}` in it."""
        return format_html(self.name, who=format_html("<strong>{}</strong>", self.who))

    @property
    def seconds(self) -> float | None:
        """How long the call took; None where it was not measured."""
        if self.started_at is None or self.ended_at is None:
            return None
        return max(0.0, (self.ended_at - self.started_at).total_seconds())

    @property
    def took(self) -> str:
        return "" if self.seconds is None else times.duration(self.seconds)


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """Rows changed after some seq, and the seq up to which that is all (the reader's next `after`)."""

    rows: list[Row]
    seq: int


@dataclasses.dataclass(frozen=True, slots=True)
class Facts:
    """What was read to tell what happened after some seq, up to another; it can be told in any language."""

    facts: list[Checkpoint]
    after: int
    seq: int

    def page(self) -> Page:
        """The rows, in the language that is active now."""
        return Page([row for row in fold(self.facts) if row.seq > self.after], self.seq)


def read(thread_id: str, *, after: int = 0, up_to: int | None = None) -> Page:
    """The rows of a thread that a reader who has seen everything up to `after` has not."""
    return facts(thread_id, after=after, up_to=up_to).page()


def facts(thread_id: str, *, after: int = 0, up_to: int | None = None) -> Facts:
    """What there is to tell to a reader who has seen everything up to `after`."""
    if up_to is not None:
        after = max(after, up_to - MAX_FACTS)
    new = Checkpoint.objects.of(thread_id, after=after)
    found = list(new if up_to is None else new.up_to(up_to))
    before: Iterable[Checkpoint] = ()
    if after and found:
        before = Checkpoint.objects.openings(thread_id, up_to=after, turn=min(fact.turn for fact in found))
    return Facts([*before, *found], after, up_to or (found[-1].seq if found else after))


def failures(thread_id: str) -> list[dict[str, Any]]:
    """The latest failures of a thread with their tracebacks, newest first."""
    return [
        {"name": fact.name, "created_at": fact.created_at} | json.loads(fact.detail)
        for fact in Checkpoint.objects.failures(thread_id)
    ]


def fold(facts: Iterable[Checkpoint]) -> list[Row]:
    """Facts in order to rows in the order of their first facts."""
    folding = _Folding()
    for fact in facts:
        folding.take(fact)
    return list(folding.rows.values())


def call_key(turn: int, path: str, failures: int) -> str:
    """The row of a call; one that failed keeps its row, and the next attempt begins another."""
    return "e" + blake2b(f"{turn}\0{path}\0{failures}".encode(), digest_size=8).hexdigest()


def question_key(question_id: str) -> str:
    return f"e-{question_id}"


class _Folding:
    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.failures: Counter[tuple[int, str]] = Counter()
        self.asked: dict[str, Checkpoint] = {}

    def take(self, fact: Checkpoint) -> None:
        change = CHANGES.get(fact.kind)
        if change is not None:
            change(self, fact, json.loads(fact.detail) if fact.detail else {})

    # Calls

    def call(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._call(fact, detail)
        row.status = "paused"

    def task(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._call(fact, detail)
        row.status, row.result = "done", shown.stored(fact.value)
        row.note = gettext("from the cache") if detail.get("cached") else ""

    def error(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._call(fact, detail)
        row.status, row.problem = "failed", _problem(detail)
        self.failures[fact.turn, fact.path] += 1

    def attempt(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        """Of a call, or of the body as a whole: it failed, and is tried again by itself."""
        if fact.path:
            row = self._call(fact, detail)
            self.failures[fact.turn, fact.path] += 1
        else:
            row = self._row(f"e-{fact.seq}", "attempt", fact)
            row.attempt = fact.attempt
        row.status, row.problem, row.until = "retried", _problem(detail), _moment(detail, "due")

    def timer(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._row(f"e-{fact.seq}", "timer", fact)
        row.name, row.depth, row.until = fact.name, fact.path.count("/"), _moment(detail, "until")

    def _call(self, fact: Checkpoint, detail: dict[str, Any]) -> Row:
        failures = self.failures[fact.turn, fact.path]
        row = self._row(call_key(fact.turn, fact.path, failures), "task", fact)
        row.name, row.attempt, row.depth = fact.name, failures + 1, fact.path.count("/")
        row.args = shown.arguments(detail.get("args"))
        row.started_at = fact.started_at
        row.ended_at = None if fact.kind == "call" else fact.created_at
        return row

    # What the workflow said, took and gave

    def input(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._authored("input", fact, detail)
        row.name, row.value = detail.get("workflow", ""), shown.stored(fact.value)
        if "base" in detail:
            row.note = gettext("going back to checkpoint {checkpoint}").format(checkpoint=detail["base"])

    def event(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._row(f"e-{fact.seq}", "event", fact)
        row.value, row.depth = shown.stored(fact.value), fact.path.partition("!")[0].count("/")

    def output(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._row(f"e-{fact.seq}", "output", fact)
        row.value = shown.stored(fact.value)

    def failed(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._row(f"e-{fact.seq}", "failed", fact)
        row.problem = _problem(detail)

    def warning(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._row(f"e-{fact.seq}", "warning", fact)
        row.note = detail.get("message", "")

    # Questions

    def question(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._question(fact, detail)
        row.name, row.value, row.status = detail.get("title", ""), shown.stored(fact.value), "pending"
        row.result, row.record, row.who, row.note = None, (), "", ""
        self.asked[detail["id"]] = fact
        row.started_at, row.ended_at = fact.created_at, None

    def answer(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        self._answered(fact, detail, "answered")

    def hold(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        self._answered(fact, detail, "held")

    def release(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        self._answered(fact, detail, "answered")

    def _answered(self, fact: Checkpoint, detail: dict[str, Any], status: str) -> None:
        row, author = self._question(fact, detail), Author.read(detail)
        row.status, row.result, row.note = status, shown.stored(fact.value), ""
        row.record = record.of_fact(self.asked.get(detail["id"]), fact.value)
        row.who, row.channel, row.ended_at = author.name, author.channel, fact.created_at

    def undo(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._question(fact, detail)
        row.status, row.result, row.record, row.ended_at = "pending", None, (), None
        row.note = gettext("{who} took the answer back").format(who=Author.read(detail).name)

    def reopen(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._question(fact, detail)
        problem = detail.get("problem", "")
        row.status = "pending"
        row.note = gettext("The workflow gave the answer back: {problem}").format(problem=problem)

    def assign(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        self._question(fact, detail).assignee = detail.get("to_name") or ""

    def _question(self, fact: Checkpoint, detail: dict[str, Any]) -> Row:
        row = self._row(question_key(detail["id"]), "question", fact)
        row.question_id = detail["id"]
        return row

    # What people did to the run

    def retry(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        self._authored("note", fact, detail).name = gettext("{who} retried the run")
        for row in self._questions(fact.turn):
            if row.status == "pending" and row.result:
                row.status, row.note, row.seq = "answered", "", fact.seq

    def cancel(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._authored("note", fact, detail)
        row.name, row.status = gettext("{who} cancelled the run"), "cancelled"
        row.note = detail.get("reason", "")
        self._close(fact)

    def discard(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        self._authored("note", fact, detail).name = gettext("{who} gave the turn up for new input")
        self._close(fact)

    def rollback(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        self._authored("note", fact, detail).name = gettext("{who} rolled the turn back for new input")
        self._close(fact)

    def enqueue(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._authored("waiting", fact, detail)
        row.value, row.until = shown.stored(fact.value), _moment(detail, "run_at")

    def withdraw(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._authored("note", fact, detail)
        row.name, row.note = gettext("{who} cancelled a start that waited"), detail.get("reason", "")

    def fork(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        said = gettext("{who} went back to checkpoint {checkpoint}, to go on from there")
        self._authored("note", fact, detail).name = said.replace("{checkpoint}", str(detail["base"]))

    def update(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        row = self._authored("update", fact, detail)
        row.value = shown.stored(fact.value)
        row.name = gettext("{who} set the value")
        if "base" in detail:
            said = gettext("{who} went back to what checkpoint {checkpoint} returned")
            row.name = said.replace("{checkpoint}", str(detail["base"]))

    def prune(self, fact: Checkpoint, detail: dict[str, Any]) -> None:
        self._authored("note", fact, detail).name = (
            gettext("{who} forgot what came before, but for the last value")
            if "stands" in detail
            else gettext("{who} forgot the turns before this one")
        )

    def _close(self, fact: Checkpoint) -> None:
        """What was open when its turn ended will not be answered or finished any more."""
        for row in self.rows.values():
            if row.turn == fact.turn and row.status in (*OPEN, "paused"):
                row.status, row.seq = "cancelled", fact.seq

    # Rows

    def _questions(self, turn: int) -> list[Row]:
        return [row for row in self.rows.values() if row.kind == "question" and row.turn == turn]

    def _authored(self, kind: str, fact: Checkpoint, detail: dict[str, Any]) -> Row:
        row, author = self._row(f"e-{fact.seq}", kind, fact), Author.read(detail)
        row.who, row.channel = author.name, author.channel
        return row

    def _row(self, key: str, kind: str, fact: Checkpoint) -> Row:
        row = self.rows.get(key)
        if row is None:
            row = self.rows[key] = Row(key, kind, fact.seq, fact.turn, fact.created_at, first_seq=fact.seq)
        row.seq = fact.seq
        return row


def _problem(detail: dict[str, Any]) -> Problem:
    return Problem(detail.get("type", ""), detail.get("message", ""), detail.get("traceback", ""))


def _moment(detail: dict[str, Any], name: str) -> datetime | None:
    return datetime.fromisoformat(detail[name]) if detail.get(name) else None


CHANGES: dict[str, Callable[[_Folding, Checkpoint, dict[str, Any]], None]] = {
    "input": _Folding.input,
    "call": _Folding.call,
    "task": _Folding.task,
    "error": _Folding.error,
    "attempt": _Folding.attempt,
    "timer": _Folding.timer,
    "event": _Folding.event,
    "warning": _Folding.warning,
    "output": _Folding.output,
    "failed": _Folding.failed,
    "question": _Folding.question,
    "answer": _Folding.answer,
    "hold": _Folding.hold,
    "undo": _Folding.undo,
    "release": _Folding.release,
    "reopen": _Folding.reopen,
    "assign": _Folding.assign,
    "retry": _Folding.retry,
    "cancel": _Folding.cancel,
    "discard": _Folding.discard,
    "rollback": _Folding.rollback,
    "enqueue": _Folding.enqueue,
    "withdraw": _Folding.withdraw,
    "fork": _Folding.fork,
    "update": _Folding.update,
    "prune": _Folding.prune,
}
