"""What a caller sees of a run: the shapes that LangGraph 1.2.22 streams, by mode (item 1G)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from hitl.caching import CACHED
from hitl.ending import Outcome
from hitl.errors import InvalidOption
from hitl.scope import Namespace
from hitl.types import StateSnapshot

MODES = ("updates", "values", "custom", "tasks", "checkpoints")
INTERRUPT = "__interrupt__"


class Stream:
    """Turns what a leg emits into chunks of the wanted modes, and hands them to `sink`.

    mode: one of MODES (chunks are payloads) or a list of them (chunks are pairs of mode and payload).
    subgraphs: tell what child workflows do too; every chunk then begins with its namespace.
    version: "v2" makes every chunk a dict of type, ns and data.
    """

    def __init__(
        self,
        mode: str | Sequence[str],
        sink: Callable[[Any], None],
        *,
        subgraphs: bool = False,
        version: str = "v1",
    ) -> None:
        if version not in ("v1", "v2"):
            raise InvalidOption(f'There is no stream version {version!r}; use "v1" or "v2".')
        self._many = not isinstance(mode, str)
        self._modes: Sequence[str] = mode if not isinstance(mode, str) else (mode,)
        unknown = [name for name in self._modes if name not in MODES]
        if unknown:
            raise InvalidOption(f"There is no stream mode {unknown[0]!r}; use one of {', '.join(MODES)}.")
        self._sink = sink
        self._subgraphs = subgraphs
        self._version = version
        self._held: list[tuple[str, Any, Namespace]] | None = None

    def tells(self, mode: str) -> bool:
        """Whether anybody wants to hear of this."""
        return mode in self._modes

    def emit(self, mode: str, payload: Any, ns: Namespace = ()) -> None:
        if mode == "called":
            # Another pass over the body, since an answer came in while the last one ran.
            self._let_go()
        elif self._held is not None:
            # The body has returned: what its un-awaited tasks bring comes after its own update.
            self._held.append((mode, payload, ns))
        elif mode == "returned":
            self._held = []
        elif mode in self._modes and (not ns or self._subgraphs or mode == "custom"):
            self._sink(self._chunk(mode, payload, ns))

    def _chunk(self, mode: str, payload: Any, ns: Namespace) -> Any:
        if self._version == "v2":
            return self._part(mode, payload, ns)
        if self._subgraphs:
            return (ns, mode, payload) if self._many else (ns, payload)
        return (mode, payload) if self._many else payload

    @staticmethod
    def _part(mode: str, payload: Any, ns: Namespace) -> dict[str, Any]:
        part = {"type": mode, "ns": ns, "data": payload}
        if mode == "values":
            asked = payload.get(INTERRUPT) if isinstance(payload, dict) else None
            part |= {"data": {} if asked else payload, "interrupts": asked or ()}
        return part

    def tells_of_the_thread(self) -> bool:
        """Whether somebody wants to hear what stands on the thread, beside what its code does."""
        return any(self.tells(mode) for mode in ("values", "tasks", "checkpoints"))

    def resumed(self, value: Any) -> None:
        """A resumed run tells its current value first: that of the last finished turn."""
        self.emit("values", value)

    def begin(self, node: str, task_id: str, value: Any) -> None:
        """The body is called, as the first task there is."""
        self.emit("tasks", {"id": task_id, "name": node, "input": value, "triggers": ("__start__",)})

    def end(self, node: str, outcome: Outcome, *, task_id: str = "") -> None:
        """The last chunks: the questions, or the body's own update and value, then what was held back."""
        if outcome.interrupts:
            self._let_go()
            for ns, asked in outcome.nested:
                self.emit("updates", {INTERRUPT: (asked,)}, ns)
            self.emit("updates", {INTERRUPT: outcome.interrupts})
            self.emit("values", {INTERRUPT: outcome.interrupts})
            self._end_task(node, task_id, {}, outcome)
            return
        held, self._held = self._held, None
        if outcome.error is None:
            self.emit("updates", {node: outcome.value} | (CACHED if outcome.cached else {}))
        self._held = held
        self._let_go()
        if outcome.error is None:
            self.emit("values", outcome.value)
        self._end_task(node, task_id, {"__end__": outcome.value} if outcome.error is None else {}, outcome)

    def _end_task(self, node: str, task_id: str, result: dict[str, Any], outcome: Outcome) -> None:
        if task_id:
            asked = [dataclasses.asdict(one) for one in outcome.interrupts]
            told = {"id": task_id, "name": node, "error": outcome.error, "result": result, "interrupts": asked}
            self.emit("tasks", told)

    def checkpoint(self, snapshot: StateSnapshot) -> None:
        """A snapshot of the thread, as the mode "checkpoints" shows it."""
        tasks = [
            {
                "id": task.id,
                "name": task.name,
                "interrupts": tuple(dataclasses.asdict(one) for one in task.interrupts),
                "state": None,
            }
            for task in snapshot.tasks
        ]
        shown = {
            "config": snapshot.config,
            "parent_config": snapshot.parent_config,
            "values": snapshot.values,
            "metadata": snapshot.metadata,
            "next": list(snapshot.next),
            "tasks": tasks,
        }
        self.emit("checkpoints", shown)

    def _let_go(self) -> None:
        held, self._held = self._held or [], None
        for mode, payload, ns in held:
            self.emit(mode, payload, ns)
