"""The engine on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bench import measures
from bench.peers import NAMES, peer
from bench.report import Row, compared
from bench.worker import together

TITLE = "On PostgreSQL"
NOTE = """PostgreSQL on this machine, reached through its socket file, with fsync and synchronous_commit on. LangGraph
keeps its checkpoints on its `PostgresSaver`, with durability="sync" and a pool of as many connections as there are
threads. The bare psycopg script makes the eight durable statements of the workflow, prepared, each one round trip
and one commit; to be 0.6 times as fast as it is what is asked for. With several threads in flight a figure is the
time over all, divided by the number of workflows."""
WORKFLOW = "DESIGN.md's workflow, start to end"


def measure() -> str:
    return compared(
        [
            *rows("one client", lambda name: partial(measures.repeated, peer(name), times=40)),
            *rows(
                "32 threads in flight in one worker",
                lambda name: partial(measures.repeated, peer(name, at_once=32), times=160, at_once=32),
            ),
            *rows(
                "2 workers, 16 threads in flight in each",
                lambda name: partial(together, name, workers=2, times=80, at_once=16),
            ),
        ]
    )


def rows(how: str, work: Callable[[str], Callable[[], float]]) -> list[Row]:
    works = {name: work(name) for name in NAMES}
    for warm_up in works.values():
        warm_up()
    seen = measures.in_turns(works)
    what = f"{WORKFLOW}, {how}"
    return [
        Row(what, seen["ours"], "LangGraph", seen["LangGraph"], 3),
        Row(what, seen["ours"], "bare psycopg", seen["bare psycopg"], 0.6),
    ]
