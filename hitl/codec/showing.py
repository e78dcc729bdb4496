"""From a stored text to what people are shown: plain JSON data, with no class of the project needed.

It reads the text alone, so that a page can show values whose classes are not loaded, or are gone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from hitl.codec import leaves
from hitl.codec.writing import TAG

_MARK = f'{{"{TAG}":'
_SURROGATE = re.compile("[\ud800-\udfff]")


def plain(text: str) -> Any:
    """The value as JSON data for display: a tuple as a list, a Decimal as "1.50", a dataclass as a dict.

    Dates are ISO 8601, sets sorted lists, bytes "<n bytes>", NaN "nan". Half characters (lone surrogates),
    which no page can send, become U+FFFD.
    """
    data = _read(text) if _MARK in text else json.loads(text)
    return _whole(data) if "\\ud" in text else data


def _whole(data: Any) -> Any:
    if type(data) is str:
        return _SURROGATE.sub("\ufffd", data)
    if type(data) is list:
        return [_whole(item) for item in data]
    if type(data) is dict:
        return {_whole(key): _whole(item) for key, item in data.items()}
    return data


def _show(found: dict[str, Any]) -> Any:
    if TAG not in found:
        return found
    return _SHOW.get(found[TAG], _show_items)(found)


_read = json.JSONDecoder(object_hook=_show).decode


def _show_items(found: dict[str, Any]) -> Any:
    return found.get("v")


def _show_int(found: dict[str, Any]) -> Any:
    digits = int(len(found["v"].lstrip("-0x")) * 1.20412)  # of 16 in digits of 10
    return f"<a whole number of about {digits:,} digits>"


def _show_pairs(found: dict[str, Any]) -> dict[str, Any]:
    return {_key(key): item for key, item in found["v"]}


def _key(key: Any) -> str:
    return key if type(key) is str else json.dumps(key, ensure_ascii=False)


def _show_class(found: dict[str, Any]) -> Any:
    if "k" in found:
        return found["k"] if found["v"] is None else found["v"]
    if "args" in found:
        return f"{found['n'].partition(':')[2]}: {', '.join(map(_key, found['args']))}"
    if "extra" in found:
        return {**found["v"], **dict(found["extra"])}
    return found["v"]


def _leaf(leaf: leaves.Leaf) -> Callable[[dict[str, Any]], Any]:
    return lambda found: leaf.show(found["v"])


_SHOW: dict[str, Callable[[dict[str, Any]], Any]] = {
    "str": lambda found: "".join(found["v"]),
    "int": _show_int,
    "dict": _show_pairs,
    "ordereddict": _show_pairs,
    "counter": _show_pairs,
    "defaultdict": _show_pairs,
    "class": _show_class,
    **{leaf.tag: _leaf(leaf) for leaf in leaves.ALL},
}
