"""`make bench`: the table on the screen, and in docs/benchmarks.md with the machine and the date."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")

import django

django.setup()

import sqlite3
from functools import partial
from importlib.metadata import version

import langgraph.func
import langgraph.types
from django.core.management import call_command
from langgraph.checkpoint.memory import InMemorySaver as TheirMemory
from langgraph.checkpoint.sqlite import SqliteSaver

import hitl.func
import hitl.types
from bench import measures, report
from bench.measures import Row
from bench.programs import Programs, programs
from bench.settings import DIRECTORY
from hitl.checkpoint.memory import InMemorySaver

ROUNDS = 5


def main() -> None:
    call_command("migrate", verbosity=0)
    ours_memory = programs(hitl.func, hitl.types, InMemorySaver())
    theirs_memory = programs(langgraph.func, langgraph.types, TheirMemory())
    ours = programs(hitl.func, hitl.types, None)
    connection = sqlite3.connect(DIRECTORY / "theirs.sqlite3", check_same_thread=False)
    theirs = programs(langgraph.func, langgraph.types, SqliteSaver(connection))
    rows = [
        in_memory(ours_memory, theirs_memory),
        *on_sqlite(ours, theirs),
    ]
    print(report.table(rows))
    growth = report.growth(
        {facts: measures.opened_and_resumed(ours, facts=facts) for facts in (100, 1_000, 2_500, 5_000, 10_000)}
    )
    print(growth)
    report.write(rows, growth, f"langgraph {version('langgraph')}")


def in_memory(ours: Programs, theirs: Programs) -> Row:
    works = {
        "ours": partial(measures.whole_workflow, ours, times=100),
        "theirs": partial(measures.whole_workflow, theirs, times=20),
    }
    seen = measures.in_turns(works, rounds=ROUNDS)
    return row("DESIGN.md's workflow, start to end, in memory", seen, factor=10)


def on_sqlite(ours: Programs, theirs: Programs) -> list[Row]:
    whole = measures.in_turns(
        {
            "ours": partial(measures.whole_workflow, ours, times=20),
            "theirs": partial(measures.whole_workflow, theirs, times=10),
        },
        rounds=ROUNDS,
    )
    tasks = {
        durability: measures.in_turns(
            {
                "ours": partial(measures.sequence, ours, tasks=1_000, durability=durability),
                "theirs": partial(measures.sequence, theirs, tasks=1_000, durability=durability),
            },
            rounds=ROUNDS,
        )
        for durability in ("async", "sync")
    }
    resumed = measures.in_turns(
        {
            "ours": partial(measures.resume, ours, tasks=1_000),
            "theirs": partial(measures.resume, theirs, tasks=1_000),
        },
        rounds=ROUNDS,
    )
    return [
        row("DESIGN.md's workflow, start to end, SQLite", whole, factor=5),
        row("1,000 tasks in a row, SQLite, durability async (LangGraph's default)", tasks["async"], factor=2),
        row("1,000 tasks in a row, SQLite, durability sync (ours)", tasks["sync"], factor=2),
        row("Going on after 1,000 tasks, SQLite", resumed, factor=5),
    ]


def row(what: str, seen: dict[str, float], *, factor: float) -> Row:
    ratio = seen["theirs"] / seen["ours"]
    return Row(what, seen["ours"], seen["theirs"], f"{factor:g} times as fast", ratio >= factor)


if __name__ == "__main__":
    main()
