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

What is missed is the disk's: a commit with synchronous FULL is an fsync. The workflow makes seven here, and LangGraph
nine (as strace counts them), so that on a slow disk no more than 1.3 times can come of it; a thousand tasks at
durability sync make a thousand on either side, and only durability async, where commits are shared, makes fewer. What
is left is Python: about 3 ms of processor time of ours, of which a sixth goes to Django's transactions, and 95 pages of
the write-ahead log against 24, for the indexes by which queue, runs and search are found."""


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
