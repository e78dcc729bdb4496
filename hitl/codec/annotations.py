"""Which classes a function's annotations speak of: all of them may be stored without further ado.

Best effort, never raising: an annotation that cannot be resolved (a name imported for type checkers only)
registers nothing, and a value of such a class is then refused with a message that says how to register it.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import sys
import typing
from collections.abc import Callable, Iterable
from typing import Any

from hitl.codec import classes


def register_annotations(func: Callable[..., Any]) -> None:
    """Register every class that can be stored in this function's annotations, and in their fields."""
    _register(_hints(func, {}), names=_closure(func))


def register_fields(cls: type) -> None:
    """Register the classes of the fields of a class."""
    _register([cls], names={})


def _register(pending: list[Any], *, names: dict[str, Any]) -> None:
    seen = set()
    while pending:
        part = pending.pop()
        try:
            if part in seen:
                continue
            seen.add(part)
            classes.add_if_possible(part)
            pending.extend(_inside(part, names))
        except Exception:  # an annotation may be any object at all
            continue


def _inside(part: Any, names: dict[str, Any]) -> Iterable[Any]:
    """What an annotation is made of: arguments, fields, bounds."""
    if isinstance(part, type) and _has_fields(part):
        return _field_types(part, names)
    origin = typing.get_origin(part)
    if origin is typing.Literal:
        return [type(value) for value in typing.get_args(part) if isinstance(value, enum.Enum)]
    if origin is not None:
        return [origin, *_flat(typing.get_args(part))]
    if isinstance(part, typing.TypeVar):
        return [part.__bound__, *part.__constraints__]
    if isinstance(part, typing.NewType):
        return [part.__supertype__]
    return [part.__value__] if hasattr(part, "__value__") else []


def _flat(args: Iterable[Any]) -> Iterable[Any]:
    """The arguments of a Callable are a list among the arguments."""
    for arg in args:
        yield from arg if isinstance(arg, list) else [arg]


def _has_fields(cls: type) -> bool:
    if dataclasses.is_dataclass(cls) or classes.is_model(cls):
        return True
    return issubclass(cls, (dict, tuple)) and "__annotations__" in vars(cls)


def _field_types(cls: Any, names: dict[str, Any]) -> Iterable[Any]:
    if classes.is_model(cls):
        return [field.annotation for field in cls.model_fields.values()]
    return _hints(cls, {**names, cls.__name__: cls})


def _hints(obj: Any, names: dict[str, Any]) -> list[Any]:
    try:
        return list(typing.get_type_hints(obj, localns=names or _closure(obj)).values())
    except Exception:
        return [_resolve(hint, obj, names) for hint in getattr(obj, "__annotations__", {}).values()]


def _resolve(hint: Any, owner: Any, names: dict[str, Any]) -> Any:
    """One annotation by itself (the author's own source text), when another one cannot be resolved."""
    if not isinstance(hint, str):
        return hint
    namespace = getattr(owner, "__globals__", None) or vars(sys.modules.get(owner.__module__, typing))
    try:
        return eval(hint, dict(namespace), {**_closure(owner), **names})
    except Exception:
        return None


def _closure(func: Any) -> dict[str, Any]:
    try:
        return dict(inspect.getclosurevars(func).nonlocals)
    except Exception:
        return {}
