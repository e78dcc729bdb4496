"""Tables as Markdown, and docs/benchmarks.md, which keeps the last measurement of each subject."""

from __future__ import annotations

import dataclasses
import os
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench` (`python -m bench sqlite` measures one subject again and keeps the others). In each line
the peers took turns in one run; the figures are medians. What counts is the ratio; the milliseconds depend on the
machine and on what else it does.
"""
COMPARED = ("what", "hitl, ms", "against", "ms", "hitl is", "asked for", "")


@dataclasses.dataclass(frozen=True)
class Row:
    """Two peers at one thing, in milliseconds; factor: how many times as fast is asked for, None where nothing is."""

    what: str
    ours: float
    against: str
    theirs: float
    factor: float | None = None

    def cells(self) -> Sequence[str]:
        ratio = self.theirs / self.ours
        wanted, judged = "–", ""
        if self.factor is not None:
            wanted, judged = f"{self.factor:g} times", "reached" if ratio >= self.factor else "**missed**"
        return (
            self.what,
            f"{self.ours:.2f}",
            self.against,
            f"{self.theirs:.2f}",
            f"{ratio:.2f} times as fast",
            wanted,
            judged,
        )


def compared(rows: Iterable[Row]) -> str:
    """The table of these rows."""
    return table(COMPARED, [row.cells() for row in rows])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Any table; columns of figures are set to the right."""
    body = [list(row) for row in rows]
    sides = ["---:" if all(_is_figure(row[at]) for row in body) else "---" for at in range(len(head))]
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, sides, *body])


def _is_figure(cell: str) -> bool:
    return bool(re.fullmatch(r"[\d.,]+", cell))


def section(title: str, note: str, tables: str) -> str:
    """A subject's part of the page, with the machine and the date."""
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    where = f"{datetime.now(UTC):%Y-%m-%d}, {machine}, langgraph {version('langgraph')}."
    return "\n\n".join(part.strip("\n") for part in (f"## {title}", note, where, tables))


def keep(measured: str) -> None:
    """Put a section into the page, in place of the one with its title."""
    before = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    kept = {_title(text): text.strip() for text in re.split(r"^(?=## )", before, flags=re.MULTILINE)[1:]}
    kept[_title(measured)] = measured.strip()
    PAGE.write_text("\n\n".join([HEAD.strip(), *kept.values()]) + "\n", encoding="utf-8")


def _title(text: str) -> str:
    return text.partition("\n")[0]
