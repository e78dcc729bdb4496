"""The engine without a disk."""

from __future__ import annotations

from functools import partial

import langgraph.func
import langgraph.types
from langgraph.checkpoint.memory import InMemorySaver as TheirMemory

import hitl.func
import hitl.types
from bench import measures, report
from bench.programs import programs
from hitl.checkpoint.memory import InMemorySaver

TITLE = "In memory"
NOTE = """Both keep their checkpoints on their `InMemorySaver`.

What is missed: of the time that the workflow takes here, half goes to handing four tasks to threads and taking their
results back (with `hitl.testing.inline()`, where a task runs in its caller's thread, it takes 0.8 ms). A thread that
waits for a task at once could run it itself; but then a caller whose run is cancelled, or handed back when its process
stops, would be kept until the task is over (rule 28), so it is not done. On a busy machine, where starting threads is
dear, the same comparison gave 19 times: LangGraph starts some for each call."""


def measure() -> str:
    ours = measures.whole(programs(hitl.func, hitl.types, InMemorySaver()))
    theirs = measures.whole(programs(langgraph.func, langgraph.types, TheirMemory()))
    seen = measures.in_turns(
        {
            "ours": partial(measures.repeated, ours, times=100),
            "theirs": partial(measures.repeated, theirs, times=20),
        }
    )
    what = "DESIGN.md's workflow, start to end"
    return report.compared([report.Row(what, seen["ours"], "LangGraph", seen["theirs"], 10)])
