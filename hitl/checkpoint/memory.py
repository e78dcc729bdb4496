"""A store in this process's memory, for scripts and tests. The same rules as in the database, no Django."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import RLock
from typing import Any, Self, TypeVar

from hitl import forking
from hitl.facts import Fact
from hitl.lease import Lease, first_epoch, lost
from hitl.projection import OPEN, UNENDED, Projection
from hitl.store import Store, check_thread_id, forgotten, unknown_thread
from hitl.unit import Opened, Unit

T = TypeVar("T")


class Row:
    """Copied by its attributes: that happens with every transition."""

    def __copy__(self) -> Self:
        twin = self.__class__.__new__(self.__class__)
        twin.__dict__.update(self.__dict__)
        return twin


@dataclasses.dataclass
class ThreadRow(Row):
    id: str
    created_at: datetime
    updated_at: datetime
    workflow: str = ""
    workflow_version: str = ""
    status: str = "idle"
    seq: int = 0
    turn: int = 0
    turn_seq: int = 0
    output_seq: int | None = None
    previous_seq: int | None = None
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    warning: str = ""
    lease_epoch: int = 0
    lease_owner: str = ""
    lease_expires_at: datetime | None = None
    claims: int = 0
    nudges: int = 0
    nudge_at: datetime | None = None
    wake_at: datetime | None = None


@dataclasses.dataclass
class RunRow(Row):
    id: str
    thread_id: str
    workflow: str
    kind: str
    status: str
    turn: int
    seq: int
    requested_by_id: Any
    requested_by_name: str
    channel: str
    idempotency_key: str | None
    created_at: datetime
    code_version: str = ""
    error_type: str = ""
    error: str = ""
    traceback: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    run_at: datetime | None = None
    strategy: str = ""


@dataclasses.dataclass
class QuestionRow(Row):
    id: str
    thread_id: str
    workflow: str
    turn: int
    path: str
    position: int
    key: str
    task: str
    value: str
    digest: str
    schema: str
    checks: str
    kind: str
    title: str
    search: str
    status: str
    version: int
    answer: str | None
    problem: str
    release_at: datetime | None
    token: str
    asked_seq: int
    asked_at: datetime
    priority: int
    due_at: datetime | None
    urgent_at: datetime
    likeness: str = ""
    answered_by_id: Any = None
    answered_by_name: str = ""
    answered_at: datetime | None = None
    channel: str = ""
    assignee_id: Any = None


@dataclasses.dataclass(slots=True)
class _Thread:
    row: ThreadRow
    runs: dict[str, RunRow] = dataclasses.field(default_factory=dict)
    questions: dict[str, QuestionRow] = dataclasses.field(default_factory=dict)
    facts: dict[int, Fact] = dataclasses.field(default_factory=dict)

    def questions_for(self, *, closed: bool, questions: Sequence[str]) -> list[QuestionRow]:
        return [
            copy.copy(row)
            for row in self.questions.values()
            if row.status in OPEN or row.id in questions or (closed and row.turn == self.row.turn)
        ]

    def between(self, first: int, last: int) -> list[Fact]:
        return [self.facts[seq] for seq in range(first, last + 1) if seq in self.facts]


class InMemorySaver(Store):
    """Keeps journals in this process. `InMemorySaver()` needs no set-up and forgets all at exit."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._threads: dict[str, _Thread] = {}

    def transact(
        self,
        thread_id: str,
        work: Callable[[Unit], T],
        *,
        create: bool = False,
        closed: bool = False,
        questions: Sequence[str] = (),
        turn: bool = False,
        repeatable: bool = False,
    ) -> T:
        with self._lock:
            kept = self._threads.get(thread_id)
            if kept is None and not create:
                raise unknown_thread(thread_id)
            check_thread_id(thread_id)
            now = datetime.now(UTC)
            row = ThreadRow(thread_id, now, now, lease_epoch=first_epoch()) if kept is None else copy.copy(kept.row)
            projection = Projection(
                row,
                [copy.copy(run) for run in kept.runs.values() if run.status in UNENDED] if kept else [],
                kept.questions_for(closed=closed, questions=questions) if kept else [],
                make_run=RunRow,
                make_question=QuestionRow,
            )
            unit = Unit(
                projection,
                now=now,
                is_new=kept is None,
                turn=lambda: self.load(thread_id).facts,
                fact=partial(self._fact_at, thread_id),
            )
            result = work(unit)
            if kept is None:
                kept = self._threads[thread_id] = _Thread(row)
            kept.row = row
            kept.facts.update({fact.seq: fact for fact in unit.facts})
            for changed in (*projection.added.values(), *projection.touched.values()):
                rows: dict[str, Any] = kept.runs if isinstance(changed, RunRow) else kept.questions
                rows[changed.id] = changed
            if unit.lease is not None:
                unit.lease.kept.keep(unit)
            return result

    def settle(self, lease: Lease, work: Callable[[Unit], bool], *, loaded_seq: int) -> bool:
        return self.transact(lease.thread_id, work, closed=True)

    def append(self, lease: Lease, facts: Sequence[Fact]) -> None:
        with self._lock:
            kept = self._threads.get(lease.thread_id)
            if kept is None or kept.row.lease_epoch != lease.epoch:
                raise lost(lease)
            row = kept.row
            for fact in facts:
                row.seq += 1
                fact.seq, fact.epoch = row.seq, lease.epoch
                if fact.kind == "warning":
                    row.warning = fact.detail["message"]
                if fact.kind != "call":
                    row.claims = 0
            kept.facts.update({fact.seq: fact for fact in facts})

    def renew(self, leases: Sequence[Lease], *, lease_seconds: float) -> list[Lease]:
        gone = []
        with self._lock:
            for lease in leases:
                kept = self._threads.get(lease.thread_id)
                if kept is None or (kept.row.lease_epoch, kept.row.lease_owner) != (lease.epoch, lease.owner):
                    gone.append(lease)
                else:
                    kept.row.lease_expires_at = datetime.now(UTC) + timedelta(seconds=lease_seconds)
        return gone

    def load(self, thread_id: str) -> Opened:
        with self._lock:
            kept = self._kept(thread_id)
            turn = forking.lineage(kept.between, kept.row.turn_seq, kept.row.seq)
            return Opened.replayed(copy.copy(kept.row), turn, self._previous(kept))

    def thread(self, thread_id: str) -> ThreadRow | None:
        with self._lock:
            kept = self._threads.get(thread_id)
            return copy.copy(kept.row) if kept else None

    def facts(self, thread_id: str, *, after: int = 0) -> list[Fact]:
        with self._lock:
            return [fact for seq, fact in self._kept(thread_id).facts.items() if seq > after]

    def marks(self, thread_id: str, kinds: Sequence[str]) -> list[tuple[int, str]]:
        with self._lock:
            return [(seq, fact.kind) for seq, fact in self._kept(thread_id).facts.items() if fact.kind in kinds]

    def open_questions(self, thread_id: str) -> list[QuestionRow]:
        with self._lock:
            return [
                copy.copy(q)
                for q in sorted(self._kept(thread_id).questions.values(), key=lambda q: q.asked_seq)
                if q.status in OPEN
            ]

    def question(self, question_id: str) -> QuestionRow | None:
        with self._lock:
            for kept in self._threads.values():
                if question_id in kept.questions:
                    return copy.copy(kept.questions[question_id])
        return None

    def value_at(self, thread_id: str, seq: int) -> str | None:
        with self._lock:
            fact = self._kept(thread_id).facts.get(seq)
            return fact.value if fact else None

    def run_with_key(self, workflow: str, key: str) -> RunRow | None:
        with self._lock:
            for kept in self._threads.values():
                for run in kept.runs.values():
                    if run.workflow == workflow and run.idempotency_key == key:
                        return copy.copy(run)
        return None

    def delete_thread(self, thread_id: str) -> None:
        with self._lock:
            self._threads.pop(thread_id, None)

    def delete_facts(self, thread_id: str, seqs: Sequence[int]) -> None:
        with self._lock:
            kept = self._kept(thread_id)
            for seq in seqs:
                kept.facts.pop(seq, None)

    def _fact_at(self, thread_id: str, seq: int) -> Fact:
        found = self._kept(thread_id).facts.get(seq)
        if found is None:
            raise forgotten(thread_id, seq)
        return found

    def _kept(self, thread_id: str) -> _Thread:
        kept = self._threads.get(thread_id)
        if kept is None:
            raise unknown_thread(thread_id)
        return kept

    @staticmethod
    def _previous(kept: _Thread) -> str | None:
        seq = kept.row.previous_seq
        return kept.facts[seq].value if seq else None


# Its older name, which many programs import.
MemorySaver = InMemorySaver
