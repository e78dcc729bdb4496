"""The engine on the embedded tier's database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial

import langgraph.func
import langgraph.types
from langgraph.checkpoint.sqlite import SqliteSaver

import hitl.func
import hitl.types
from bench import measures
from bench.programs import programs
from bench.report import Row, compared
from bench.settings import DIRECTORY

TITLE = "On SQLite"
NOTE = """Both write to disk with WAL and synchronous FULL; LangGraph keeps its checkpoints on its `SqliteSaver`.

What is missed is the disk's and Python's: a commit with synchronous FULL is an fsync, of which the workflow needs
seven, and a thousand tasks at durability sync a thousand, one after another. A
thousand tasks twice as fast would take fewer commits than tasks, which durability async is for. This was measured while
other programs kept both cores and the disk busy, so that the fsyncs of both weigh more than they would."""


def measure() -> str:
    ours = programs(hitl.func, hitl.types, None)
    connection = sqlite3.connect(DIRECTORY / "theirs.sqlite3", check_same_thread=False)
    theirs = programs(langgraph.func, langgraph.types, SqliteSaver(connection))
    tasks = partial(measures.sequence, tasks=1_000)
    return compared(
        [
            row(
                "DESIGN.md's workflow, start to end",
                partial(measures.repeated, measures.whole(ours), times=20),
                partial(measures.repeated, measures.whole(theirs, durability="sync"), times=10),
                factor=5,
            ),
            row(
                "1,000 tasks in a row, durability async (LangGraph's default)",
                partial(tasks, ours, durability="async"),
                partial(tasks, theirs, durability="async"),
                factor=2,
            ),
            row(
                "1,000 tasks in a row, durability sync (ours)",
                partial(tasks, ours, durability="sync"),
                partial(tasks, theirs, durability="sync"),
                factor=2,
            ),
            row(
                "Going on after 1,000 tasks",
                partial(measures.resume, ours, tasks=1_000),
                partial(measures.resume, theirs, tasks=1_000),
                factor=5,
            ),
        ]
    )


def row(what: str, ours: Callable[[], float], theirs: Callable[[], float], *, factor: float) -> Row:
    seen = measures.in_turns({"ours": ours, "theirs": theirs})
    return Row(what, seen["ours"], "LangGraph", seen["theirs"], factor)
