"""For tests of workflows: everything runs when it is asked to, in the caller's thread and connection.

Set `HITL_EXECUTOR = "hitl.testing.ManualExecutor"`, start a workflow with `hitl.verbs.start`, and call
`drain()`: plain `django_db` tests need no threads and no committed transactions (rule 36).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from hitl.executors.base import Executor
from hitl.journal import in_callers_thread

__all__ = ["ManualExecutor", "close", "drain", "in_callers_thread", "inline"]


class ManualExecutor(Executor):
    """Executes nothing by itself."""

    def nudge(self, thread_id: str, *, workflow: str, run_at: datetime | None = None) -> None:
        pass

    def nudges_here(self) -> bool:
        return False


@contextmanager
def inline() -> Iterator[None]:
    """Within, graphs may be called inside `atomic()`; tasks run one after another, in this thread."""
    with in_callers_thread():
        yield


def drain(*, limit: int = 100) -> int:
    """Run every thread that is due, and what that makes due, until all are idle, paused or failed.

    Returns how many runs there were; AssertionError after `limit` of them.
    """
    from hitl.models import Run, Thread
    from hitl.run import run_thread

    count = 0
    with in_callers_thread():
        while True:
            due = [
                *Thread.objects.unclaimed().values_list("id", flat=True),
                *Run.objects.startable().values_list("thread_id", flat=True),
            ]
            ran = [thread_id for thread_id in due if run_thread(thread_id)]
            if not ran:
                return count
            count += len(ran)
            assert count <= limit, f"{count} runs and no end: {ran}"


def close() -> None:
    """End the engine's idle threads and their connections, as a test database's teardown needs."""
    from hitl import pool
    from hitl.checkpoint.database import saver

    pool.close()
    if saver.cache_info().currsize:
        saver().journal.close()
