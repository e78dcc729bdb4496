"""What a run tells its code: `Runtime`, injected by name, or asked for with `get_runtime()` (items 4 to 6)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from hitl import events
from hitl import scope as scopes
from hitl.scope import Scope

C = TypeVar("C")


@dataclasses.dataclass(frozen=True)
class ExecutionInfo:
    """Which execution this is. `task_id` is the same on every attempt: pass it on as an idempotency key.

    node_attempt: 1 for the first. node_first_attempt_time: when that began, in seconds since 1970.
    """

    thread_id: str
    task_id: str
    run_id: str
    checkpoint_id: str
    checkpoint_ns: str
    node_attempt: int
    node_first_attempt_time: float | None


@dataclasses.dataclass(frozen=True)
class Runtime(Generic[C]):
    """context: what the caller gave as `context=`. previous: the last finished turn's saved value (body only).

    stream_writer: writes a custom event. heartbeat: tells an idle timeout that the task is alive.
    """

    context: C
    previous: Any
    stream_writer: Callable[[Any], None]
    heartbeat: Callable[[], None]
    execution_info: ExecutionInfo
    store: Any = None
    server_info: Any = None


def get_runtime(context_schema: type[C] | None = None) -> Runtime[C]:
    """The runtime of the running code; NotInRun outside a run. `context_schema` is only for type checkers."""
    return of(scopes.require("get_runtime()"))


def of(scope: Scope) -> Runtime[Any]:
    """The runtime as this scope sees it."""
    leg = scope.leg
    return Runtime(
        context=leg.context,
        previous=leg.previous() if scope is leg.body else None,
        stream_writer=lambda value: events.write(leg, scopes.current.get() or scope, value),
        heartbeat=scope.beat,
        execution_info=ExecutionInfo(
            thread_id=leg.turn.thread_id,
            task_id=task_id(scope),
            run_id=leg.turn.run_id,
            checkpoint_id=str(leg.turn.loaded_seq),
            checkpoint_ns=scope.path,
            node_attempt=scope.tries,
            node_first_attempt_time=scope.began.timestamp(),
        ),
    )


def task_id(scope: Scope) -> str:
    """One name for a call over all its attempts, legs and processes."""
    return f"{scope.leg.turn.thread_id}:{scope.leg.turn.number}:{scope.path or 'body'}"
