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
time over all, divided by the number of workflows.

What is missed: the workflow is eight statements here too, and eight round trips, seven of them commits (a turn's start
and its claim are one, as are the questions with the pause; the answer's rows are read first). That is as few as there
can be: a result is durable before the body sees it (rule 34). What comes on top of the script is Python. Of processor
time a workflow takes 4.0 ms of ours, 9.4 of LangGraph's and 1.7 of the script's; of ours 1.9 are the driver's, 0.8 go
to handing four tasks to threads and back (see "In memory" for why that stays), and the rest to the engine and its rows
of thread, run and question, which neither peer keeps. 3 times LangGraph is 2.9 ms, a millisecond more than the driver
alone: it would take a compiled path from a fact to its bytes, and tasks run by whoever waits for them. On a disk where
a commit takes 5 ms all three take what the disk takes: 46 ms here, 51 for LangGraph and 40 for the script."""
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
