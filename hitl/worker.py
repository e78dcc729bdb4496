"""A process that executes runs and serves no pages, whichever engine brings the nudges to it.

The engine looks for nudges in a thread of its own until `stopping` is set. What is under way then may go on for
`HITL_STOP_SECONDS` and is handed back after that.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from threading import Event, Thread
from time import monotonic

from hitl import conf, discreet, executors, models, pool, presence, shift

# How long a signal may lie unheard.
LISTEN_SECONDS = 0.5
# How long an engine may take to notice that it is to stop.
LEAVE_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Worker:
    """A worker process from its start to its end.

    workflows: the names of those it serves, all others are left to others. concurrency: runs at the same time.
    """

    def __init__(self, *, workflows: Iterable[str], concurrency: int) -> None:
        self.workflows = tuple(sorted(workflows))
        self.concurrency = concurrency
        self.stopping = Event()
        self.failed = False
        self._hurry = Event()

    def work(self) -> bool:
        """Execute runs until somebody calls `stop`. Returns whether no thread was left behind in a run's code."""
        engine = Thread(target=self._engine, name="hitl-engine", daemon=True)
        engine.start()
        presence.start(workflows=self.workflows, concurrency=self.concurrency)
        while not self.stopping.wait(LISTEN_SECONDS):
            # A signal may come to another thread, which does not wake this one; but this one has to handle it.
            continue
        deadline = monotonic() + conf.settings().stop_seconds
        while not (shift.idle_within(0.1) or self._hurry.is_set() or monotonic() > deadline):
            continue
        left = shift.end(seconds=0)
        engine.join(LEAVE_SECONDS)
        presence.stop()
        return left and not engine.is_alive()

    def stop(self) -> None:
        """Begin nothing new and come to an end; a second call hands back at once. Not for the main thread itself."""
        if self.stopping.is_set():
            self._hurry.set()
        self.stopping.set()

    def run(self, thread_id: str) -> None:
        """What an engine does with a nudge. One that comes while the worker stops is left to others, at once."""
        if not self.stopping.is_set():
            shift.run(thread_id)
            return
        models.Thread.objects.using(conf.settings().database).of_ids([thread_id]).forget_nudges()
        pool.close_connections()

    def _engine(self) -> None:
        try:
            executors.current().work(self)
        except Exception as error:
            self.failed = True
            logger.error("The engine of this worker has failed.\n%s", discreet.trace(error))
        finally:
            self.stopping.set()
