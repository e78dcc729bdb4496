"""What is measured. Peers take turns within each measurement, so that a noisy moment hits them alike."""

from __future__ import annotations

import dataclasses
import gc
from collections.abc import Callable, Mapping
from itertools import count
from statistics import median
from time import perf_counter
from typing import Any

from bench.programs import Programs

threads = count()


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table: what, in milliseconds, and what the issue asks for."""

    what: str
    ours: float
    theirs: float
    wanted: str
    reached: bool

    @property
    def ratio(self) -> float:
        return self.theirs / self.ours


def config() -> dict[str, Any]:
    return {"configurable": {"thread_id": f"bench-{next(threads)}"}}


def timed(work: Callable[[], Any]) -> float:
    gc.collect()
    gc.disable()
    begun = perf_counter()
    try:
        work()
        return (perf_counter() - begun) * 1000
    finally:
        gc.enable()


def in_turns(works: Mapping[str, Callable[[], float]], *, rounds: int) -> dict[str, float]:
    """The median of each, taken in turns."""
    seen: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            seen[name].append(work())
    return {name: median(times) for name, times in seen.items()}


def whole_workflow(peer: Programs, *, times: int) -> float:
    """Milliseconds for DESIGN.md's workflow from start to end, its answer included."""

    def work() -> None:
        for _ in range(times):
            where = config()
            assert "__interrupt__" in peer.workflow.invoke("foo", where)
            assert peer.workflow.invoke(peer.answer("baz"), where) == "foo bar baz qux"

    return timed(work) / times


def sequence(peer: Programs, *, tasks: int, **options: Any) -> float:
    """Milliseconds for a run of so many tasks, one after another."""
    return timed(lambda: peer.sequence.invoke(tasks, config(), **options))


def resume(peer: Programs, *, tasks: int, **options: Any) -> float:
    """Milliseconds to go on with a run that has so many finished tasks behind it."""
    where = config()
    peer.long.invoke(tasks, where, **options)
    return timed(lambda: peer.long.invoke(peer.answer("yes"), where, **options))


def opened_and_resumed(peer: Programs, *, facts: int) -> float:
    """Milliseconds to look at a thread of so many facts and go on with it."""
    where = config()
    peer.long.invoke(facts, where)

    def work() -> None:
        assert peer.long.get_state(where).interrupts
        peer.long.invoke(peer.answer("yes"), where)

    return timed(work)
