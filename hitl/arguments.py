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
    size = len(json.dumps(shown))
    if size > conf.settings().max_arguments_bytes:
        return {"digest": codec.digest((args, kwargs)), "bytes": size}
    return shown


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bool)) or type(value) is int:
        return value
    try:
        return codec.plain(codec.encode(value))
    except Exception:
        return f"<{type(value).__name__}>"
