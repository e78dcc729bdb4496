"""Limits of time for asynchronous tasks and bodies (item 24)."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import monotonic
from typing import Any, TypeVar

from hitl.errors import InvalidOption, NodeTimeoutError

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class TimeoutPolicy:
    """run_timeout: seconds (or timedelta) for the whole. idle_timeout: since the last `runtime.heartbeat()` or
    event, which refresh it unless `refresh_on` is "heartbeat" (then only heartbeats do)."""

    run_timeout: float | timedelta | None = None
    idle_timeout: float | timedelta | None = None
    refresh_on: str = "auto"


def policy(given: float | timedelta | TimeoutPolicy | None, *, is_async: bool, name: str) -> TimeoutPolicy | None:
    """The policy that was given; InvalidOption for synchronous functions, which cannot be stopped."""
    if given is None:
        return None
    if not is_async:
        raise InvalidOption(
            f"Node timeouts are only supported for async nodes; {name!r} is synchronous and could not be stopped. Make "
            "it `async def`, or limit the time inside it."
        )
    return given if isinstance(given, TimeoutPolicy) else TimeoutPolicy(run_timeout=given)


def seconds(given: float | timedelta | None) -> float | None:
    return given.total_seconds() if isinstance(given, timedelta) else given


async def limited(
    work: Callable[[], Awaitable[T]],
    limits: TimeoutPolicy,
    *,
    name: str,
    thread_id: str,
    last_beat: Callable[[], float],
) -> T:
    """Await the work; NodeTimeoutError when it runs too long, or is idle too long."""
    task = asyncio.ensure_future(work())
    begun = monotonic()
    run, idle = seconds(limits.run_timeout), seconds(limits.idle_timeout)
    try:
        while True:
            now = monotonic()
            ends = [begun + run] if run is not None else []
            if idle is not None:
                ends.append(max(begun, last_beat()) + idle)
            done, _ = await asyncio.wait({task}, timeout=max(0.0, min(ends) - now))
            if done:
                return task.result()
            if run is not None and monotonic() >= begun + run:
                raise _exceeded(name, thread_id, f"run timeout of {run:.3f}s", "or make the work shorter")
            if idle is not None and monotonic() >= max(begun, last_beat()) + idle:
                raise _exceeded(name, thread_id, f"idle timeout of {idle:.3f}s", "or call runtime.heartbeat() in it")
    finally:
        if not task.done():
            task.cancel()
            await _ended(task)


def _exceeded(name: str, thread_id: str, limit: str, otherwise: str) -> NodeTimeoutError:
    return NodeTimeoutError(
        f"Node '{name}' exceeded its {limit}, on thread {thread_id!r}. Raise its timeout, {otherwise}."
    )


async def _ended(task: asyncio.Future[Any]) -> None:
    """Give a cancelled task the time to clean up; how it ends is not what is reported."""
    await asyncio.wait({task})
