"""The store on Django's database: transitions, and what is read.

A transition is decided on rows under the thread's lock and written with them; on PostgreSQL, where a lock is a round
trip of its own, on rows that were read without it, in one statement that writes nothing if the thread is another by
then. Facts of running legs: `hitl.checkpoint.appending`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import Q

from hitl import conf, forking, observing
from hitl.checkpoint import driver, looking, statements
from hitl.checkpoint.appending import Appending, tell_written
from hitl.checkpoint.looking import Clock, Seen, Tables, Wanted
from hitl.errors import HitlError
from hitl.facts import Fact
from hitl.journal import Journal
from hitl.lease import Lease, first_epoch
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.observing import Observer
from hitl.projection import Projection
from hitl.store import check_thread_id, forgotten, unknown_thread
from hitl.unit import Opened, Unit

T = TypeVar("T")
PRUNED_AT_ONCE = 500
# Facts with which a pass over a body ends, beside a failed attempt of the body itself.
ENDS = ("pause", "wait", "output", "failed")


class DatabaseSaver(Appending):
    """Keeps journals in the database that `HITL_DATABASE` names."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        threads = 1 if self.connection.vendor == "sqlite" else conf.settings().journal_threads
        self._clock = Clock()
        self._tables = Tables(self.connection)
        self.journal = Journal(self, threads=threads)

    # Transitions

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
        wanted = Wanted(thread_id, closed=closed, questions=questions, turn=turn)
        done: tuple[Unit, T] | None = None
        if repeatable and self._can_go_unlocked():
            with self._reachable(thread_id):
                done = (self._begun(thread_id, work) if create else None) or self._changed(wanted, work)
        if done is None:
            with self._reachable(thread_id), transaction.atomic(using=self.alias):
                unit = self._lock(wanted, create=create)
                done = unit, work(unit)
                self._write(unit)
        unit, result = done
        if unit.lease is not None and (closed or unit.is_new) and not self.connection.in_atomic_block:
            unit.lease.kept.keep(unit)
        return result

    def _can_go_unlocked(self) -> bool:
        """Where a lock is a round trip of its own, and the transition a transaction of its own."""
        connection = self.connection
        return connection.vendor == "postgresql" and not connection.in_atomic_block

    def _begun(self, thread_id: str, work: Callable[[Unit], T]) -> tuple[Unit, T] | None:
        """Write the first turn of a thread in one statement, unread. None, and nothing written, where it is there."""
        now = self._clock.now()
        unit = self._unit(Seen([self._new_thread(thread_id)], now=now), is_new=True) if now else None
        return self._done_unlocked(unit, work) if unit else None

    def _changed(self, wanted: Wanted, work: Callable[[Unit], T]) -> tuple[Unit, T] | None:
        """Read, and write in one statement if the thread is still what was read: without BEGIN, lock and COMMIT.

        None, and nothing written, where it is another, where there is nothing to write, and where the answer is no:
        that is decided under the lock.
        """
        seen = looking.at_once(self.connection, self._tables, wanted, self._clock)
        return self._done_unlocked(self._unit(seen), work) if seen.threads else None

    def _done_unlocked(self, unit: Unit, work: Callable[[Unit], T]) -> tuple[Unit, T] | None:
        try:
            result = work(unit)
        except HitlError:
            return None
        return (unit, result) if unit.facts and self._write_if_unchanged(unit, leased=True) else None

    def settle(self, lease: Lease, work: Callable[[Unit], bool], *, loaded_seq: int) -> bool:
        def attempt() -> bool:
            over = self._settle_unread(lease, work)
            return self.transact(lease.thread_id, work, closed=True) if over is None else over

        def already() -> bool | None:
            ends = Checkpoint.objects.using(self.alias).filter(
                Q(kind__in=ENDS) | Q(kind="attempt", path=""),
                thread_id=lease.thread_id,
                seq__gt=loaded_seq,
                epoch=lease.epoch,
            )
            if not ends.exists():
                return None
            row = self.thread(lease.thread_id)
            return row is None or row.lease_epoch != lease.epoch or not row.lease_owner

        return self._patiently(lease.thread_id, attempt, already)

    def _settle_unread(self, lease: Lease, work: Callable[[Unit], bool]) -> bool | None:
        """End the pass on the rows that were kept with the lease, without reading them again.

        None where that cannot be: nothing is written then, and they have to be read under the lock. Somebody else has
        written in between (perhaps an answer, which must not be slept through); or the leg goes on, or sleeps, where
        also those columns count that are changed without a fact.
        """
        projection = lease.kept.take()
        if projection is None or self.connection.in_atomic_block:
            return None
        thread_id, thread = lease.thread_id, projection.thread
        self._tables.threads.note_seq(thread, lease.kept.seq)
        rows = Seen([thread], [*projection.runs.values()], [*projection.questions.values()], now=lease.now())
        unit = self._unit(rows)
        over = work(unit)
        if thread.status == "busy" or thread.wake_at is not None:
            return None
        with self._reachable(thread_id):
            return over if self._write_if_unchanged(unit) else None

    def _write_if_unchanged(self, unit: Unit, *, leased: bool = False) -> bool:
        """Write the unit unless the thread is another by now: one statement on PostgreSQL, one commit elsewhere.

        leased: the unit has looked at the time of the lease, which is prolonged without a fact.
        """
        projection, connection = unit.projection, self.connection
        for row in (*projection.touched.values(), *projection.added.values()):
            row.updated_at = unit.thread.updated_at
        if connection.vendor == "postgresql":
            touched = [(self._tables.of(row), row) for row in projection.touched.values()]
            added = [(self._tables.of(row), row) for row in projection.added.values()]
            threads = self._tables.threads
            thread = threads.insertion(unit.thread) if unit.is_new else threads.change(unit.thread)
            assert thread is not None, "A fact raises the thread's seq."
            if leased and not unit.is_new:
                thread = threads.comparing(thread, unit.thread, "lease_expires_at")
            if not statements.write_postgres(connection, thread, touched, added, unit.facts):
                return False
            for table, row in ((threads, unit.thread), *touched, *added):
                table.note_written(row)
            _committed(unit)
            return True
        with transaction.atomic(using=self.alias):
            if not self._tables.threads.update(unit.thread)():
                return False
            self._write(unit)
        return True

    def _lock(self, wanted: Wanted, *, create: bool) -> Unit:
        seen = looking.locked(self.connection, self._tables, wanted, self._clock)
        if seen.threads:
            return self._unit(seen)
        if not create:
            raise unknown_thread(wanted.thread_id)
        made = self._new_thread(wanted.thread_id)
        if self._tables.threads.insert(made, unless_there=True)():
            return self._unit(Seen([made], now=seen.now), is_new=True)
        return self._unit(looking.locked(self.connection, self._tables, wanted, self._clock))

    def _new_thread(self, thread_id: str) -> Thread:
        moment = datetime.now(UTC)
        return self._tables.threads.make(
            id=check_thread_id(thread_id), created_at=moment, updated_at=moment, lease_epoch=first_epoch()
        )

    def _unit(self, seen: Seen, *, is_new: bool = False) -> Unit:
        (thread,) = seen.threads
        return Unit(
            Projection(
                thread,
                seen.runs,
                seen.questions,
                make_run=self._tables.runs.make,
                make_question=self._tables.questions.make,
            ),
            now=seen.now,
            is_new=is_new,
            turn=lambda: self._load(thread.id).facts,
            fact=partial(self._fact_at, thread.id),
            recorded=seen.turn,
        )

    def now(self) -> datetime:
        """The database's time; SQLite's is this machine's."""
        if self.connection.vendor != "postgresql":
            return datetime.now(UTC)
        with self._reachable("the database's clock"), self.connection.cursor() as cursor:
            cursor.execute("SELECT statement_timestamp()")
            return self._clock.set(cursor.fetchone()[0])

    def _write(self, unit: Unit) -> None:
        """What changed, in one statement a row; compared with what was read, under the lock all the same."""
        projection, thread = unit.projection, unit.thread
        connection = self.connection
        with driver.together(connection):
            unchanged = [self._tables.threads.update(thread)]
            for row in (*projection.touched.values(), *projection.added.values()):
                row.updated_at = thread.updated_at
            unchanged += [self._tables.of(row).update(row) for row in projection.touched.values()]
            for row in projection.added.values():
                self._tables.of(row).insert(row)
            statements.insert_facts(connection, thread.id, unit.facts)
        if not all(was_so() for was_so in unchanged):
            raise RuntimeError(f"A row of thread {thread.id!r} was changed by somebody who did not lock the thread.")
        transaction.on_commit(partial(_committed, unit), using=self.alias)

    # Leases

    def renew(self, leases: Sequence[Lease], *, lease_seconds: float) -> list[Lease]:
        threads = Thread.objects.using(self.alias)
        return [lease for lease in leases if not threads.renew_lease(lease, lease_seconds=lease_seconds)]

    def hand_back(self, lease: Lease) -> None:
        Thread.objects.using(self.alias).hand_back(lease)

    # Reading

    def load(self, thread_id: str) -> Opened:
        return self._patiently(thread_id, partial(self._load, thread_id), lambda: None)

    def _load(self, thread_id: str) -> Opened:
        connection = self.connection
        with driver.together(connection):
            found = self._tables.threads.select("id = %s", [thread_id])
            last_turn = statements.ask_last_turn(connection, thread_id)
        threads, turn = found(), last_turn()
        if not threads:
            raise unknown_thread(thread_id)
        thread = threads[0]
        # Up to the seq that the thread's row showed: what is committed since belongs to the next load.
        turn = [fact for fact in turn if fact.seq <= thread.seq]
        if known := Opened.of(thread, turn):
            return known
        facts = forking.lineage(partial(statements.replayed, connection, thread_id), thread.turn_seq, thread.seq)
        previous = self.value_at(thread_id, thread.previous_seq) if thread.previous_seq else None
        return Opened.replayed(thread, facts, previous)

    def thread(self, thread_id: str) -> Thread | None:
        with self._reachable(thread_id):
            found = self._tables.threads.select("id = %s", [thread_id])()
            return found[0] if found else None

    def facts(self, thread_id: str, *, after: int = 0) -> list[Fact]:
        with self._reachable(thread_id):
            return [_fact(row) for row in Checkpoint.objects.using(self.alias).of(thread_id, after=after)]

    def marks(self, thread_id: str, kinds: Sequence[str]) -> list[tuple[int, str]]:
        with self._reachable(thread_id):
            found = Checkpoint.objects.using(self.alias).of(thread_id).filter(kind__in=kinds)
            return list(found.values_list("seq", "kind"))

    def open_questions(self, thread_id: str) -> list[Any]:
        with self._reachable(thread_id):
            return list(Interrupt.objects.using(self.alias).of(thread_id).open())

    def question(self, question_id: str) -> Interrupt | None:
        with self._reachable(question_id):
            return Interrupt.objects.using(self.alias).filter(id=question_id).first()

    def value_at(self, thread_id: str, seq: int) -> str | None:
        with self._reachable(thread_id):
            rows = Checkpoint.objects.using(self.alias).filter(thread_id=thread_id, seq=seq)
            return rows.values_list("value", flat=True).first()

    def run_with_key(self, workflow: str, key: str) -> Run | None:
        keyed = Q(workflow=workflow, idempotency_key=key)
        with self._reachable(key):
            return Run.objects.using(self.alias).filter(keyed).first()

    def _fact_at(self, thread_id: str, seq: int) -> Fact:
        found = Checkpoint.objects.using(self.alias).filter(thread_id=thread_id, seq=seq).first()
        if found is None:
            raise forgotten(thread_id, seq)
        return _fact(found)

    # Forgetting

    def delete_thread(self, thread_id: str) -> None:
        threads = Thread.objects.using(self.alias).filter(id=thread_id)
        with self._reachable(thread_id), transaction.atomic(using=self.alias):
            # Else somebody adds to it between what is deleted first and its row (rule 4).
            if threads.select_for_update().values_list("id").first():
                threads.delete()

    def delete_facts(self, thread_id: str, seqs: Sequence[int]) -> None:
        journal = Checkpoint.objects.using(self.alias)
        for first in range(0, len(seqs), PRUNED_AT_ONCE):
            some = seqs[first : first + PRUNED_AT_ONCE]
            journal.filter(thread_id=thread_id, seq__in=some).delete()


@lru_cache
def saver(alias: str | None = None) -> DatabaseSaver:
    """The store of a database, one a process, so that its journal threads are shared."""
    return DatabaseSaver(alias or conf.settings().database)


def _committed(unit: Unit) -> None:
    """A transition is committed; of an answer it is told how long its question had waited for it."""
    tell_written({unit.thread.id}, len(unit.facts))
    for fact in unit.facts:
        if fact.kind in ("answer", "hold"):
            question = unit.questions[fact.detail["id"]]
            waited = max(0.0, (unit.now - question.asked_at).total_seconds())
            observing.tell(Observer.answered, question.workflow, waited)


def _fact(row: Checkpoint) -> Fact:
    return Fact(
        kind=row.kind,
        turn=row.turn,
        path=row.path,
        attempt=row.attempt,
        name=row.name,
        digest=row.digest,
        position=row.position,
        alone=row.alone,
        value=row.value,
        detail=json.loads(row.detail) if row.detail else {},
        started_at=row.started_at,
        created_at=row.created_at,
        seq=row.seq,
        epoch=row.epoch,
    )
