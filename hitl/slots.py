"""Slots: how many tasks of a leg run at once (`max_concurrency`), without ever deadlocking (rule 29).

A task with an unfinished call of its own gives its slot back, since it only waits, and takes it again
without waiting once the call is done. So the number running may pass the limit for a moment, and nothing
waits for a slot that only its own parent could free.
"""

from __future__ import annotations

from collections import deque

from hitl.scope import Call, State


class Slots:
    """Kept under the leg's lock. limit: None for as many as there are."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._used = 0
        self._ready: deque[Call] = deque()

    def admit(self, call: Call) -> bool:
        """Whether the call may start now; otherwise `next` will give it when its time comes."""
        if self._limit is not None:
            if self._used >= self._limit:
                self._ready.append(call)
                return False
            self._take(call)
        call.state = State.RUNNING
        return True

    def next(self) -> Call | None:
        """A call that may start now."""
        if not self._ready or self._limit is None or self._used >= self._limit:
            return None
        call = self._ready.popleft()
        self._take(call)
        call.state = State.RUNNING
        return call

    def retake(self, call: Call) -> None:
        """It may have nothing to wait for any more: the last of its calls is done, or everything is still."""
        waits = call.children or call.waiting or call.holds_slot
        if self._limit is not None and call.state is State.RUNNING and not waits:
            self._take(call)

    def free(self, call: Call) -> None:
        """The call is over, or waits: for one of its own, or for the others to be still."""
        if call.holds_slot:
            call.holds_slot = False
            self._used -= 1

    def clear(self) -> None:
        self._ready.clear()

    def _take(self, call: Call) -> None:
        call.holds_slot = True
        self._used += 1
