"""What a caller sees of a run: the shapes that LangGraph 1.2.22 streams, by mode (item 1G)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hitl.ending import Outcome

MODES = ("updates", "values", "custom")
INTERRUPT = "__interrupt__"


class Stream:
    """Turns what a leg emits into chunks of the wanted modes, and hands them to `sink`.

    mode: one of MODES (chunks are payloads) or a list of them (chunks are pairs of mode and payload).
    """

    def __init__(self, mode: str | Sequence[str], sink: Callable[[Any], None]) -> None:
        self._many = not isinstance(mode, str)
        self._modes: Sequence[str] = mode if not isinstance(mode, str) else (mode,)
        unknown = [name for name in self._modes if name not in MODES]
        if unknown:
            raise ValueError(f"There is no stream mode {unknown[0]!r}; use one of {', '.join(MODES)}.")
        self._sink = sink
        self._held: list[tuple[str, Any]] | None = None

    def emit(self, mode: str, payload: Any) -> None:
        if mode == "called":
            # Another pass over the body, since an answer came in while the last one ran.
            self._let_go()
        elif self._held is not None:
            # The body has returned: what its un-awaited tasks bring comes after its own update.
            self._held.append((mode, payload))
        elif mode == "returned":
            self._held = []
        elif mode in self._modes:
            self._sink((mode, payload) if self._many else payload)

    def resumed(self) -> None:
        """A resumed run tells its current value first: there is none while a turn is open."""
        self.emit("values", None)

    def end(self, name: str, outcome: Outcome) -> None:
        """The last chunks: the questions, or the body's own update and value, then what was held back."""
        if outcome.interrupts:
            self._let_go()
            self.emit("updates", {INTERRUPT: outcome.interrupts})
            self.emit("values", {INTERRUPT: outcome.interrupts})
            return
        held, self._held = self._held, None
        if outcome.error is None:
            self.emit("updates", {name: outcome.value})
        self._held = held
        self._let_go()
        if outcome.error is None:
            self.emit("values", outcome.value)

    def _let_go(self) -> None:
        held, self._held = self._held or [], None
        for mode, payload in held:
            self.emit(mode, payload)
