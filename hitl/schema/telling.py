"""Where in a value something is wrong, and how that is said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

Errors = list[tuple[str, str]]

_PLAIN_KEY = re.compile(r"[^\W\d]\w*")


def json_path(parts: Iterable[Any]) -> str:
    """`$.lines[0].price`, and "" for the value as a whole."""
    steps = "".join(map(_step, parts))
    return f"${steps}" if steps else ""


def _step(part: Any) -> str:
    if isinstance(part, int):
        return f"[{part}]"
    return f".{part}" if _PLAIN_KEY.fullmatch(str(part)) else f"[{json.dumps(str(part))}]"


def in_words(errors: Errors) -> str:
    """All errors in one line."""
    return "; ".join(f"{path}: {message}" if path else message for path, message in errors)


def shortened(text: str, *, length: int = 200) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
