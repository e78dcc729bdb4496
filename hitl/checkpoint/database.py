"""The store on Django's database: the one place that knows how a fact is written.

Appends of a running leg are one statement on PostgreSQL and one short IMMEDIATE transaction on SQLite;
the fence is the UPDATE of the thread's row, whose RETURNING feeds the INSERT, so that a lost lease writes
nothing (rule 2). After a database error nothing runs again: the connection is renewed, the journal is
asked whether the facts are there, and if not they are written while the lease stands (rule 6).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache, partial
from time import monotonic, sleep
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connections, transaction
from django.db.models import Q

from hitl import announce, conf, discreet, forking, observing
from hitl.checkpoint import driver, statements
from hitl.checkpoint.rows import Table
from hitl.errors import HitlError, InsideTransaction, JournalUnreachable, LeaseLost
from hitl.facts import NOT_REPLAYED, Fact
from hitl.journal import Entry, Journal, inline
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.observing import Observer
from hitl.projection import OPEN, UNENDED, Projection
from hitl.store import Lease, Opened, Store, Unit, check_thread_id, forgotten, unknown_thread

T = TypeVar("T")
GONE = (OperationalError, InterfaceError)
UNENDED_RUNS = "thread_id = %s AND status IN (%s, %s, %s)"
PRUNED_AT_ONCE = 500
# Facts with which a pass over a body ends, beside a failed attempt of the body itself.
ENDS = ("pause", "wait", "output", "failed")

logger = logging.getLogger(__name__)


class DatabaseSaver(Store):
    """Keeps journals in the database that `HITL_DATABASE` names."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        vendor = connections[alias].vendor
        threads = 1 if vendor == "sqlite" else conf.settings().journal_threads
        self._append = statements.append_postgres if vendor == "postgresql" else statements.append_generic
        connection = connections[alias]
        self._threads = Table(Thread, connection, guard=["seq", "lease_epoch"])
        self._runs = Table(Run, connection, guard=["status"])
        self._questions = Table(Interrupt, connection, guard=["status", "version"])
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
        repeatable: bool = False,
    ) -> T:
        done: tuple[Unit, T] | None = None
        if repeatable and self._can_go_unlocked():
            done = self._transact_unlocked(thread_id, work, create=create, closed=closed, questions=questions)
        if done is None:
            with self._reachable(thread_id), transaction.atomic(using=self.alias):
                unit = self._lock(thread_id, create=create, closed=closed, questions=questions)
                done = unit, work(unit)
                self._write(unit)
        unit, result = done
        if unit.lease is not None and (closed or unit.is_new) and not connections[self.alias].in_atomic_block:
            unit.lease.kept.keep(unit.projection)
        return result

    def _can_go_unlocked(self) -> bool:
        """Where a lock is a round trip of its own, and the transition a transaction of its own."""
        connection = connections[self.alias]
        return connection.vendor == "postgresql" and not connection.in_atomic_block

    def _transact_unlocked(
        self, thread_id: str, work: Callable[[Unit], T], *, create: bool, closed: bool, questions: Sequence[str]
    ) -> tuple[Unit, T] | None:
        """Read, and write in one statement if the thread is still what was read: without BEGIN, lock and COMMIT.

        None, and nothing written, where it is another, where there is nothing to write, and where the answer is no:
        that is decided under the lock.
        """
        with self._reachable(thread_id):
            now, found, runs, asked = self._seen(thread_id, lock=False, closed=closed, questions=questions)
            if not found and not create:
                return None
            thread = found[0] if found else _new_thread(thread_id)
            unit = self._unit(thread, runs, asked, now=now, is_new=not found)
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
        if projection is None or connections[self.alias].in_atomic_block:
            return None
        thread_id, thread = lease.thread_id, projection.thread
        self._threads.note_seq(thread, lease.kept.seq)
        unit = self._unit(
            thread, projection.runs.values(), projection.questions.values(), now=lease.now(), is_new=False
        )
        over = work(unit)
        if thread.status == "busy" or thread.wake_at is not None:
            return None
        with self._reachable(thread_id):
            return over if self._write_if_unchanged(unit) else None

    def _write_if_unchanged(self, unit: Unit, *, leased: bool = False) -> bool:
        """Write the unit unless the thread is another by now: one statement on PostgreSQL, one commit elsewhere.

        leased: the unit has looked at the time of the lease, which is prolonged without a fact.
        """
        projection, connection = unit.projection, connections[self.alias]
        for row in (*projection.touched.values(), *projection.added.values()):
            row.updated_at = unit.thread.updated_at
        if connection.vendor == "postgresql":
            touched = [(self._table(row), row) for row in projection.touched.values()]
            added = [(self._table(row), row) for row in projection.added.values()]
            thread = self._threads.insertion(unit.thread) if unit.is_new else self._threads.change(unit.thread)
            assert thread is not None, "A fact raises the thread's seq."
            if leased and not unit.is_new:
                thread = self._threads.comparing(thread, unit.thread, "lease_expires_at")
            if not statements.write_postgres(connection, thread, touched, added, unit.facts):
                return False
            for table, row in ((self._threads, unit.thread), *touched, *added):
                table.note_written(row)
            _committed(unit)
            return True
        with transaction.atomic(using=self.alias):
            if not self._threads.update(unit.thread)():
                return False
            self._write(unit)
        return True

    def _lock(self, thread_id: str, *, create: bool, closed: bool, questions: Sequence[str]) -> Unit:
        read = partial(self._seen, thread_id, lock=True, closed=closed, questions=questions)
        now, found, runs, asked = read()
        is_new = False
        if not found:
            if not create:
                raise unknown_thread(thread_id)
            made = _new_thread(thread_id)
            is_new = self._threads.insert(made, unless_there=True)()
            now, found, runs, asked = (now, [made], [], []) if is_new else read()
        return self._unit(found[0], runs, asked, now=now, is_new=is_new)

    def _unit(
        self, thread: Thread, runs: Iterable[Run], questions: Iterable[Interrupt], *, now: datetime, is_new: bool
    ) -> Unit:
        return Unit(
            Projection(thread, runs, questions, make_run=Run, make_question=Interrupt),
            now=now,
            is_new=is_new,
            turn=lambda: self._load(thread.id).facts,
            fact=partial(self._fact_at, thread.id),
        )

    def _seen(
        self, thread_id: str, *, lock: bool, closed: bool, questions: Sequence[str]
    ) -> tuple[datetime, list[Thread], list[Run], list[Interrupt]]:
        """The thread's row, what a transition sees beside it, and the time, in one round trip.

        The thread comes first: of what is committed meanwhile, its row is never ahead of the others.
        """
        connection = connections[self.alias]
        is_server = connection.vendor == "postgresql"
        if lock and connection.vendor == "sqlite" and getattr(connection, "transaction_mode", None) != "IMMEDIATE":
            # Where transactions begin DEFERRED, a first write takes the lock that FOR UPDATE takes elsewhere.
            driver.execute(connection, "UPDATE hitl_thread SET seq = seq WHERE id = %s", [thread_id])
        with driver.together(connection):
            threads = self._threads.select("id = %s FOR UPDATE" if lock and is_server else "id = %s", [thread_id])
            runs = self._runs.select(UNENDED_RUNS, [thread_id, *UNENDED])
            asked = self._questions.select(*_wanted(thread_id, closed=closed, questions=questions))
            # Leases go by the database's clock; SQLite's is this machine's.
            clock = driver.execute(connection, "SELECT statement_timestamp()") if is_server else None
        now = clock.fetchone()[0] if clock else datetime.now(UTC)
        return now, threads(), runs(), asked()

    def now(self) -> datetime:
        """The database's time; SQLite's is this machine's."""
        if connections[self.alias].vendor != "postgresql":
            return datetime.now(UTC)
        with self._reachable("the database's clock"), connections[self.alias].cursor() as cursor:
            cursor.execute("SELECT statement_timestamp()")
            moment: datetime = cursor.fetchone()[0]
            return moment

    def _write(self, unit: Unit) -> None:
        """What changed, in one statement a row; compared with what was read, under the lock all the same."""
        projection, thread = unit.projection, unit.thread
        connection = connections[self.alias]
        with driver.together(connection):
            unchanged = [self._threads.update(thread)]
            for row in (*projection.touched.values(), *projection.added.values()):
                row.updated_at = thread.updated_at
            unchanged += [self._table(row).update(row) for row in projection.touched.values()]
            for row in projection.added.values():
                self._table(row).insert(row)
            statements.insert_facts(connection, thread.id, unit.facts)
        if not all(was_so() for was_so in unchanged):
            raise RuntimeError(f"A row of thread {thread.id!r} was changed by somebody who did not lock the thread.")
        transaction.on_commit(partial(_committed, unit), using=self.alias)

    def _table(self, row: Any) -> Table[Any]:
        return self._runs if isinstance(row, Run) else self._questions

    # Facts of a running leg

    def append(self, lease: Lease, facts: Sequence[Fact]) -> None:
        self._append(connections[self.alias], lease, facts)
        self._count_in(lease, facts)
        _written({lease.thread_id}, len(facts))

    def _count_in(self, lease: Lease, facts: Sequence[Fact]) -> None:
        """Once they are committed; within a transaction of somebody's nobody knows whether they will be."""
        if not connections[self.alias].in_atomic_block:
            lease.kept.count_in(facts)

    def atomically(self, lease: Lease, work: Callable[[], Sequence[Fact]]) -> None:
        facts: Sequence[Fact] = ()
        held: Any = None
        try:
            with transaction.atomic(using=self.alias):
                held = connections[self.alias].connection
                facts = work()
                self._append(connections[self.alias], lease, facts)
        except GONE as error:
            if not facts and held is not None and self._still_stands(held):
                raise  # what the task was told, as of a lock, is the task's to hear
            # Of a commit that broke nobody knows whether it was made; the journal does. Before it, nothing was made:
            # that the connection was lost is no failure of the task's, and the next leg begins it again.
            self.close_connection()
            if not facts or not self._patiently(
                lease.thread_id, partial(self._is_there, lease, facts[0]), lambda: None
            ):
                raise unreachable(lease.thread_id, error) from error
        self._count_in(lease, facts)
        _written({lease.thread_id}, len(facts))

    def _still_stands(self, held: Any) -> bool:
        """Whether this thread's connection is the one it was: Django replaces a lost one."""
        connection = connections[self.alias]
        return connection.connection is held and connection.is_usable()

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
        connection = connections[self.alias]
        results: list[BaseException | None] = []
        if len(group) == 1:
            results.append(self._append_one(connection, group[0]))
        else:
            # Thread rows are locked in the order of their ids, so that two groups cannot wait for each other.
            order = sorted(range(len(group)), key=lambda index: group[index].lease.thread_id)
            outcome: dict[int, BaseException | None] = {}
            with transaction.atomic(using=self.alias):
                for index in order:
                    outcome[index] = self._append_one(connection, group[index])
            results = [outcome[index] for index in range(len(group))]
        written = [entry for entry, error in zip(group, results, strict=True) if error is None]
        for entry in written:
            self._count_in(entry.lease, entry.facts)
        count = sum(len(entry.facts) for entry in written)
        _written({entry.lease.thread_id for entry in group}, count)
        return results

    def _append_one(self, connection: Any, entry: Entry) -> BaseException | None:
        try:
            self._append(connection, entry.lease, entry.facts)
        except LeaseLost as error:
            return error
        return None

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
                self._append(connections[self.alias], lease, entry.facts)
            self._count_in(lease, entry.facts)
            _written({lease.thread_id}, len(entry.facts))
            return True

        def already() -> bool | None:
            return True if self._is_there(lease, first) else None

        try:
            self._patiently(lease.thread_id, attempt, already, in_doubt=in_doubt)
        except BaseException as error:
            return error
        return None

    def _patiently(
        self,
        thread_id: str,
        attempt: Callable[[], T],
        already: Callable[[], T | None],
        *,
        in_doubt: bool = False,
    ) -> T:
        """Try until it is done, certainly once, or the database stayed away too long (rule 6).

        in_doubt: an attempt has been made before, and may have succeeded.
        """
        deadline = monotonic() + conf.settings().database_patience_seconds
        pause = 0.05
        while True:
            try:
                if in_doubt:
                    done = already()
                    if done is not None:
                        return done
                return attempt()
            except (*GONE, JournalUnreachable) as error:
                if connections[self.alias].in_atomic_block:
                    raise
                if monotonic() > deadline:
                    raise unreachable(thread_id, error) from error
                logger.warning(
                    "The journal of thread %s cannot be written yet: %s",
                    thread_id,
                    discreet.plain(error),
                    extra={"thread_id": thread_id},
                )
                in_doubt = True
                self.renew_connection()
                sleep(pause)
                pause = min(pause * 2, 2.0)

    def renew(self, leases: Sequence[Lease], *, lease_seconds: float) -> list[Lease]:
        threads = Thread.objects.using(self.alias)
        return [lease for lease in leases if not threads.renew_lease(lease, lease_seconds=lease_seconds)]

    def hand_back(self, lease: Lease) -> None:
        Thread.objects.using(self.alias).hand_back(lease)

    # Reading

    def load(self, thread_id: str) -> Opened:
        return self._patiently(thread_id, partial(self._load, thread_id), lambda: None)

    def _load(self, thread_id: str) -> Opened:
        connection = connections[self.alias]
        with driver.together(connection):
            found = self._threads.select("id = %s", [thread_id])
            last_turn = statements.ask_last_turn(connection, thread_id)
        threads, turn = found(), last_turn()
        if not threads:
            raise unknown_thread(thread_id)
        thread = threads[0]

        # Up to the seq that the thread's row showed: what is committed since belongs to the next load.
        def replayed(first: int, last: int) -> list[Fact]:
            if turn and turn[0].seq == first:
                return [fact for fact in turn if fact.seq <= last]
            return statements.replayed(connection, thread_id, first, last)

        facts = forking.lineage(replayed, thread.turn_seq, thread.seq)
        return Opened(
            thread=thread,
            facts=[fact for fact in facts if fact.kind not in NOT_REPLAYED],
            events=frozenset(fact.path for fact in facts if fact.kind in ("event", "warning")),
            previous=self.value_at(thread_id, thread.previous_seq) if thread.previous_seq else None,
        )

    def thread(self, thread_id: str) -> Thread | None:
        with self._reachable(thread_id):
            found = self._threads.select("id = %s", [thread_id])()
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

    @contextmanager
    def _reachable(self, what: str) -> Iterator[None]:
        """JournalUnreachable where the database is locked or gone while `what` is read or written."""
        try:
            yield
        except GONE as error:
            self.renew_connection()
            raise unreachable(what, error) from error

    def _fact_at(self, thread_id: str, seq: int) -> Fact:
        found = Checkpoint.objects.using(self.alias).filter(thread_id=thread_id, seq=seq).first()
        if found is None:
            raise forgotten(thread_id, seq)
        return _fact(found)

    # Forgetting

    def delete_thread(self, thread_id: str) -> None:
        Thread.objects.using(self.alias).filter(id=thread_id).delete()

    def delete_facts(self, thread_id: str, seqs: Sequence[int]) -> None:
        journal = Checkpoint.objects.using(self.alias)
        for first in range(0, len(seqs), PRUNED_AT_ONCE):
            some = seqs[first : first + PRUNED_AT_ONCE]
            journal.filter(thread_id=thread_id, seq__in=some).delete()

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

    def check_usable(self) -> None:
        if connections[self.alias].in_atomic_block and not inline.get():
            raise InsideTransaction(
                "A graph cannot run inside transaction.atomic(): its results are durable at once and could not be "
                "rolled back. Use hitl.verbs.start() or answer() there; in tests use hitl.testing."
            )

    def leave_broken_connection(self) -> None:
        """Close this thread's connection if an error came over it; the next query makes another."""
        if connections[self.alias].errors_occurred:
            self.renew_connection()

    def renew_connection(self) -> None:
        """After an error: the next query makes another connection.

        Where this one was lost, those that wait in Django's pool are likely to be, too; the pool replaces them
        when it is told to look, rather than handing them out one after another.
        """
        connection = connections[self.alias]
        if connection.in_atomic_block:
            return
        lost_it = connection.connection is not None and not connection.is_usable()
        connection.close()
        pool = getattr(connection, "pool", None)
        if lost_it and pool is not None:
            pool.check()

    def close_connection(self) -> None:
        connection = connections[self.alias]
        if not connection.in_atomic_block:
            connection.close()


@lru_cache
def saver(alias: str | None = None) -> DatabaseSaver:
    """The store of a database, one a process, so that its journal threads are shared."""
    return DatabaseSaver(alias or conf.settings().database)


def _new_thread(thread_id: str) -> Thread:
    moment = datetime.now(UTC)
    return Thread(id=check_thread_id(thread_id), created_at=moment, updated_at=moment)


def _written(thread_ids: Collection[str], count: int) -> None:
    """Facts of these threads are committed."""
    announce.moved(*thread_ids)
    observing.tell(Observer.facts_written, count)


def _committed(unit: Unit) -> None:
    """A transition is committed; of an answer it is told how long its question had waited for it."""
    _written({unit.thread.id}, len(unit.facts))
    for fact in unit.facts:
        if fact.kind in ("answer", "hold"):
            question = unit.questions[fact.detail["id"]]
            waited = max(0.0, (unit.now - question.asked_at).total_seconds())
            observing.tell(Observer.answered, question.workflow, waited)


def _wanted(thread_id: str, *, closed: bool, questions: Sequence[str]) -> tuple[str, list[Any]]:
    """Which questions a transition sees: the open ones, this turn's, those it names."""
    params: list[Any] = [thread_id, *OPEN]
    others = ""
    if closed:
        others += " OR turn = (SELECT turn FROM hitl_thread WHERE id = %s)"
        params.append(thread_id)
    if questions:
        others += f" OR id IN ({', '.join(['%s'] * len(questions))})"
        params += questions
    return f"thread_id = %s AND (status IN (%s, %s){others})", params


def unreachable(thread_id: str, error: BaseException) -> JournalUnreachable:
    return JournalUnreachable(
        f"The journal of {thread_id!r} cannot be reached ({error}). Nothing was half-written; try again."
    )


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
