"""The names a workflow is written with, beside `hitl.func`: `interrupt`, `Command`, and what is returned."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Literal, NamedTuple

from hitl import scope as scopes
from hitl.caching import CachePolicy
from hitl.retrying import RetryPolicy, default_retry_on
from hitl.timeouts import TimeoutPolicy

StreamMode = Literal["values", "updates", "custom", "tasks", "checkpoints"]
Durability = Literal["sync", "async", "exit"]
StreamWriter = Callable[[Any], None]
UNSET: Any = type("_Unset", (), {"__repr__": lambda self: "UNSET"})()


@dataclasses.dataclass
class Interrupt:
    """A question that waits for an answer.

    value: what was asked, as given to `interrupt()`.
    id: 32 hex digits; the same on every replay, another for every other question.
    response_schema: JSON Schema of a legal answer, or None.
    Equal to one with the same three, and unhashable, as in LangGraph 1.2.22.
    """

    value: Any
    id: str = ""
    response_schema: dict[str, Any] | None = None

    @property
    def interrupt_id(self) -> str:
        """An older name of `id`."""
        return self.id


@dataclasses.dataclass(frozen=True)
class GraphOutput:
    """What `invoke(version="v2")` returns: the value of a finished run, or the questions of a paused one."""

    value: Any
    interrupts: tuple[Interrupt, ...] = ()


@dataclasses.dataclass(frozen=True)
class Command:
    """What to do with a paused thread.

    resume: the answer, any JSON value, `None` included; or a dict of answers by question id.
    update, goto: accepted for LangGraph's sake; an entrypoint has nothing to update or go to, and logs that.
    graph: must stay None; there is no parent graph (item 56).
    """

    PARENT: ClassVar[str] = "__parent__"

    graph: str | None = None
    update: Any | None = None
    resume: Any = UNSET
    goto: Any = ()


class PregelTask(NamedTuple):
    """The workflow's body as `get_state` shows it."""

    id: str
    name: str
    path: tuple[str, ...]
    error: str | None = None
    interrupts: tuple[Interrupt, ...] = ()
    state: Any = None
    result: Any = None


class StateSnapshot(NamedTuple):
    """Where a thread stands.

    values: what the last finished turn returned; None before there is one, {} where there is no thread.
    next: the workflow's name while a turn is open, else ().
    """

    values: Any
    next: tuple[str, ...]
    config: dict[str, Any]
    metadata: dict[str, Any] | None
    created_at: str | None
    parent_config: dict[str, Any] | None
    tasks: tuple[PregelTask, ...]
    interrupts: tuple[Interrupt, ...]


def interrupt(
    value: Any,
    *,
    key: str = "",
    response_schema: Any = None,
    validate: Callable[[Any], Any] | None = None,
    priority: int = 0,
    due: datetime | timedelta | None = None,
) -> Any:
    """Ask a person, and wait: returns the answer once there is one.

    The first time, the run pauses here. When the answer is given, body and task run again from their start,
    finished tasks are not run again, and this call returns the answer.

    value: what is asked: a string, or a dict that the desk shows (see docs/desk.md); storable.
    key: names the question where its text varies between replays; otherwise place and text identify it.
    response_schema: JSON Schema as a dict, or a pydantic model, TypedDict or dataclass; the answer is checked
        against it before it is stored, and comes back as that type.
    validate: called with the answer before it is taken; raises ValueError to refuse it, returns it (or
        another value) to accept.
    priority: from -9 to 9; the queue's most urgent come first.
    due: when it should be answered: a datetime with a time zone, or a timedelta from when it is asked. The desk says
        so; nothing happens by itself when the time has come.

    Raises InvalidOption, NotInRun outside a run, InvalidSchema, UnstorableValue. LangGraph's `interrupt`, but see
    rule 13.
    """
    scope = scopes.require("interrupt()")
    from hitl import asking, responses

    wanted = responses.prepare(response_schema, validate)
    urgent = asking.urgent(priority, due)
    return asking.ask(scope.leg, scope, value, key=key, wanted=wanted, urgent=urgent)


__all__ = [
    "UNSET",
    "CachePolicy",
    "Command",
    "Durability",
    "GraphOutput",
    "Interrupt",
    "PregelTask",
    "RetryPolicy",
    "StateSnapshot",
    "StreamMode",
    "StreamWriter",
    "TimeoutPolicy",
    "default_retry_on",
    "interrupt",
]
