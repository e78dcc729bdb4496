"""Stores that fail on demand: at the n-th write of the running legs, something happens before or after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import Any, Literal, TypeVar

from hitl.checkpoint.memory import InMemorySaver
from hitl.facts import Fact
from hitl.lease import Lease
from hitl.unit import Unit

T = TypeVar("T")
# before, after: the process dies before the write, or after it took effect. usurped: the lease runs out and another
# leg runs first. answered, cancelled: somebody does that first. A push: somebody starts the thread anew first.
Push = Literal["interrupting", "rolling", "lining"]
Fault = Literal["before", "after", "usurped", "answered", "cancelled"] | Push


class Crash(Exception):
    """The process died here."""


class Faults:
    """What makes a store's writes fail. Legs of a dead process (`dead`, by epoch) write nothing any more."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.plan({}, lambda fault: None)

    def plan(self, faults: Mapping[int, Fault], happen: Callable[[Fault], None]) -> None:
        """From now on, the n-th write has this fault; `happen` does what others do meanwhile."""
        self._faults = dict(faults)
        self._happen = happen
        self._writes = 0
        self._counting = Lock()
        self.dead: set[int] = set()

    def append(self, lease: Lease, facts: Sequence[Fact]) -> None:
        self._strike(lease, lambda: super(Faults, self).append(lease, facts))  # type: ignore[misc]

    def settle(self, lease: Lease, work: Callable[[Unit], bool], *, loaded_seq: int) -> bool:
        write = super().settle  # type: ignore[misc]
        return self._strike(lease, lambda: write(lease, work, loaded_seq=loaded_seq))

    def _strike(self, lease: Lease, write: Callable[[], T]) -> T:
        fault = self._next()
        if lease.epoch in self.dead:
            raise Crash("long dead")
        if fault == "before":
            self.dead.add(lease.epoch)
            raise Crash("before a write")
        if fault is not None and fault != "after":
            self._happen(fault)
        written = write()
        if fault == "after":
            self.dead.add(lease.epoch)
            raise Crash("after a write")
        return written

    def _next(self) -> Fault | None:
        with self._counting:
            self._writes += 1
            return self._faults.pop(self._writes, None)


class FaultyMemory(Faults, InMemorySaver):
    pass
