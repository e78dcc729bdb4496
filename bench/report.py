"""The table, on the screen and in docs/benchmarks.md."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.measures import Row

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`: each line is measured in one run with both libraries taking turns, medians of five
rounds. What counts is the ratio; the milliseconds depend on the machine and on what else it does.
Both write to disk with WAL and synchronous FULL.

Where a line says "missed": at durability `sync` each of the 1,000 tasks waits for one fsync, in both libraries, and
`hitl` writes more pages with each fact (the thread's row, which is the fence, and two unique indexes). DESIGN.md's
workflow on SQLite is seven commits; fewer would need the start and the claim, and the answer and the claim, in one
statement each.
"""


def table(rows: Sequence[Row]) -> str:
    lines = [
        "| what | hitl, ms | LangGraph, ms | hitl is | asked for | |",
        "| --- | ---: | ---: | ---: | --- | --- |",
    ]
    lines += [
        f"| {row.what} | {row.ours:.2f} | {row.theirs:.2f} | {row.ratio:.1f} times as fast "
        f"| {row.wanted} | {'reached' if row.reached else 'missed'} |"
        for row in rows
    ]
    return "\n".join(lines)


def growth(seen: Mapping[int, float]) -> str:
    """Opening and resuming long threads: time for each fact must not grow with their number."""
    lines = ["| facts in the thread | open and resume, ms | µs a fact |", "| ---: | ---: | ---: |"]
    lines += [f"| {facts:,} | {spent:.1f} | {spent * 1000 / facts:.1f} |" for facts, spent in seen.items()]
    return "\n".join(lines)


def write(rows: Sequence[Row], grown: str, peer: str) -> None:
    machine = f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"
    when = f"{datetime.now(UTC):%Y-%m-%d}"
    parts = [HEAD, f"{when}, {machine}, against {peer}.", table(rows), "## Long threads", grown, ""]
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text("\n\n".join(part.strip("\n") for part in parts) + "\n")
