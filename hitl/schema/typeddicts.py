"""`typing.TypedDict` for pydantic, which before Python 3.12 accepts only the one of typing_extensions."""

from __future__ import annotations

import sys
import typing
from typing import Any


def modern(annotation: Any) -> Any:
    """The annotation, with each `typing.TypedDict` in it as its equal from typing_extensions."""
    if sys.version_info >= (3, 12):
        return annotation
    return _modern(annotation)


def _modern(annotation: Any) -> Any:
    if typing.is_typeddict(annotation) and type(annotation).__module__ == "typing":
        return _rebuilt(annotation)
    args = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if not args or origin in (typing.Literal, typing.Annotated):
        return annotation
    changed = tuple(_modern(arg) for arg in args)
    if all(new is old for new, old in zip(changed, args, strict=True)):
        return annotation
    if origin is None or origin is typing.Union or not hasattr(origin, "__class_getitem__"):
        return typing.Union[changed]  # noqa: UP007  # built from parts
    return origin[changed]


def _rebuilt(old: Any) -> Any:
    from typing_extensions import TypedDict

    fields = {name: _field(old, name, hint) for name, hint in typing.get_type_hints(old, include_extras=True).items()}
    new = TypedDict(old.__name__, fields)  # type: ignore[misc]  # built from parts
    new.__doc__ = old.__doc__
    return new


def _field(old: Any, name: str, hint: Any) -> Any:
    if typing.get_origin(hint) in (typing.Required, typing.NotRequired):
        return typing.get_origin(hint)[_modern(typing.get_args(hint)[0])]
    return (typing.Required if name in old.__required_keys__ else typing.NotRequired)[_modern(hint)]
