"""The journal's lanes: connections of their own over which facts are written (rule 35).

A lane has a thread, to which bodies hand their facts and go on: no event loop waits for a database, and what
several legs hand over while a commit is under way goes into the next one together. A thread that has to wait
for its fact anyway takes a lane that nobody uses and writes by itself, which saves two switches of threads.
Facts of one thread always pass through the same lane, one after another, so their order is kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet
from zlib import crc32

from django.db import connections

from hitl import discreet, forked
from hitl.facts import Fact
from hitl.lease import Lease

if TYPE_CHECKING:
    from hitl.checkpoint.database import DatabaseSaver

logger = logging.getLogger(__name__)
T = TypeVar("T")
GROUP = 64
IDLE_SECONDS = 5.0

# Set by hitl.testing: everything happens in the caller's thread and on its connection.
inline: ContextVar[bool] = ContextVar("hitl_inline", default=False)


@dataclass(slots=True)
class Entry:
    """Facts to append, and whom to tell."""

    lease: Lease
    facts: Sequence[Fact]
    done: Callable[[BaseException | None], None]

    def tell(self, error: BaseException | None) -> None:
        """Say how it went. Whoever fails at hearing it must not take the other legs' journal along."""
        try:
            self.done(error)
        except BaseException as failed:
            logger.error(
                "A leg of thread %s failed at what its journal told it.\n%s",
                self.lease.thread_id,
                discreet.trace(failed),
                extra={"thread_id": self.lease.thread_id},
            )


class Lane:
    """One connection that writes, and what waits for it. Whoever holds `lock` uses the connection."""

    def __init__(self, alias: str) -> None:
        self.queue: SimpleQueue[Any] = SimpleQueue()
        self.lock = Lock()
        # How much is waiting or being done, the journal's lock held; 0: a thread that may wait can do it itself.
        self.pending = 0
        self.thread: Thread | None = None
        self.rests = True
        self.was_used = False
        self._alias = alias
        self._connection: Any = None

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within the block this thread's connection is the lane's."""
        with self.lock:
            before = connections[self._alias]
            connections[self._alias] = self._own()
            try:
                yield
            finally:
                connections[self._alias] = before

    def _own(self) -> Any:
        if self._connection is None:
            self._connection = connections.create_connection(self._alias)
            self._connection.inc_thread_sharing()
        return self._connection


class Journal:
    """The lanes of one database in one process; their threads are started on first use, stopped by `close()`."""

    def __init__(self, saver: DatabaseSaver, *, threads: int) -> None:
        self._saver = saver
        self._lock = Lock()
        self._lanes = [Lane(saver.alias) for _ in range(threads)]
        _journals.add(self)

    def begin_anew(self) -> None:
        """In a process that was forked: with lanes of its own."""
        _inherited.extend(self._lanes)
        self._lock = Lock()
        self._lanes = [Lane(self._saver.alias) for _ in self._lanes]

    def post(self, entry: Entry) -> None:
        """Have it written, and do not wait."""
        self._put(entry.lease.thread_id, entry)

    def record(self, entry: Entry) -> None:
        """Have it written, if possible by this thread."""
        lane = self._entered(entry.lease.thread_id)
        if lane is None:
            self.post(entry)
            return
        with self._left(lane):
            (result,) = self._saver.written([entry])
        entry.tell(result)

    def submit(self, work: Callable[[], T], *, key: str = "") -> Future[T]:
        """Run `work` on a journal thread; those of one key one after another."""
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        self._put(key, run)
        return future

    def call(self, work: Callable[[], T], *, key: str = "") -> T:
        """Run `work` and wait for it, if possible in this thread."""
        lane = self._entered(key)
        if lane is None:
            return self.submit(work, key=key).result()
        with self._left(lane):
            return work()

    def close(self) -> None:
        """Let the threads finish what they have, close their connections and end."""
        with self._lock:
            threads = [lane.thread for lane in self._lanes if lane.thread]
            for lane in self._lanes:
                if lane.thread:
                    lane.queue.put(None)
                    lane.thread = None
        for thread in threads:
            thread.join()

    def _lane(self, key: str) -> Lane:
        """With the lock held."""
        lane = self._lanes[crc32(key.encode()) % len(self._lanes)]
        if lane.thread is None or not lane.thread.is_alive():
            name = f"hitl-journal-{self._lanes.index(lane)}"
            lane.thread = Thread(target=self._work, args=(lane,), name=name, daemon=True)
            lane.thread.start()
        return lane

    def _put(self, key: str, item: Any) -> None:
        with self._lock:
            lane = self._lane(key)
            lane.pending += 1
            lane.queue.put(item)

    def _entered(self, key: str) -> Lane | None:
        """The lane, if nothing is under way in it and this thread may wait for a database."""
        if running_loop() is not None:
            return None
        with self._lock:
            lane = self._lane(key)
            if lane.pending:
                return None
            lane.pending, lane.was_used = 1, True
            if lane.rests:
                lane.rests = False
                lane.queue.put(_nothing)
            return lane

    @contextlib.contextmanager
    def _left(self, lane: Lane) -> Iterator[None]:
        """Use the lane, and leave it to others behind the block."""
        try:
            with lane.held():
                try:
                    yield
                finally:
                    self._saver.leave_broken_connection()
        finally:
            self._done(lane, 1)

    def _done(self, lane: Lane, count: int) -> None:
        with self._lock:
            lane.pending -= count

    # The thread of a lane

    def _work(self, lane: Lane) -> None:
        while True:
            try:
                item = lane.queue.get(timeout=None if lane.rests else IDLE_SECONDS)
            except Empty:
                self._rest(lane)
                continue
            with lane.held():
                goes_on = self._handle(item, lane)
                if goes_on:
                    self._saver.leave_broken_connection()
                else:
                    self._saver.close_connection()
            if not goes_on:
                return

    def _rest(self, lane: Lane) -> None:
        """Close the connection if nobody has used it for a while."""
        with self._lock:
            if lane.was_used or lane.pending:
                lane.was_used = False
                return
            lane.rests = True
        with lane.held():
            self._saver.close_connection()

    def _handle(self, item: Any, lane: Lane) -> bool:
        """Do one thing, or as many appends as are there, in order. False: asked to end."""
        group: list[Entry] = []
        while True:
            if isinstance(item, Entry):
                group.append(item)
            else:
                self._flush(group, lane)
                if item is None:
                    return False
                item()
                if item is not _nothing:
                    self._done(lane, 1)
                return True
            if len(group) == GROUP:
                break
            try:
                item = lane.queue.get_nowait()
            except Empty:
                break
        self._flush(group, lane)
        return True

    def _flush(self, group: list[Entry], lane: Lane) -> None:
        if group:
            self._saver.append_group(list(group))
            self._done(lane, len(group))
            group.clear()


_journals: WeakSet[Journal] = WeakSet()
# What the parent's lanes hold, so that nothing is closed here that it still uses.
_inherited: list[Lane] = []


@forked.in_child
def _begin_anew() -> None:
    for journal in _journals:
        journal.begin_anew()


def _nothing() -> None:
    """Wakes a lane's thread, so that it looks after the connection."""


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that runs in this thread, if one does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


@contextlib.contextmanager
def in_callers_thread() -> Iterator[None]:
    """Write the journal, and run tasks, in this thread and on its connection (hitl.testing)."""
    token = inline.set(True)
    try:
        yield
    finally:
        inline.reset(token)
