"""A call's arguments as the journal keeps them, for the page (rule 31)."""

from __future__ import annotations

import json
from typing import Any

from hitl import codec, conf


def kept(args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """`{"args": […], "kwargs": {…}}` in plain JSON, or digest and size where that is too large."""
    shown = {
        "args": [_plain(value) for value in args],
        "kwargs": {key: _plain(v) for key, v in kwargs.items()},
    }
    limit = conf.settings().max_arguments_bytes
    if _is_surely_small(args, kwargs, limit):
        return shown
    size = len(json.dumps(shown))
    return shown if size <= limit else {"digest": codec.digest((args, kwargs)), "bytes": size}


def _is_surely_small(args: tuple[Any, ...], kwargs: dict[str, Any], limit: int) -> bool:
    """Without writing them as JSON: a few short texts and numbers, as most arguments are."""
    values = (*args, *kwargs.values())
    if not all(type(value) in (str, int, bool, type(None)) for value in values):
        return False
    return sum(map(_length, values)) + 12 * sum(map(len, kwargs)) < limit / 2


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool)) or type(value) is int:
        return value
    try:
        return codec.plain(codec.encode(value))
    except Exception:
        return f"<{type(value).__name__}>"


def _length(value: Any) -> int:
    """At the most, in ASCII JSON: a character is twelve there if it is a surrogate pair."""
    return 12 * len(value) + 4 if isinstance(value, str) else int(value or 0).bit_length() + 8
