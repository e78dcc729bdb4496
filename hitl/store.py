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
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from hitl.errors import InvalidInput, NotFound, UnknownThread
from hitl.facts import Fact
from hitl.lease import Lease
from hitl.unit import Opened, Unit

T = TypeVar("T")
MAX_THREAD_ID = 200


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
