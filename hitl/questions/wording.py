"""How a payload becomes words: a title for a list, a body to read."""

from __future__ import annotations

import json
from typing import Any

from hitl.words import gettext

TITLE_LENGTH = 200
# They join or part letters in several scripts and in emoji; all else that is not printable goes.
_JOINERS = "\u200c\u200d"


def untitled() -> str:
    """What a question is called that says nothing."""
    return gettext("A question without text")


def one_line(text: str) -> str:
    """The text as one printable line of at most 200 characters."""
    printable = "".join(char if char.isprintable() or char in _JOINERS else " " for char in text[:2_000])
    line = " ".join(printable.split())
    return line if len(line) <= TITLE_LENGTH else line[: TITLE_LENGTH - 1].rstrip() + "…"


def title_and_body(text: str) -> tuple[str, str]:
    """The first line as the title; all of it as the body, unless the title has said it already."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    title = one_line(first.lstrip("# "))
    return title or untitled(), "" if title == text.strip() else text.strip()


def summary(value: Any) -> str:
    """A value in one line, for want of a text."""
    if value in (None, "", [], {}, ()):
        return untitled()
    if isinstance(value, dict):
        return one_line(", ".join(f"{key}: {_brief(item)}" for key, item in list(value.items())[:20]))
    return one_line(_brief(value))


def _brief(value: Any) -> str:
    return value[:TITLE_LENGTH] if isinstance(value, str) else as_json(value)[:TITLE_LENGTH]


def as_json(value: Any, *, indent: int | None = None) -> str:
    """Any value as JSON text for people; what JSON does not know as its own text."""
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent, default=str)
    except (TypeError, ValueError, RecursionError):
        return str(value)
