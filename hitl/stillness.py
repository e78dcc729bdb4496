"""When nothing moves any more: the moment to raise the pause in those that wait for paused calls (rule 16).

A call moves while it is queued, running or being recorded and has no unresolved call of its own; one that
has waits for it, or will. As long as anything moves, the futures of paused calls stay unresolved, so that
no code can end a sibling in mid-effect because of them.
"""

from __future__ import annotations

from hitl.scope import Call, State

MOVING = (State.QUEUED, State.RUNNING, State.RECORDING)


class Stillness:
    """Kept under the leg's lock."""

    def __init__(self) -> None:
        self.paused: list[Call] = []
        self._moving = 0

    def weigh(self, call: Call) -> None:
        """The call's state, or the number of its own calls, has changed."""
        moving = call.children == 0 and call.state in MOVING
        if moving != call.moving:
            call.moving = moving
            self._moving += 1 if moving else -1

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
