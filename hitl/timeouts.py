"""Limits of time for asynchronous tasks and bodies (item 24)."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from hitl.errors import InvalidOption, NodeTimeoutError

if TYPE_CHECKING:
    from hitl.scope import Scope

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class TimeoutPolicy:
    """run_timeout: seconds (or timedelta) for the whole. idle_timeout: since the last sign of life: a
    `runtime.heartbeat()`, an event or a call of a task; only heartbeats count where `refresh_on` is "heartbeat".

    Raises InvalidOption for times that are not greater than 0.
    """

    run_timeout: float | timedelta | None = None
    idle_timeout: float | timedelta | None = None
    refresh_on: Literal["auto", "heartbeat"] = "auto"

    def __post_init__(self) -> None:
        for name in ("run_timeout", "idle_timeout"):
            given = seconds(getattr(self, name))
            if given is not None and not given > 0:
                raise InvalidOption(f"{name} must be greater than 0, in seconds or as a timedelta.")
        if self.refresh_on not in ("auto", "heartbeat"):
            raise InvalidOption(f'refresh_on is "auto" or "heartbeat", not {self.refresh_on!r}.')


def policy(given: float | timedelta | TimeoutPolicy | None, *, is_async: bool, name: str) -> TimeoutPolicy | None:
    """The policy that was given; InvalidOption for synchronous functions, which cannot be stopped."""
    if given is None:
        return None
    if not is_async:
        raise InvalidOption(
            f"Node timeouts are only supported for async nodes; {name!r} is synchronous and could not be stopped. Make "
            "it `async def`, or limit the time inside it."
        )
    limits = given if isinstance(given, TimeoutPolicy) else TimeoutPolicy(run_timeout=given)
    return None if limits.run_timeout is None and limits.idle_timeout is None else limits


def seconds(given: float | timedelta | None) -> float | None:
    if given is None:
        return None
    return given.total_seconds() if isinstance(given, timedelta) else float(given)


def last_sign(scope: Scope, limits: TimeoutPolicy) -> float:
    """When the scope last gave a sign of life that counts."""
    return scope.last_beat if limits.refresh_on == "heartbeat" else max(scope.last_beat, scope.last_deed)


async def limited(work: Callable[[], Awaitable[T]], limits: TimeoutPolicy, *, name: str, scope: Scope) -> T:
    """Await the work; NodeTimeoutError when it runs too long, or is idle too long."""
    task = asyncio.ensure_future(work())
    begun = monotonic()
    run, idle = seconds(limits.run_timeout), seconds(limits.idle_timeout)
    try:
        while True:
            now = monotonic()
            ends = [begun + run] if run is not None else []
            if idle is not None:
                ends.append(max(begun, last_sign(scope, limits)) + idle)
            done, _ = await asyncio.wait({task}, timeout=max(0.0, min(ends) - now))
            if done:
                return task.result()
            if run is not None and monotonic() >= begun + run:
                raise _exceeded(name, scope, f"run timeout of {run:.3f}s", "or make the work shorter")
            if idle is not None and monotonic() >= max(begun, last_sign(scope, limits)) + idle:
                raise _exceeded(name, scope, f"idle timeout of {idle:.3f}s", "or call runtime.heartbeat() in it")
    finally:
        if not task.done():
            task.cancel()
            await _ended(task)


def _exceeded(name: str, scope: Scope, limit: str, otherwise: str) -> NodeTimeoutError:
    return NodeTimeoutError(
        f"Node '{name}' exceeded its {limit}, on thread {scope.leg.turn.thread_id!r}. Raise its timeout, {otherwise}."
    )


async def _ended(task: asyncio.Future[Any]) -> None:
    """Give a cancelled task the time to clean up; how it ends is not what is reported."""
    await asyncio.wait({task})
