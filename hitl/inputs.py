"""The parameters of a workflow's function: one for the input, others injected by name (item 4)."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from hitl import codec, runtime
from hitl import scope as scopes
from hitl.leg import Leg
from hitl.scope import Scope

PLAIN = {"str", "int", "float", "bool", "bytes"}
INJECTED = ("config", "previous", "writer", "runtime", "store")


class Parameters:
    """What a body is called with: the turn's input first, then what its signature names."""

    def __init__(self, function: Callable[..., Any]) -> None:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise NotImplementedError("Generators are not supported in the Functional API.")
        parameters = list(inspect.signature(function).parameters.values())
        if not parameters:
            raise ValueError("Entrypoint function must have at least one parameter")
        self._function = function
        self._input = parameters[0]
        self._others = parameters[1:]

    @cached_property
    def annotation(self) -> Any:
        """The input's annotation, resolved where it can be; `inspect.Parameter.empty` without one."""
        try:
            hints = typing.get_type_hints(self._function, include_extras=True)
        except Exception:
            return self._input.annotation
        return hints.get(self._input.name, inspect.Parameter.empty)

    @cached_property
    def schema(self) -> dict[str, Any]:
        if self._is_free:
            return {}
        from hitl import schema

        return schema.from_annotation(self.annotation)

    def coerce(self, value: Any) -> Any:
        if self._is_free:
            return value
        from hitl import schema

        return schema.coerce(self.annotation, value)

    def bind(self, leg: Leg) -> tuple[Any, dict[str, Any]]:
        """The turn's input, and what is injected by name."""
        return codec.decode(leg.turn.input), self.injected(leg.body)

    def injected(self, scope: Scope) -> dict[str, Any]:
        return injected((parameter.name for parameter in self._others if is_injected(parameter)), scope)

    @property
    def _is_free(self) -> bool:
        return self.annotation in (inspect.Parameter.empty, Any)


def injected(names: Iterable[str], scope: Scope) -> dict[str, Any]:
    """What a body or task gets for those of its parameters that name something of the run."""
    wanted = [name for name in names if name in INJECTED]
    if not wanted:
        return {}
    known = runtime.of(scope)
    found: dict[str, Callable[[], Any]] = {
        "config": lambda: scope.leg.config,
        "previous": lambda: known.previous,
        "writer": lambda: known.stream_writer,
        "runtime": lambda: known,
        "store": lambda: known.store,
    }
    return {name: found[name]() for name in wanted}


def injectable(function: Callable[..., Any]) -> list[tuple[int, str]]:
    """The parameters of a task that name something of the run, with their places."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    return [(index, parameter.name) for index, parameter in enumerate(parameters) if is_injected(parameter)]


def is_injected(parameter: inspect.Parameter) -> bool:
    """By its name, unless its annotation says that it is a plain value of the caller's (`store: str`)."""
    by_keyword = (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    if parameter.name not in INJECTED or parameter.kind not in by_keyword:
        return False
    words = set(re.findall(r"\w+", inspect.formatannotation(parameter.annotation))) - {"None", "Optional", "typing"}
    return parameter.name == "previous" or parameter.annotation is parameter.empty or not words <= PLAIN


def injecting(function: Callable[..., Any], names: list[str], *, is_async: bool) -> Callable[..., Any]:
    """The task's function, given what its caller left to the run; the recorded arguments stay the caller's."""

    def called(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **injected(names, scopes.require("a task")), **kwargs)

    async def awaited(*args: Any, **kwargs: Any) -> Any:
        return await function(*args, **injected(names, scopes.require("a task")), **kwargs)

    return awaited if is_async else called


def coerced_context(schema: type[Any] | None, given: Any) -> Any:
    """A dict becomes the dataclass or model that the entrypoint declared as its `context_schema` (item 5)."""
    if schema is None or not isinstance(given, dict) or (isinstance(schema, type) and issubclass(schema, dict)):
        return given
    return schema(**given)
