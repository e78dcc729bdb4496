"""Runs threads in the web process: the embedded default, no other service needed.

It begins with `serve()`, which the ASGI wrapper calls at start-up, or with the first request that this
process handles. In any other process (a command, a shell) a nudge does nothing: the server's sweep finds
the thread within two seconds (rule 40).
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime
from queue import SimpleQueue
from threading import Event, Lock, Thread, current_thread

from hitl import conf, discreet, pool, registry, run
from hitl import sweep as sweeps
from hitl.checkpoint.database import saver
from hitl.executors.base import Executor

logger = logging.getLogger(__name__)


class InProcess(Executor):
    """`HITL_CONCURRENCY` worker threads and one that sweeps."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._waiting: set[str] = set()
        self._threads: list[Thread] = []
        self._stopping = Event()

    def nudge(self, thread_id: str, *, workflow: str, run_at: datetime | None = None) -> None:
        if run_at is not None or not self._threads:
            return
        with self._lock:
            if thread_id in self._waiting:
                return
            self._waiting.add(thread_id)
        self._queue.put(thread_id)

    def nudges_here(self) -> bool:
        return bool(self._threads)

    def known(self) -> Collection[str]:
        return [workflow.name for workflow in registry.all()]

    def serve(self) -> None:
        with self._lock:
            if self._threads:
                return
            self._stopping.clear()
            count = conf.settings().concurrency
            self._threads = [
                Thread(target=self._work, name=f"hitl-executor-{index}", daemon=True) for index in range(count)
            ]
            self._threads.append(Thread(target=self._sweep, name="hitl-sweep", daemon=True))
            for thread in self._threads:
                thread.start()

    def stop(self) -> None:
        """Finish what is running, if it is done within a second; the rest is left to its lease."""
        with self._lock:
            threads, self._threads = self._threads, []
            self._stopping.set()
        for _ in threads[:-1]:
            self._queue.put(None)
        for thread in threads:
            if thread is not current_thread():
                thread.join(timeout=1.0)

    def _work(self) -> None:
        while (thread_id := self._queue.get()) is not None:
            with self._lock:
                self._waiting.discard(thread_id)
            try:
                run.run_thread(thread_id)
            except Exception as error:
                logger.error(
                    "Thread %s could not be run; a sweep will come back to it.\n%s",
                    thread_id,
                    discreet.trace(error),
                    extra={"thread_id": thread_id},
                )
            pool.close_connections()

    def _sweep(self) -> None:
        first = True
        while not self._stopping.is_set():
            try:
                sweeps.sweep(at_start=first)
                first = False
            except Exception as error:
                logger.warning("The sweep failed and will be tried again: %s", discreet.plain(error))
                saver().renew_connection()
            pool.close_connections()
            self._stopping.wait(conf.settings().sweep_seconds)
