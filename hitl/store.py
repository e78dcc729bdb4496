"""Where journals are kept: the seam between the engine and its storage.

A store does three things. `transact` locks one thread's row, hands a `Unit` to a function of
`hitl.transitions`, and writes the facts it added together with the rows they change. `append` adds facts
of a running leg under its lease, in one statement where the database can. `load` reads the open turn.

The fence (rules 1 to 3): a thread's `seq` is raised only under its row's lock, by every writer, so that
seq order is commit order without gaps. An executor's facts are written only where `lease_epoch` is still
the one it claimed; claim and cancel raise it, and a thread begins with one that no deleted thread of its id had.
"""

from __future__ import annotations

import asyncio
import dataclasses
import os
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from math import inf
from time import monotonic, time_ns
from typing import Any, TypeVar
from uuid import uuid4

from hitl.errors import InvalidInput, LeaseLost, NotFound, UnknownThread
from hitl.facts import NOT_REPLAYED, Fact
from hitl.projection import Projection

T = TypeVar("T")
MAX_THREAD_ID = 200


class Kept:
    """A leased thread as its lease-holder knows it: the open turn, to begin with, and the rows.

    The rows stand for as long as nobody else has written there. The holder's own facts are counted in as they are
    committed. Whatever anybody else does to a thread raises its `seq`, so that a compare of `seq` and `lease_epoch`
    tells whether these rows are still what stands.
    """

    __slots__ = ("_opened", "_projection", "held_until", "seq")

    def __init__(self) -> None:
        self._opened: Opened | None = None
        self._projection: Projection | None = None
        self.seq = 0
        # By the monotonic clock: nobody else can have the lease before that.
        self.held_until = inf

    def keep(self, unit: Unit) -> None:
        """What the transition that took the lease has committed."""
        self._opened, self._projection, self.seq = unit.opened(), unit.projection.committed(), unit.thread.seq

    def count_in(self, facts: Sequence[Fact]) -> None:
        """Facts of the holder that are committed: a gap before them is somebody else's, and stays a difference."""
        if facts and facts[0].seq == self.seq + 1:
            self.seq = facts[-1].seq
        if any(fact.kind == "warning" for fact in facts):
            self._projection = None  # that changes the row itself

    def take_turn(self) -> Opened | None:
        """The open turn as it was when the lease was taken, once: for the first pass over it."""
        taken, self._opened = self._opened, None
        return taken

    def take(self) -> Projection | None:
        """The rows, once: whoever gets them changes them."""
        taken, self._projection = self._projection, None
        return taken


@dataclasses.dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one thread. `claims` counts how often it was claimed since the last new fact.

    version: of the workflow, which the open turn needs.
    taken_at: by the store's clock, by which also the thread's timers are found due; `now()` goes on from there.
    """

    thread_id: str
    epoch: int
    owner: str
    claims: int = 1
    version: str = ""
    taken_at: datetime = dataclasses.field(default_factory=lambda: datetime.now(UTC), compare=False)
    taken_monotonic: float = dataclasses.field(default_factory=monotonic, compare=False)
    kept: Kept = dataclasses.field(default_factory=Kept, compare=False, repr=False)

    def now(self) -> datetime:
        """The store's time, whatever this machine's clock shows or jumps to meanwhile (rule 3)."""
        return self.taken_at + timedelta(seconds=monotonic() - self.taken_monotonic)


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """The open turn as replay needs it: the thread's state, and the turn's facts in order."""

    thread: Any
    facts: Sequence[Fact]
    events: frozenset[str]
    previous: str | None

    @classmethod
    def of(cls, thread: Any, facts: Sequence[Fact]) -> Opened | None:
        """From a thread's last facts, and the value it builds on; None where they are not all that it takes.

        A turn that goes on from another (a fork) builds on facts that stand elsewhere.
        """
        turn = [fact for fact in facts if fact.seq >= thread.turn_seq]
        if not turn or turn[0].seq != thread.turn_seq or turn[0].kind == "fork":
            return None
        built_on = next((fact for fact in facts if fact.seq == thread.previous_seq), None)
        if thread.previous_seq and built_on is None:
            return None
        return cls.replayed(thread, turn, built_on.value if built_on else None)

    @classmethod
    def replayed(cls, thread: Any, turn: Sequence[Fact], previous: str | None) -> Opened:
        """From all facts of the turn: without those that say nothing to a replay."""
        return cls(
            thread=thread,
            facts=[fact for fact in turn if fact.kind not in NOT_REPLAYED],
            events=frozenset(fact.path for fact in turn if fact.kind in ("event", "warning")),
            previous=previous,
        )


@cache
def host() -> str:
    """This machine and, on Linux, this space of process ids: where a pid means what it says."""
    try:
        return f"{socket.gethostname()}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return socket.gethostname()


_process: tuple[int, str] = (0, "")


def owner() -> str:
    """The name this process signs its leases with."""
    global _process
    if _process[0] != os.getpid():
        _process = (os.getpid(), f"{host()}:{os.getpid()}:{uuid4().hex[:8]}")
    return _process[1]


def owner_is_dead(name: str) -> bool:
    """Whether the process that signed so ran on this machine and is gone; False when in doubt."""
    where, _, rest = name.partition(":")
    pid, _, _ = rest.partition(":")
    if where != host() or not pid.isdigit() or name == owner():
        return False
    if int(pid) == os.getpid():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


class Unit:
    """One short transaction on one thread whose row is locked. Facts added here are written at its end."""

    def __init__(
        self,
        projection: Projection,
        *,
        now: datetime,
        is_new: bool,
        turn: Callable[[], Sequence[Fact]],
        fact: Callable[[int], Fact],
        recorded: Sequence[Fact] = (),
    ) -> None:
        self.projection = projection
        self.thread = projection.thread
        self.now = now
        self.is_new = is_new
        self.facts: list[Fact] = []
        # The lease that was taken here, if one was.
        self.lease: Lease | None = None
        self._turn = turn
        self._fact = fact
        # Where it was asked for, the last turn as it was found, with the value it builds on.
        self._recorded = recorded

    def under_way(self) -> list[str]:
        """The names of the calls that were begun in the open turn and are not recorded (rule 27)."""
        open_calls: dict[str, str] = {}
        for fact in self._turn():
            if fact.kind == "call":
                open_calls[fact.path] = fact.name
            elif fact.kind in ("task", "error"):
                open_calls.pop(fact.path, None)
        # A call that waits for one below it did not kill anybody.
        return [name for path, name in open_calls.items() if not any(p.startswith(f"{path}/") for p in open_calls)]

    def fact(self, seq: int) -> Fact:
        """A fact of the thread that was written before, in this transaction too; NotFound where it is forgotten."""
        return next((fact for fact in self.facts if fact.seq == seq), None) or self._fact(seq)

    def add(self, fact: Fact) -> Fact:
        fact.seq = self.thread.seq + 1
        fact.epoch = self.thread.lease_epoch
        self.projection.apply(fact)
        self.facts.append(fact)
        return fact

    @property
    def questions(self) -> dict[str, Any]:
        return self.projection.questions

    @property
    def runs(self) -> dict[str, Any]:
        return self.projection.runs

    def opened(self) -> Opened | None:
        """The open turn, where all of it was read or written here: what `load` would read once this is committed."""
        return Opened.of(self.thread, [*self._recorded, *self.facts])

    def check(self, lease: Lease) -> None:
        """Raise LeaseLost unless the lease still stands."""
        if self.is_new or self.thread.lease_epoch != lease.epoch:
            raise lost(lease)

    def lease_is_free(self) -> bool:
        expires = self.thread.lease_expires_at
        return expires is None or expires <= self.now

    def take_lease(self, *, lease_seconds: float) -> Lease:
        thread = self.thread
        thread.lease_epoch += 1
        thread.lease_owner = owner()
        thread.lease_expires_at = self.now + timedelta(seconds=lease_seconds)
        thread.claims += 1
        thread.nudges, thread.nudge_at, thread.wake_at = 0, None, None
        self.lease = Lease(
            thread.id,
            thread.lease_epoch,
            thread.lease_owner,
            thread.claims,
            thread.workflow_version,
            taken_at=self.now,
        )
        self.lease.kept.held_until = self.lease.taken_monotonic + lease_seconds
        return self.lease

    def drop_lease(self) -> None:
        thread = self.thread
        thread.lease_owner, thread.lease_expires_at, thread.claims = "", None, 0


def first_epoch() -> int:
    """Where a new thread's epochs begin: past those of a deleted thread of its id, which somebody may still run."""
    return time_ns() // 1000


def lost(lease: Lease) -> LeaseLost:
    return LeaseLost(
        f"Thread {lease.thread_id!r} is no longer held by {lease.owner}: it was cancelled, or its lease ran out "
        "and another executor took it up. What this run was doing is not recorded; look at the thread."
    )


def unknown_thread(thread_id: str) -> UnknownThread:
    return UnknownThread(f"There is no thread {thread_id!r}. `manage.py hitl threads` lists those there are.")


def forgotten(thread_id: str, seq: int) -> NotFound:
    return NotFound(f"Fact {seq} of thread {thread_id!r} is forgotten. get_state_history() lists what is kept.")


def check_thread_id(thread_id: str) -> str:
    """The id, or InvalidInput where it cannot be one."""
    if thread_id.strip() and len(thread_id) <= MAX_THREAD_ID and thread_id.isprintable():
        return thread_id
    told = f"1 to {MAX_THREAD_ID} printable characters"
    raise InvalidInput(f"{thread_id[:50]!r} cannot be a thread id: use {told}.", errors=[("thread_id", told)])


class Store(ABC):
    """Keeps journals. Two implementations: `checkpoint.memory` and `checkpoint.database`."""

    @abstractmethod
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
        """Run `work` on the locked thread and write what it added, all or nothing.

        create: make the thread's row if it is not there; otherwise UnknownThread.
        closed: let `work` see the closed questions of this turn too, not only the open ones.
        turn: `work` takes the lease, so that the open turn is read as well.
        questions: ids of questions that `work` wants to see in any case.
        repeatable: `work` does nothing but add to the unit; it may be run on rows that are not locked yet, and again
            on the locked ones if those are others.
        """

    @abstractmethod
    def settle(self, lease: Lease, work: Callable[[Unit], bool], *, loaded_seq: int) -> bool:
        """End one pass of a leg: `work` adds its pause, output or failure, once also if the store fails midway.

        loaded_seq: the thread's seq when the pass was loaded. Returns what `work` returned: whether the leg ended.
        """

    @abstractmethod
    def append(self, lease: Lease, facts: Sequence[Fact]) -> None:
        """Add facts of a running leg and number them; LeaseLost where the lease no longer stands."""

    def atomically(self, lease: Lease, work: Callable[[], Sequence[Fact]]) -> None:
        """Run `work` and append the facts it returns, in one transaction where the store has such."""
        self.append(lease, work())

    @abstractmethod
    def renew(self, leases: Sequence[Lease], *, lease_seconds: float) -> list[Lease]:
        """Prolong leases; returns those that no longer stand."""

    def hand_back(self, lease: Lease) -> None:  # noqa: B027 - what one process keeps, no other can go on with
        """Give the lease up before its time, as if it had never been claimed; another executor may take it at once."""

    @abstractmethod
    def load(self, thread_id: str) -> Opened:
        """The open turn."""

    def now(self) -> datetime:
        """The time by which leases and timers go."""
        return datetime.now(UTC)

    @abstractmethod
    def thread(self, thread_id: str) -> Any:
        """The thread's row, or None."""

    @abstractmethod
    def facts(self, thread_id: str, *, after: int = 0) -> list[Fact]:
        """The whole journal after a seq, in order."""

    @abstractmethod
    def marks(self, thread_id: str, kinds: Sequence[str]) -> list[tuple[int, str]]:
        """Seq and kind of the thread's facts of these kinds, in order."""

    @abstractmethod
    def open_questions(self, thread_id: str) -> list[Any]:
        """Pending and held questions in the order they were asked."""

    @abstractmethod
    def question(self, question_id: str) -> Any:
        """The row of a question, open or not, or None."""

    @abstractmethod
    def value_at(self, thread_id: str, seq: int) -> str | None:
        """The stored value of one fact."""

    @abstractmethod
    def run_with_key(self, workflow: str, key: str) -> Any:
        """The run that was started with this idempotency key, or None."""

    @abstractmethod
    def delete_thread(self, thread_id: str) -> None:
        """Forget the thread: journal, runs and questions. Whoever runs it has lost its lease. Harmless to repeat."""

    @abstractmethod
    def delete_facts(self, thread_id: str, seqs: Sequence[int]) -> None:
        """Forget facts that nothing needs any more."""

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Give a new thread the history of another, questions that are open included, under ids of their own.

        Raises UnknownThread; ThreadBusy where the target is there already, or the source is running.
        """
        from hitl import forking, opening

        source = self.thread(source_thread_id)
        if source is None:
            raise unknown_thread(source_thread_id)
        if source.status == "busy":
            raise opening.busy(source_thread_id)
        self.transact(target_thread_id, partial(forking.copy, facts=self.facts(source_thread_id)), create=True)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Make journals smaller. strategy: "keep_latest" keeps the last turn and the values it builds on, and
        forgets the turns before; "delete" forgets the threads."""
        from hitl import forking

        if strategy not in ("keep_latest", "delete"):
            raise ValueError(f'There is no strategy {strategy!r} to prune by; use "keep_latest" or "delete".')
        for thread_id in thread_ids:
            if strategy == "delete":
                self.delete_thread(thread_id)
                continue
            if self.thread(thread_id) is not None:
                # Under one lock: a fork in between would lose what it builds on.
                self.transact(
                    thread_id,
                    lambda unit: self.delete_facts(unit.thread.id, forking.prune(unit, self.facts(unit.thread.id))),
                )

    async def adelete_thread(self, thread_id: str) -> None:
        """`delete_thread` for asynchronous code."""
        await self._elsewhere(partial(self.delete_thread, thread_id))

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """`copy_thread` for asynchronous code."""
        await self._elsewhere(partial(self.copy_thread, source_thread_id, target_thread_id))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """`prune` for asynchronous code."""
        await self._elsewhere(partial(self.prune, thread_ids, strategy=strategy))

    async def _elsewhere(self, work: Callable[[], None]) -> None:
        await asyncio.wrap_future(self.submit(work))

    # How the engine calls a store: at once, unless the store has journal threads of its own.

    def post(self, lease: Lease, facts: Sequence[Fact], done: Callable[[BaseException | None], None]) -> None:
        """Append, and call `done` with None or with what went wrong, once that is certain."""
        try:
            self.append(lease, facts)
        except BaseException as error:
            done(error)
        else:
            done(None)

    def record(self, lease: Lease, facts: Sequence[Fact], done: Callable[[BaseException | None], None]) -> None:
        """`post` from code that has nothing else to do until it is done: perhaps `done` is called before it returns."""
        self.post(lease, facts, done)

    def submit(self, work: Callable[[], T], *, key: str = "") -> Future[T]:
        """Run `work`, which calls this store, where it blocks nobody else.

        key: the thread's id, where `work` has to come after the facts that were posted for it.
        """
        future: Future[T] = Future()
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)
        return future

    def call(self, work: Callable[[], T], *, key: str = "") -> T:
        """`submit`, and wait for it."""
        return self.submit(work, key=key).result()

    def check_usable(self) -> None:  # noqa: B027 - a store that always works has nothing to refuse
        """Raise where a run cannot work now (inside a transaction of the caller's)."""
