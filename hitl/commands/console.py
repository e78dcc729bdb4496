"""What a command prints: results to standard output, remarks to standard error."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.core.management.base import OutputWrapper
from django.utils import timezone

from hitl import codec
from hitl.errors import HitlError

WIDEST_COLUMN = 60


class Console:
    """Two streams; nothing else in `hitl.commands` prints."""

    def __init__(self, out: OutputWrapper, err: OutputWrapper) -> None:
        self.out = out
        self.err = err

    def line(self, text: str) -> None:
        self.out.write(text)
        self.out.flush()

    def remark(self, text: str) -> None:
        self.err.write(text)
        self.err.flush()

    def json(self, data: Any, *, indent: int | None = None) -> None:
        """One JSON document; without indent it is one line."""
        self.line(json.dumps(data, ensure_ascii=False, indent=indent, default=str))

    def table(self, titles: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Columns as wide as their content, the last one unbounded in nothing but length."""
        cells = [[cell(value) for value in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
        for row in [[title.upper() for title in titles], *cells]:
            self.line("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


def cell(value: object) -> str:
    """One value on one line, cut where it is too long for a table."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return timezone.localtime(value).strftime("%Y-%m-%d %H:%M:%S") if value.tzinfo else str(value)
    text = " ".join(str(value).split())
    return text if len(text) <= WIDEST_COLUMN else text[: WIDEST_COLUMN - 1] + "…"


def plain(text: str | None) -> Any:
    """A stored value as plain JSON data; what cannot be read comes out as the text that is stored."""
    if not text:
        return None
    try:
        return codec.plain(text)
    except (ValueError, HitlError):
        return text


def stamp(when: datetime | None) -> str | None:
    return when.isoformat() if when else None
