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
NOTE = "Both keep their checkpoints on their `InMemorySaver`."


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
