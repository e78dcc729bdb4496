"""Runs threads in the web process: the embedded default, no other service needed.

It begins with `serve()`, which the ASGI wrapper calls at start-up, or with the first request that this
process handles. In any other process (a command, a shell) a nudge does nothing: the server's sweep finds
the thread within two seconds (rule 40).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from queue import SimpleQueue
from threading import Event, Lock, Thread, current_thread

from hitl import conf, models, presence, registry, shift
from hitl import sweep as sweeps
from hitl.executors.base import Executor
from hitl.worker import Worker

STOP_SECONDS = 1.0


class InProcess(Executor):
    """`HITL_CONCURRENCY` worker threads and one that sweeps."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._waiting: set[str] = set()
        self._threads: list[Thread] = []
        self._stopping = Event()
        self._serves: Collection[str] | None = None

    def nudge(self, thread_id: str, *, workflow: str, run_at: datetime | None = None) -> None:
        if run_at is not None or not self._threads or workflow not in self.known():
            return
        with self._lock:
            if thread_id in self._waiting:
                return
            self._waiting.add(thread_id)
        self._queue.put(thread_id)

    def nudges_here(self) -> bool:
        return bool(self._threads)

    def known(self) -> Collection[str]:
        """All that are registered here, or those that this worker was given."""
        if self._serves is not None:
            return self._serves
        return [workflow.name for workflow in registry.all()]

    def serve(self) -> None:
        self._begin(conf.settings().concurrency)

    def stop(self) -> None:
        """Give what is running a second to end; the rest is handed back."""
        threads = self._begin_no_more()
        if not threads:
            return
        shift.end(seconds=STOP_SECONDS)
        for thread in threads:
            if thread is not current_thread():
                thread.join(timeout=STOP_SECONDS)
        presence.stop()

    def work(self, worker: Worker) -> None:
        self._serves = worker.workflows
        self._begin(worker.concurrency)
        worker.stopping.wait()
        self._begin_no_more()

    def _begin(self, count: int) -> None:
        with self._lock:
            if self._threads:
                return
            self._stopping.clear()
            self._threads = [
                Thread(target=self._work, name=f"hitl-executor-{index}", daemon=True) for index in range(count)
            ]
            self._threads.append(Thread(target=self._sweep, name="hitl-sweep", daemon=True))
            for thread in self._threads:
                thread.start()
        presence.start(workflows=self.known(), concurrency=count)

    def _begin_no_more(self) -> list[Thread]:
        """Let idle threads end, and busy ones with their run; what still waits here is left to other processes."""
        with self._lock:
            threads, self._threads = self._threads, []
            self._stopping.set()
            waiting = sorted(self._waiting)
        for _ in threads[:-1]:
            self._queue.put(None)
        if waiting:
            models.Thread.objects.using(conf.settings().database).of_ids(waiting).forget_nudges()
        return threads

    def _work(self) -> None:
        while (thread_id := self._queue.get()) is not None:
            with self._lock:
                self._waiting.discard(thread_id)
            if not self._stopping.is_set():
                shift.run(thread_id)

    def _sweep(self) -> None:
        first = True
        while not self._stopping.is_set():
            first = not sweeps.safely(at_start=first) and first
            self._stopping.wait(conf.settings().sweep_seconds)
