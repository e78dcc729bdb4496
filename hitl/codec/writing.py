"""From a value to its text.

A value is walked once. The walk gives back the very same object where JSON can hold it as it is, so that
plain data is neither copied nor visited twice.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from hitl import conf
from hitl.codec import classes, leaves
from hitl.codec.walking import MAX_DEPTH, Fault, TooMuch, Walk, at_key, brief
from hitl.errors import UnstorableValue, ValueTooLarge

TAG = "$"
# Python reads and writes decimal digits only up to a limit, which may be set as low as 640.
BIG = 10**600
# Two code points that JSON would read back as one.
_SPLIT_PAIR = re.compile("(?<=[\ud800-\udbff])(?=[\udc00-\udfff])")
FACTORIES: dict[str, Any] = {
    "": None, "list": list, "dict": dict, "set": set, "tuple": tuple,
    "int": int, "float": float, "str": str, "bool": bool,
}  # fmt: skip
_FACTORY_NAMES = {factory: name for name, factory in FACTORIES.items()}


def encode(obj: Any, *, where: str = "value", limit_bytes: int | None = None) -> str:
    """The value as ASCII JSON text, from which `decode` makes an equal value of the same type.

    `where` is how messages call the value ("result", say). Raises `UnstorableValue` with the path of the
    element that cannot be stored, and `ValueTooLarge` over `limit_bytes` (HITL_MAX_VALUE_BYTES unless given).
    """
    if limit_bytes is None:
        limit_bytes = conf.settings().max_value_bytes
    text = quote(obj) if type(obj) is str and obj.isascii() else _text(obj, where, limit_bytes)
    if len(text) > limit_bytes:
        raise _too_large(where + heaviest(obj, len(text)), f"{len(text):,}", limit_bytes)
    return text


def _text(obj: Any, where: str, limit_bytes: int) -> str:
    # A walk goes on a little beyond the limit, so that the message can tell the size and the place.
    walk = Walk(limit_bytes * Walk.element_weight)
    try:
        return dumps(pack(walk, obj, 0))
    except Fault as fault:
        raise UnstorableValue(fault.message(where)) from None
    except TooMuch:
        raise _too_large(where, f"more than {limit_bytes:,}", limit_bytes) from None
    except RecursionError:
        raise UnstorableValue(f"{where}: nested too deeply to be stored.") from None


dumps = json.JSONEncoder(check_circular=False, allow_nan=False, separators=(",", ":")).encode


def _too_large(where: str, size: str, limit_bytes: int) -> ValueTooLarge:
    return ValueTooLarge(
        f"{where}: {size} bytes as stored, and the limit is {limit_bytes:,}. Store it elsewhere and keep "
        "a reference to it here, or raise HITL_MAX_VALUE_BYTES."
    )


def heaviest(obj: Any, size: int, *, levels: int = 10) -> str:
    """The path down to the element that alone makes up most of a value that is too large."""
    for suffix, item in _elements(obj) if levels else ():
        weight = len(dumps(pack(Walk(size * Walk.element_weight), item, 0)))
        if weight * 2 > size:
            return suffix + heaviest(item, weight, levels=levels - 1)
    return ""


def _elements(obj: Any) -> Iterable[tuple[str, Any]]:
    if type(obj) in (list, tuple):
        return ((f"[{index}]", item) for index, item in enumerate(obj))
    if type(obj) is dict:
        return ((at_key(key), item) for key, item in obj.items())
    entry = classes.BY_TYPE.get(type(obj))
    if entry and entry.kind in ("dataclass", "model", "namedtuple"):
        return ((f".{name}", item) for name, item in _state(entry, obj).items())
    return ()


def pack(walk: Walk, obj: Any, level: int) -> Any:
    """The object itself if JSON can hold it as it is, else what stands for it."""
    return PACK.get(type(obj), _pack_other)(walk, obj, level)


def _pack_str(walk: Walk, obj: str, level: int) -> Any:
    walk.spend(len(obj))
    if obj.isascii() or not _SPLIT_PAIR.search(obj):
        return obj
    return {TAG: "str", "v": _SPLIT_PAIR.split(obj)}


def _pack_int(walk: Walk, obj: int, level: int) -> Any:
    return obj if -BIG < obj < BIG else {TAG: "int", "v": hex(obj)}


def _pack_float(walk: Walk, obj: float, level: int) -> Any:
    return obj if math.isfinite(obj) else {TAG: "float", "v": repr(obj)}


def _pack_itself(walk: Walk, obj: Any, level: int) -> Any:
    return obj


def _pack_list(walk: Walk, obj: list[Any], level: int) -> Any:
    if level > MAX_DEPTH:
        return walk.too_deep(obj)
    walk.spend(len(obj) * walk.element_weight)
    out = obj
    index = 0
    try:
        for index, item in enumerate(obj):
            kind = type(item)
            if item is None or kind is bool:
                continue
            packed = PACK.get(kind, _pack_other)(walk, item, level + 1)
            if packed is not item:
                if out is obj:
                    out = obj.copy()
                out[index] = packed
    except Fault as fault:
        raise fault.step(obj, f"[{index}]") from None
    return out


def _pack_dict(walk: Walk, obj: dict[Any, Any], level: int) -> Any:
    if level > MAX_DEPTH:
        return walk.too_deep(obj)
    walk.spend(len(obj) * walk.element_weight)
    out = obj
    key: Any = None
    try:
        for key, item in obj.items():
            if type(key) is not str or key == TAG or not (key.isascii() or not _SPLIT_PAIR.search(key)):
                break
            kind = type(item)
            if item is None or kind is bool:
                continue
            packed = PACK.get(kind, _pack_other)(walk, item, level + 1)
            if packed is not item:
                if out is obj:
                    out = obj.copy()
                out[key] = packed
        else:
            return out
    except Fault as fault:
        raise fault.step(obj, at_key(key)) from None
    return {TAG: "dict", "v": _sorted_if(walk.canonical, _pairs(walk, obj, level))}


def _pairs(walk: Walk, obj: Any, level: int) -> list[Any]:
    """A dict of any keys as pairs, in its order."""
    if level > MAX_DEPTH:
        return [walk.too_deep(obj)]
    walk.spend(len(obj) * walk.element_weight)
    out = []
    suffix = ""
    try:
        for key, item in obj.items():
            suffix = f".key({brief(key)})"
            packed_key = pack(walk, key, level + 1)
            suffix = at_key(key)
            out.append([packed_key, pack(walk, item, level + 1)])
    except Fault as fault:
        raise fault.step(obj, suffix) from None
    return out


def _sorted_if(wanted: bool, packed: list[Any]) -> list[Any]:
    return sorted(packed, key=dumps) if wanted else packed


def _pack_tuple(walk: Walk, obj: tuple[Any, ...], level: int) -> Any:
    return {TAG: "tuple", "v": _pack_list(walk, list(obj), level)}


def _pack_set(walk: Walk, obj: Any, level: int) -> Any:
    walk.spend(len(obj) * walk.element_weight)
    out = []
    try:
        for item in obj:
            out.append(pack(walk, item, level + 1))  # noqa: PERF401  # keeps a deep value's stack short
    except Fault as fault:
        raise fault.step(obj, "{...}") from None
    return {TAG: type(obj).__name__, "v": sorted(out, key=dumps)}


def _pack_range(walk: Walk, obj: range, level: int) -> Any:
    return {TAG: "range", "v": _pack_list(walk, [obj.start, obj.stop, obj.step], level)}


def _pack_deque(walk: Walk, obj: deque[Any], level: int) -> Any:
    return {TAG: "deque", "v": _pack_list(walk, list(obj), level), "max": obj.maxlen}


def _pack_ordered(walk: Walk, obj: OrderedDict[Any, Any], level: int) -> Any:
    return {TAG: "ordereddict", "v": _pairs(walk, obj, level)}


def _pack_counter(walk: Walk, obj: Counter[Any], level: int) -> Any:
    return {TAG: "counter", "v": _sorted_if(walk.canonical, _pairs(walk, obj, level))}


def _pack_defaultdict(walk: Walk, obj: defaultdict[Any, Any], level: int) -> Any:
    factory = _FACTORY_NAMES.get(obj.default_factory)
    if factory is None:
        return walk.refuse(obj, "a defaultdict can be stored only if its factory is a builtin type or None.")
    pairs = _sorted_if(walk.canonical, _pairs(walk, obj, level))
    return {TAG: "defaultdict", "f": factory, "v": pairs}


def _leaf_packer(leaf: leaves.Leaf) -> Callable[[Walk, Any, int], Any]:
    def pack_leaf(walk: Walk, obj: Any, level: int) -> Any:
        try:
            return {TAG: leaf.tag, "v": leaf.write(obj)}
        except Exception as error:
            return walk.refuse(obj, f"this {leaf.tag} cannot be stored: {error}.")

    return pack_leaf


def _pack_other(walk: Walk, obj: Any, level: int) -> Any:
    """An instance of a registered class, or a refusal."""
    entry = classes.BY_TYPE.get(type(obj))
    if entry is None:
        return walk.refuse(obj, _refusal(obj))
    if level > MAX_DEPTH:
        return walk.too_deep(obj)
    return _PACK_KIND[entry.kind](walk, obj, level, entry)


def _refusal(obj: Any) -> str:
    cls = type(obj)
    name = classes.describe(cls)
    if classes.kind_of(cls):
        return f"{name} is not registered. Decorate the class with hitl.codec.register to let it be stored."
    if hasattr(cls, "_meta") and hasattr(cls, "pk"):
        return f"{name} is a row of the database and cannot be stored. Store its primary key and read it anew."
    if issubclass(cls, (str, bytes, int, float, list, dict, set, frozenset, tuple)):
        base = next(base.__name__ for base in cls.__mro__ if base.__module__ == "builtins")
        return f"{name} cannot be stored. Make it a plain {base}, or register it with hitl.codec.register."
    remedy = "Leave it out, or register its class with hitl.codec.register(..., pack=, unpack=)."
    return f"{name} cannot be stored. {remedy}"


def _pack_state(walk: Walk, obj: Any, level: int, state: dict[str, Any]) -> dict[str, Any]:
    """The attributes of an object; paths name them as `.name`."""
    out = {}
    name = ""
    try:
        for name, item in state.items():
            out[name] = pack(walk, item, level + 1)
    except Fault as fault:
        raise fault.step(obj, f".{name}") from None
    return out


def _state(entry: classes.Entry, obj: Any) -> dict[str, Any]:
    if entry.kind == "namedtuple":
        return dict(zip(obj._fields, obj, strict=True))
    slots = {name: getattr(obj, name) for name in getattr(obj, "__dataclass_fields__", ()) if hasattr(obj, name)}
    return {**slots, **getattr(obj, "__dict__", {})}


def _pack_object(walk: Walk, obj: Any, level: int, entry: classes.Entry) -> Any:
    return {TAG: "class", "n": entry.name, "v": _pack_state(walk, obj, level, _state(entry, obj))}


def _pack_enum(walk: Walk, obj: Any, level: int, entry: classes.Entry) -> Any:
    """By name; the value is there for people, for a renamed member, and for combined flags."""
    try:
        value = pack(walk, obj.value, level + 1)
    except Fault:
        value = None
    return {TAG: "class", "n": entry.name, "k": obj.name, "v": value}


def _pack_model(walk: Walk, obj: Any, level: int, entry: classes.Entry) -> Any:
    out = _pack_object(walk, obj, level, entry)
    given = obj.__pydantic_fields_set__
    if given != out["v"].keys():
        out["set"] = sorted(given)
    for part, state in (("extra", obj.__pydantic_extra__), ("private", obj.__pydantic_private__)):
        if state:
            out[part] = [[name, value] for name, value in _pack_state(walk, obj, level, state).items()]
    return out


def _pack_exception(walk: Walk, obj: Exception, level: int, entry: classes.Entry) -> Any:
    out = {TAG: "class", "n": entry.name, "args": _pack_list(walk, list(obj.args), level)}
    if vars(obj):
        out["state"] = _pack_state(walk, obj, level, vars(obj))
    return out


def _pack_custom(walk: Walk, obj: Any, level: int, entry: classes.Entry) -> Any:
    assert entry.pack
    try:
        packed = entry.pack(obj)
    except Exception as error:
        return walk.refuse(obj, f"the pack function of {entry.name} failed: {error!r}.")
    return {TAG: "class", "n": entry.name, "v": pack(walk, packed, level + 1)}


_PACK_KIND: dict[str, Callable[[Walk, Any, int, classes.Entry], Any]] = {
    "dataclass": _pack_object,
    "namedtuple": _pack_object,
    "model": _pack_model,
    "enum": _pack_enum,
    "exception": _pack_exception,
    "custom": _pack_custom,
}

PACK: dict[type, Callable[[Walk, Any, int], Any]] = {
    str: _pack_str,
    int: _pack_int,
    float: _pack_float,
    bool: _pack_itself,
    type(None): _pack_itself,
    list: _pack_list,
    dict: _pack_dict,
    tuple: _pack_tuple,
    set: _pack_set,
    frozenset: _pack_set,
    range: _pack_range,
    deque: _pack_deque,
    OrderedDict: _pack_ordered,
    Counter: _pack_counter,
    defaultdict: _pack_defaultdict,
    **{leaf.cls: _leaf_packer(leaf) for leaf in leaves.ALL},
}
