"""An executor that only remembers what it was asked."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import ClassVar

from hitl.executors.base import Executor


class Recorder(Executor):
    """Set HITL_EXECUTOR to "tests.hitl.nudges.Recorder"; `Recorder.nudges` are (thread id, workflow)."""

    nudges: ClassVar[list[tuple[str, str]]] = []
    knows: ClassVar[Collection[str] | None] = None
    here: ClassVar[bool] = True

    def nudge(self, thread_id: str, *, workflow: str, run_at: datetime | None = None) -> None:
        self.nudges.append((thread_id, workflow))

    def known(self) -> Collection[str] | None:
        return self.knows

    def nudges_here(self) -> bool:
        return self.here
