"""The classes a stored value may hold: registered by the code that owns them, found by name in here only.

Stored data names a class as "module:qualname" (or as told when it was registered). That name is looked up
in this registry and nowhere else: nothing is ever imported, called or evaluated because a row says so.
"""

from __future__ import annotations

import builtins
import dataclasses
import enum
import sys
from collections.abc import Callable
from typing import Any, TypeVar, overload

from hitl.errors import HitlError, Misuse

T = TypeVar("T", bound=type)


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A class that may be stored, and how."""

    cls: Any
    name: str
    kind: str
    pack: Callable[[Any], Any] | None = None
    unpack: Callable[[Any], Any] | None = None


BY_TYPE: dict[type, Entry] = {}
BY_NAME: dict[str, Entry] = {}


@overload
def register(cls: T, /) -> T: ...
@overload
def register(
    cls: T,
    /,
    *,
    name: str = ...,
    pack: Callable[[Any], Any] | None = ...,
    unpack: Callable[[Any], Any] | None = ...,
) -> T: ...
@overload
def register(
    cls: None = None,
    /,
    *,
    name: str = ...,
    pack: Callable[[Any], Any] | None = ...,
    unpack: Callable[[Any], Any] | None = ...,
) -> Callable[[T], T]: ...


def register(
    cls: Any = None,
    /,
    *,
    name: str = "",
    pack: Callable[[Any], Any] | None = None,
    unpack: Callable[[Any], Any] | None = None,
) -> Any:
    """Let values of this class be stored. Works as a decorator, with or without arguments.

    Dataclasses, enums, named tuples, pydantic models and exceptions need nothing more; the classes of
    their fields are registered with them. Any other class needs `pack(obj)`, which gives a storable
    value, and `unpack(value)`, which makes the object again. `name` is what stored data calls the class
    ("module:qualname" unless given): give the old name after moving or renaming a class.

    Raises `Misuse` for a class that is none of these and has no `pack` and `unpack`.
    """
    if cls is None:
        return lambda cls: register(cls, name=name, pack=pack, unpack=unpack)
    kind = "custom" if pack and unpack else kind_of(cls)
    if kind is None:
        raise Misuse(
            f"{describe(cls)} is no dataclass, enum, named tuple, pydantic model or exception: "
            "give codec.register() a pack= and an unpack= function for it."
        )
    _add(Entry(cls, name or class_name(cls), kind, pack, unpack))
    from hitl.codec import annotations

    annotations.register_fields(cls)
    return cls


def add_if_possible(cls: Any) -> bool:
    """Register a class met in an annotation; False if it was registered before or cannot be."""
    if cls in BY_TYPE:
        return False
    if _is_url(cls):
        _add(Entry(cls, class_name(cls), "custom", str, cls))
        return True
    kind = kind_of(cls)
    if kind is None:
        return False
    _add(Entry(cls, class_name(cls), kind))
    return True


def _add(entry: Entry) -> None:
    BY_TYPE[entry.cls] = entry
    BY_NAME[entry.name] = entry


def lookup(name: Any) -> Entry:
    """The class that stored data calls by this name, or a `HitlError` that says what to do."""
    try:
        return BY_NAME[name]
    except (KeyError, TypeError):
        raise HitlError(
            f"A stored value holds a {name!r}, but no class of that name is registered in this process. "
            "Import the module that registers it (a workflows module, say), or after moving or renaming "
            f"the class, register it under the old name: codec.register(TheClass, name={name!r})."
        ) from None


def kind_of(cls: Any) -> str | None:
    """How instances of a class can be stored, or None if they cannot."""
    if not isinstance(cls, type):
        return None
    if issubclass(cls, enum.Enum):
        return "enum"
    if issubclass(cls, Exception):
        return "exception"
    if issubclass(cls, tuple):
        return "namedtuple" if hasattr(cls, "_fields") and hasattr(cls, "_make") else None
    if is_model(cls):
        return "model"
    if dataclasses.is_dataclass(cls) and not issubclass(cls, _BASES):
        return "dataclass"
    return None


# What a class inherits from these is no field, and would be lost.
_BASES = (str, bytes, bytearray, int, float, complex, list, dict, set, frozenset)


def is_model(cls: type) -> bool:
    """Whether this is a pydantic model, without importing pydantic: if it is one, pydantic is here."""
    pydantic = sys.modules.get("pydantic.main")
    return pydantic is not None and issubclass(cls, pydantic.BaseModel)


def _is_url(cls: Any) -> bool:
    networks = sys.modules.get("pydantic.networks")
    return networks is not None and isinstance(cls, type) and issubclass(cls, networks._BaseUrl)


def class_name(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def describe(cls: Any) -> str:
    """A class as a message names it: `socket.socket`, but `int` for a builtin."""
    if not isinstance(cls, type):
        return repr(cls)
    return cls.__qualname__ if cls.__module__ == "builtins" else f"{cls.__module__}.{cls.__qualname__}"


def _builtin_exception(cls: type[Exception]) -> Entry:
    """Their constructors are harmless, and some have state that only the constructor sets."""
    return Entry(cls, class_name(cls), "exception", unpack=lambda args: cls(*args))


for _found in vars(builtins).values():
    if isinstance(_found, type) and issubclass(_found, Exception):
        _add(_builtin_exception(_found))
