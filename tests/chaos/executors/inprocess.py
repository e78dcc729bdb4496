from __future__ import annotations

from datetime import datetime

from hitl.executors import inprocess
from tests.chaos.executors import Unreliable


class InProcess(Unreliable, inprocess.InProcess):
    def nudge_again(self, thread_id: str, *, workflow: str, run_at: datetime | None) -> None:
        # Past the look whether it waits already.
        self._queue.put(thread_id)
