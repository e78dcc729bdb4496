"""How it is measured. Peers take turns within each measurement, so that a noisy moment hits them alike."""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from os import getpid
from statistics import median
from time import perf_counter
from typing import Any

from bench.programs import Programs

ROUNDS = 5
threads = count()


def thread_id() -> str:
    """Of a new thread, in whichever process."""
    return f"bench-{getpid()}-{next(threads)}"


def config() -> dict[str, Any]:
    return {"configurable": {"thread_id": thread_id()}}


def timed(work: Callable[[], Any]) -> float:
    """Milliseconds."""
    gc.collect()
    gc.disable()
    begun = perf_counter()
    try:
        work()
        return (perf_counter() - begun) * 1000
    finally:
        gc.enable()


def in_turns(works: Mapping[str, Callable[[], float]], *, rounds: int = ROUNDS) -> dict[str, float]:
    """The median of each, taken in turns."""
    seen: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            seen[name].append(work())
    return {name: median(times) for name, times in seen.items()}


def repeated(one: Callable[[], Any], *, times: int, at_once: int = 1) -> float:
    """Milliseconds for each of so many, `at_once` of them in flight."""
    if at_once == 1:
        return timed(lambda: [one() for _ in range(times)]) / times
    with ThreadPoolExecutor(at_once) as pool:
        return timed(lambda: [future.result() for future in [pool.submit(one) for _ in range(times)]]) / times


def whole(peer: Programs, **options: Any) -> Callable[[], None]:
    """DESIGN.md's workflow from start to end, its answer included."""

    def one() -> None:
        where = config()
        assert "__interrupt__" in peer.workflow.invoke("foo", where, **options)
        assert peer.workflow.invoke(peer.answer("baz"), where, **options) == "foo bar baz qux"

    return one


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
