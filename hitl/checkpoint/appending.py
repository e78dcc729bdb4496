"""Facts of running legs: one statement on PostgreSQL, one short IMMEDIATE transaction on SQLite (rule 2).

What several legs hand over while a commit is under way goes into the next one together (rule 35).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from django.db import transaction

from hitl import announce, observing
from hitl.checkpoint import statements
from hitl.checkpoint.connected import GONE, Connected, unreachable
from hitl.facts import Fact
from hitl.journal import Entry, Journal, inline
from hitl.lease import Lease, lost
from hitl.models import Checkpoint
from hitl.observing import Observer

T = TypeVar("T")


class Appending(Connected):
    """What `hitl.checkpoint.database` does with the facts of a leg."""

    journal: Journal

    def append(self, lease: Lease, facts: Sequence[Fact]) -> None:
        self._put(lease, facts)
        self._count_in(lease, facts)
        tell_written({lease.thread_id}, len(facts))

    def _put(self, lease: Lease, facts: Sequence[Fact]) -> None:
        if not statements.append(self.connection, [(lease, facts)]):
            raise lost(lease)

    def _count_in(self, lease: Lease, facts: Sequence[Fact]) -> None:
        """Once they are committed; within a transaction of somebody's nobody knows whether they will be."""
        if not self.connection.in_atomic_block:
            lease.kept.count_in(facts)

    def atomically(self, lease: Lease, work: Callable[[], Sequence[Fact]]) -> None:
        facts: Sequence[Fact] = ()
        held: Any = None
        try:
            with transaction.atomic(using=self.alias):
                held = self.connection.connection
                facts = work()
                self._put(lease, facts)
        except GONE as error:
            if not facts and held is not None and self.still_stands(held):
                raise  # what the task was told, as of a lock, is the task's to hear
            # Of a commit that broke nobody knows whether it was made; the journal does. Before it, nothing was made:
            # that the connection was lost is no failure of the task's, and the next leg begins it again.
            self.close_connection()
            if not facts or not self._patiently(
                lease.thread_id, partial(self._is_there, lease, facts[0]), lambda: None
            ):
                raise unreachable(lease.thread_id, error) from error
        self._count_in(lease, facts)
        tell_written({lease.thread_id}, len(facts))

    def append_group(self, group: list[Entry]) -> None:
        """Write several legs' facts in one commit; whose lease is lost hears so, the others are written."""
        for entry, result in zip(group, self.written(group), strict=True):
            entry.tell(result)

    def written(self, group: list[Entry]) -> list[BaseException | None]:
        """The same, but tells the caller alone."""
        try:
            return self._append_together(group)
        except Exception as error:
            # Of a lost connection nobody knows whether it took the commit along.
            in_doubt = isinstance(error, GONE)
            if in_doubt:
                self.renew_connection()
            return [self._append_alone(entry, in_doubt=in_doubt) for entry in group]

    def _append_together(self, group: list[Entry]) -> list[BaseException | None]:
        parts: dict[tuple[str, int], tuple[Lease, list[Fact]]] = {}
        for entry in group:
            _, facts = parts.setdefault((entry.lease.thread_id, entry.lease.epoch), (entry.lease, []))
            facts += entry.facts
        met = statements.append(self.connection, [*parts.values()])
        written = [entry for entry in group if (entry.lease.thread_id, entry.lease.epoch) in met]
        for entry in written:
            self._count_in(entry.lease, entry.facts)
        tell_written({entry.lease.thread_id for entry in group}, sum(len(entry.facts) for entry in written))
        return [None if (entry.lease.thread_id, entry.lease.epoch) in met else lost(entry.lease) for entry in group]

    def _is_there(self, lease: Lease, fact: Fact) -> bool:
        """Whether this executor's fact is in the journal (rule 6)."""
        there = Checkpoint.objects.using(self.alias).filter(
            thread_id=lease.thread_id,
            turn=fact.turn,
            path=fact.path,
            kind=fact.kind,
            attempt=fact.attempt,
            epoch=lease.epoch,
        )
        return there.exists()

    def _append_alone(self, entry: Entry, *, in_doubt: bool) -> BaseException | None:
        lease, first = entry.lease, entry.facts[0]

        def attempt() -> bool:
            with transaction.atomic(using=self.alias):
                self._put(lease, entry.facts)
            self._count_in(lease, entry.facts)
            tell_written({lease.thread_id}, len(entry.facts))
            return True

        def already() -> bool | None:
            return True if self._is_there(lease, first) else None

        try:
            self._patiently(lease.thread_id, attempt, already, in_doubt=in_doubt)
        except BaseException as error:
            return error
        return None

    # On journal threads, unless a test wants everything in its own

    def post(self, lease: Lease, facts: Sequence[Fact], done: Callable[[BaseException | None], None]) -> None:
        if inline.get():
            super().post(lease, facts, done)
        else:
            self.journal.post(Entry(lease, facts, done))

    def record(self, lease: Lease, facts: Sequence[Fact], done: Callable[[BaseException | None], None]) -> None:
        if inline.get():
            super().record(lease, facts, done)
        else:
            self.journal.record(Entry(lease, facts, done))

    def submit(self, work: Callable[[], T], *, key: str = "") -> Future[T]:
        return super().submit(work) if inline.get() else self.journal.submit(work, key=key)

    def call(self, work: Callable[[], T], *, key: str = "") -> T:
        return super().call(work) if inline.get() else self.journal.call(work, key=key)


def tell_written(thread_ids: Collection[str], count: int) -> None:
    """Facts of these threads are committed."""
    announce.moved(*thread_ids)
    observing.tell(Observer.facts_written, count)
