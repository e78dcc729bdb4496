"""From a text back to the value, or to something that can be shown."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

from hitl.codec import classes, leaves
from hitl.codec.writing import FACTORIES, TAG
from hitl.errors import HitlError

_MARK = f'{{"{TAG}":'


def decode(text: str) -> Any:
    """The value that `encode` wrote. Raises `HitlError` for a class that is not registered here."""
    if _MARK not in text:
        return json.loads(text)
    return _read(text)


def _untag(found: dict[str, Any]) -> Any:
    if TAG not in found:
        return found
    try:
        return _UNPACK[found[TAG]](found)
    except HitlError:
        raise
    except Exception as error:
        raise HitlError(f"A stored value ({found[TAG]!r}) cannot be read: {error!r}.") from error


_read = json.JSONDecoder(object_hook=_untag).decode


def _unpack_int(found: dict[str, Any]) -> int:
    return int(found["v"], 16)


def _unpack_class(found: dict[str, Any]) -> Any:
    entry = classes.lookup(found["n"])
    return _UNPACK_KIND[entry.kind](entry, found)


def _unpack_dataclass(entry: classes.Entry, found: dict[str, Any]) -> Any:
    """Without calling the constructor: what was stored is the object's state, not its arguments."""
    obj = object.__new__(entry.cls)
    state = found["v"]
    for field in dataclasses.fields(entry.cls):
        if field.name not in state:
            _add_default(entry, field, state)
    for name, value in state.items():
        if name in entry.cls.__dataclass_fields__ or hasattr(obj, "__dict__"):
            object.__setattr__(obj, name, value)
    return obj


def _add_default(entry: classes.Entry, field: dataclasses.Field[Any], state: dict[str, Any]) -> None:
    """A field that came into the class after the value was stored takes its default."""
    if field.default is not dataclasses.MISSING:
        state[field.name] = field.default
    elif field.default_factory is not dataclasses.MISSING:
        state[field.name] = field.default_factory()
    elif field.init:
        raise _missing(entry, field.name)


def _missing(entry: classes.Entry, name: str) -> HitlError:
    return HitlError(
        f"A stored {entry.name} has no {name!r}, which the class now asks for. Give the field a default, "
        "so that older values can be read."
    )


def _unpack_model(entry: classes.Entry, found: dict[str, Any]) -> Any:
    """Without validation, which a value that was valid when stored need not pass twice."""
    state = found["v"]
    given = set(found.get("set", state))
    for name, field in entry.cls.model_fields.items():
        if name not in state:
            if field.is_required():
                raise _missing(entry, name)
            state[name] = field.get_default(call_default_factory=True, validated_data=state)
    extra = entry.cls.model_config.get("extra") == "allow"
    private = entry.cls.__private_attributes__
    obj = entry.cls.__new__(entry.cls)
    object.__setattr__(obj, "__dict__", state)
    object.__setattr__(obj, "__pydantic_fields_set__", given)
    object.__setattr__(obj, "__pydantic_extra__", dict(found.get("extra", ())) if extra else None)
    object.__setattr__(obj, "__pydantic_private__", dict(found.get("private", ())) if private else None)
    return obj


def _unpack_namedtuple(entry: classes.Entry, found: dict[str, Any]) -> Any:
    state = {**entry.cls._field_defaults, **found["v"]}
    for name in entry.cls._fields:
        if name not in state:
            raise _missing(entry, name)
    return tuple.__new__(entry.cls, [state[name] for name in entry.cls._fields])


def _unpack_enum(entry: classes.Entry, found: dict[str, Any]) -> Any:
    member = entry.cls.__members__.get(found["k"])
    return entry.cls(found["v"]) if member is None else member


def _unpack_exception(entry: classes.Entry, found: dict[str, Any]) -> Any:
    if entry.unpack:
        error = entry.unpack(found["args"])
    else:
        error = entry.cls.__new__(entry.cls)
        error.args = tuple(found["args"])
    vars(error).update(found.get("state", {}))
    return error


def _unpack_custom(entry: classes.Entry, found: dict[str, Any]) -> Any:
    assert entry.unpack
    return entry.unpack(found["v"])


_UNPACK_KIND: dict[str, Callable[[classes.Entry, dict[str, Any]], Any]] = {
    "dataclass": _unpack_dataclass,
    "namedtuple": _unpack_namedtuple,
    "model": _unpack_model,
    "enum": _unpack_enum,
    "exception": _unpack_exception,
    "custom": _unpack_custom,
}


def _leaf_unpacker(leaf: leaves.Leaf) -> Callable[[dict[str, Any]], Any]:
    return lambda found: leaf.read(found["v"])


_UNPACK: dict[str, Callable[[dict[str, Any]], Any]] = {
    "str": lambda found: "".join(found["v"]),
    "int": _unpack_int,
    "float": lambda found: float(found["v"]),
    "dict": lambda found: dict(found["v"]),
    "tuple": lambda found: tuple(found["v"]),
    "set": lambda found: set(found["v"]),
    "frozenset": lambda found: frozenset(found["v"]),
    "range": lambda found: range(*found["v"]),
    "deque": lambda found: deque(found["v"], found["max"]),
    "ordereddict": lambda found: OrderedDict(found["v"]),
    "counter": lambda found: Counter(dict(found["v"])),
    "defaultdict": lambda found: defaultdict(FACTORIES[found["f"]], found["v"]),
    "class": _unpack_class,
    **{leaf.tag: _leaf_unpacker(leaf) for leaf in leaves.ALL},
}
