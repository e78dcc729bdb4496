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

What is missed: the eight statements of the script are seven commits and three reads here (a turn's start and its
claim are one commit; so are the questions with the pause). At the script's pace these take as long as its
eight; what comes on top is Python, of which a run kept in memory alone takes more than a millisecond, and the rest goes
to the rows of thread, run and question, the driver, and handing each task to a thread and back. 0.6 times the script
would take a compiled path from a fact to its bytes, and no thread for a task that the body waits for at once; 3 times
LangGraph, on a quiet machine, commits that hold more than one fact, which the rule that a result is durable before the
body sees it forbids. This was measured while other programs kept both cores and the disk busy: the milliseconds and the
ratios differ from run to run, and a single client on the same build, in a calmer minute, took 8.1 ms beside LangGraph's
10.6 and the script's 2.6, which is 0.33 times the script: a slow disk flatters the ratio to it."""
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
