"""DESIGN.md's workflow on PostgreSQL, start to end, by each peer."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import hitl.func
import hitl.types
from bench import measures
from bench.bare import Bare
from bench.programs import programs

NAMES = ("ours", "LangGraph", "bare psycopg")


def peer(name: str, *, at_once: int = 1) -> Callable[[], Any]:
    """A function that brings one thread from start to end. at_once: how many threads will call it."""
    url = os.environ["DATABASE_URL"]
    if name == "ours":
        return measures.whole(programs(hitl.func, hitl.types, None))
    if name == "LangGraph":
        return measures.whole(_langgraph(url, at_once), durability="sync")
    return Bare(url)


def _langgraph(url: str, at_once: int) -> Any:
    import langgraph.func
    import langgraph.types
    from langgraph.checkpoint.postgres import PostgresSaver
    from psycopg.rows import dict_row
    from psycopg_pool import ConnectionPool

    kwargs = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}
    pool: Any = ConnectionPool(url, min_size=at_once, max_size=at_once, kwargs=kwargs, open=True)
    saver = PostgresSaver(pool)
    saver.setup()
    return programs(langgraph.func, langgraph.types, saver)
