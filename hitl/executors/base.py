"""The seam to whatever executes runs. A nudge may be lost, doubled or late without harm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.core.checks import CheckMessage

    from hitl.unit import Unit
    from hitl.worker import Worker

RETRY_SECONDS = 30.0


class Executor(ABC):
    """Gets a thread run some time after a nudge: the lease decides who runs it, the journal what is left."""

    # Whether a nudge is a row in the journal's database, and is made in the verb's own transaction.
    in_transaction = False
    # Whether runs are executed by worker processes alone, and not by the web processes.
    by_workers = False

    @abstractmethod
    def nudge(self, thread_id: str, *, workflow: str, run_at: datetime | None = None) -> None:
        """Ask for `hitl.run.run_thread(thread_id)` soon, or at `run_at`. Must not raise for a full queue."""

    def check(self) -> list[CheckMessage]:
        """What is wrong with the configuration, for Django's system checks."""
        return []

    def nudges_here(self) -> bool:
        """Whether a nudge from this process reaches an executor; if not, a sweep elsewhere finds the thread."""
        return True

    def known(self) -> Collection[str] | None:
        """The workflows it can run; None where it hands nudges on to others, who may know any (rule 38)."""
        return None

    def expect(self, unit: Unit) -> None:
        """Note on the locked thread that a nudge will go out when this commits, and when to doubt it."""
        known = self.known()
        arrives = self.nudges_here() and (known is None or unit.thread.workflow in known)
        unit.thread.nudges = 0
        unit.thread.nudge_at = unit.now + timedelta(seconds=RETRY_SECONDS) if arrives else None

    def work(self, worker: Worker) -> None:
        """Be a worker process: hand nudges to `worker.run` until `worker.stopping` is set, then no more.

        Returns soon after that; the runs under way are waited for by the worker.
        """
        raise NotImplementedError(f"{type(self).__name__} has no worker processes.")

    def serve(self) -> None:  # noqa: B027 - most executors are processes of their own
        """Begin to execute in this web process, where the executor does that."""

    def stop(self) -> None:  # noqa: B027
        """End what `serve` began; what is running is finished or left to its lease."""
