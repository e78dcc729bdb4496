"""The parameters of a workflow's function: one for the input, others injected by name (item 4)."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from functools import cached_property
from typing import Any

from hitl import codec, events
from hitl.leg import Leg
from hitl.scope import current

INJECTED = ("config", "previous", "writer")


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

    def bind(self, leg: Leg) -> list[Any]:
        """The positional arguments for this leg, the injected ones in their places."""
        given: list[Any] = [codec.decode(leg.turn.input)]
        for parameter in self._others:
            if parameter.name in INJECTED:
                given.append(self._inject(parameter.name, leg))
            elif parameter.default is not inspect.Parameter.empty:
                given.append(parameter.default)
        return given

    @property
    def _is_free(self) -> bool:
        return self.annotation in (inspect.Parameter.empty, Any)

    @staticmethod
    def _inject(name: str, leg: Leg) -> Any:
        if name == "config":
            return leg.config
        if name == "previous":
            return codec.decode(leg.turn.previous) if leg.turn.previous is not None else None
        return lambda value: events.write(leg, current.get() or leg.body, value)
