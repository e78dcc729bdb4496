"""The parameters of a workflow's function: one for the input, others injected by name (item 4)."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

from hitl import codec, events
from hitl.leg import Leg
from hitl.scope import current


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
        previous = codec.decode(leg.turn.previous) if leg.turn.previous is not None else None
        return codec.decode(leg.turn.input), self.injected(leg, previous=previous)

    def injected(self, leg: Leg, *, previous: Any) -> dict[str, Any]:
        found = {"config": leg.config, "previous": previous, "writer": partial(_write, leg)}
        return {parameter.name: found[parameter.name] for parameter in self._others if parameter.name in found}

    @property
    def _is_free(self) -> bool:
        return self.annotation in (inspect.Parameter.empty, Any)


def _write(leg: Leg, value: Any) -> None:
    events.write(leg, current.get() or leg.body, value)
