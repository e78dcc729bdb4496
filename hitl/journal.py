"""Journal threads: connections of their own that write what running legs hand over (rule 35).

A body, sync or async, hands its facts here and goes on; no event loop waits for a database, and what
several legs hand over while a commit is under way goes into the next one together. Facts of one thread
always pass through the same journal thread, so their order is kept.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeVar
from zlib import crc32

from hitl import discreet
from hitl.facts import Fact
from hitl.store import Lease

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


class Journal:
    """The journal threads of one database in one process; started on first use, stopped by `close()`."""

    def __init__(self, saver: DatabaseSaver, *, threads: int) -> None:
        self._saver = saver
        self._lock = Lock()
        self._queues: list[SimpleQueue[Any]] = [SimpleQueue() for _ in range(threads)]
        self._threads: list[Thread | None] = [None] * threads

    def post(self, entry: Entry) -> None:
        self._put(entry.lease.thread_id, entry)

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

    def close(self) -> None:
        """Let the threads finish what they have, close their connections and end."""
        with self._lock:
            threads = [thread for thread in self._threads if thread]
            for queue, thread in zip(self._queues, self._threads, strict=True):
                if thread:
                    queue.put(None)
            self._threads = [None] * len(self._threads)
        for thread in threads:
            thread.join()

    def _put(self, key: str, item: Any) -> None:
        index = crc32(key.encode()) % len(self._queues)
        with self._lock:
            thread = self._threads[index]
            if thread is None or not thread.is_alive():
                thread = Thread(
                    target=self._work, args=(self._queues[index],), name=f"hitl-journal-{index}", daemon=True
                )
                self._threads[index] = thread
                thread.start()
            self._queues[index].put(item)

    def _work(self, queue: SimpleQueue[Any]) -> None:
        idle = True
        while True:
            try:
                item = queue.get(timeout=None if idle else IDLE_SECONDS)
            except Empty:
                self._saver.close_connection()
                idle = True
                continue
            idle = False
            if item is None:
                break
            if not self._handle(item, queue):
                break
            self._saver.leave_broken_connection()
        self._saver.close_connection()

    def _handle(self, item: Any, queue: SimpleQueue[Any]) -> bool:
        """Do one thing, or as many appends as are there, in order. False: asked to end."""
        group: list[Entry] = []
        while True:
            if isinstance(item, Entry):
                group.append(item)
            else:
                self._flush(group)
                if item is None:
                    return False
                item()
                return True
            if len(group) == GROUP:
                break
            try:
                item = queue.get_nowait()
            except Empty:
                break
        self._flush(group)
        return True

    def _flush(self, group: list[Entry]) -> None:
        if group:
            self._saver.append_group(list(group))
            group.clear()


@contextlib.contextmanager
def in_callers_thread() -> Iterator[None]:
    """Write the journal, and run tasks, in this thread and on its connection (hitl.testing)."""
    token = inline.set(True)
    try:
        yield
    finally:
        inline.reset(token)
