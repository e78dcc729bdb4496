"""When nothing moves any more: the moment to raise the pause in those that wait for paused calls (rule 16).

A call moves while it is queued, running or being recorded and has no unresolved call of its own; one that
has waits for it, or will. As long as anything moves, the futures of paused calls stay unresolved, and who
looks at one that was resolved before waits, so that no code can end a sibling in mid-effect because of it.
"""

from __future__ import annotations

from collections.abc import Callable

from hitl.scope import Call, Scope, State

MOVING = (State.QUEUED, State.RUNNING, State.RECORDING)


class Stillness:
    """Kept under the leg's lock."""

    def __init__(self) -> None:
        self.paused: list[Call] = []
        self._moving = 0
        self._waiting: list[Callable[[], None]] = []

    def weigh(self, call: Call) -> None:
        """The call's state, or the number of its own calls, has changed."""
        moving = call.children == 0 and not call.waiting and call.state in MOVING
        if moving != call.moving:
            call.moving = moving
            self._moving += 1 if moving else -1
            if not self._moving:
                self.wake()

    def wait(self, scope: Scope, wake: Callable[[], None]) -> None:
        """Call `wake` when nothing moves any more; until then `resume`, the scope only waits."""
        scope.waiting += 1
        if isinstance(scope, Call):
            self.weigh(scope)
        self._waiting.append(wake)
        if not self._moving:
            self.wake()

    def resume(self, scope: Scope) -> None:
        scope.waiting -= 1
        if isinstance(scope, Call):
            self.weigh(scope)

    def wake(self) -> None:
        """Wake all that wait."""
        waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()

    def pause(self, call: Call) -> list[Call]:
        """The call can go no further without an answer. Returns what `settled` does."""
        call.state = State.PAUSED
        self.weigh(call)
        self.paused.append(call)
        return self.settled()

    def settled(self) -> list[Call]:
        """The paused calls, handed over once, when it is time to raise the signal in those that wait for them."""
        if self._moving:
            return []
        resolved, self.paused = self.paused, []
        return resolved
