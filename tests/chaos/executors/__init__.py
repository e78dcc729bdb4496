"""The executors in the box, with nudges that get lost and come twice.

What a nudge is waited for is 2 s here instead of 30 s; otherwise a run of minutes would be spent on waiting.
"""

from __future__ import annotations

import random
from datetime import datetime

from hitl import sweep
from hitl.executors import base
from tests.chaos import outside

LOST, DOUBLED = 0.1, 0.1

base.RETRY_SECONDS = sweep.RETRY_SECONDS = 2.0


class Unreliable(base.Executor):
    """Before an executor, in the order of its bases."""

    def nudge(self, thread_id: str, *, workflow: str, run_at: datetime | None = None) -> None:
        met = fate() if self.nudges_here() else "sent"
        if met != "sent":
            outside.note(f"nudge {met}", thread=thread_id)
        if met != "dropped":
            super().nudge(thread_id, workflow=workflow, run_at=run_at)  # type: ignore[safe-super]
        if met == "doubled":
            self.nudge_again(thread_id, workflow=workflow, run_at=run_at)

    def nudge_again(self, thread_id: str, *, workflow: str, run_at: datetime | None) -> None:
        super().nudge(thread_id, workflow=workflow, run_at=run_at)  # type: ignore[safe-super]


def fate() -> str:
    """What becomes of a nudge."""
    roll = random.random()
    return "dropped" if roll < LOST else "doubled" if roll < LOST + DOUBLED else "sent"
