"""Departure i, rule 29: `max_concurrency` limits what runs at once, and never deadlocks.

LangGraph hangs with 1 and 2 here (item 25).
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from threading import Event, Lock
from typing import Any

import pytest

from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import WAIT_SECONDS, on, questions


class Gauge:
    """How many are at work at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._now = 0
        self.most = 0

    def __enter__(self) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)

    def __exit__(self, *exc: object) -> None:
        with self._lock:
            self._now -= 1


LIMITS = [1, 2]


@pytest.mark.parametrize("limit", LIMITS)
def test_flat(store: Store, limit: int) -> None:
    gauge = Gauge()

    @task
    def work(n):
        with gauge:
            return n * n

    @entrypoint(checkpointer=store)
    def graph(count):
        return [future.result() for future in [work(n) for n in range(count)]]

    assert graph.invoke(20, on(max_concurrency=limit)) == [n * n for n in range(20)]
    assert gauge.most <= limit


@pytest.mark.parametrize("limit", LIMITS)
def test_nested(store: Store, limit: int) -> None:
    """Every task waits for its children; each leaf holds a slot, no parent does."""
    gauge = Gauge()

    @task
    def tree(depth, name):
        if not depth:
            with gauge:
                return 1
        return sum(future.result() for future in [tree(depth - 1, f"{name}{n}") for n in range(3)])

    @entrypoint(checkpointer=store)
    def graph(depth):
        return sum(future.result() for future in [tree(depth, str(n)) for n in range(3)])

    assert graph.invoke(3, on(max_concurrency=limit)) == 81
    assert gauge.most <= limit


@pytest.mark.parametrize("limit", LIMITS)
async def test_nested_asynchronously(store: Store, limit: int) -> None:
    gauge = Gauge()

    @task
    async def tree(depth, name):
        if not depth:
            with gauge:
                await asyncio.sleep(0)
                return 1
        return sum(await asyncio.gather(*(tree(depth - 1, f"{name}{n}") for n in range(3))))

    @entrypoint(checkpointer=store)
    async def graph(depth):
        return sum(await asyncio.gather(*(tree(depth, str(n)) for n in range(3))))

    assert await graph.ainvoke(3, on(max_concurrency=limit)) == 81
    assert gauge.most <= limit


@pytest.mark.parametrize("limit", LIMITS)
def test_with_questions_below(store: Store, limit: int) -> None:
    """A paused task holds no slot, and one parked for its child's question does not either."""

    @task
    def ask(name):
        return interrupt(f"{name}?")

    @task
    def around(name):
        return ask(name).result()

    @task
    def work(n):
        return n

    @entrypoint(checkpointer=store)
    def graph(value):
        futures: list[Any] = [around("a"), around("b"), *(work(n) for n in range(5)), around("c")]
        return [future.result() for future in futures]

    config = on(max_concurrency=limit)
    ids = questions(graph.invoke("in", config))
    assert set(ids) == {"a?", "b?", "c?"}
    assert set(questions(graph.invoke(Command(resume={ids["b?"]: "B"}), config))) == {"a?", "c?"}
    answers = {ids["a?"]: "A", ids["c?"]: "C"}
    assert graph.invoke(Command(resume=answers), config) == ["A", "B", 0, 1, 2, 3, 4, "C"]


def test_a_parked_child_lends_its_parents_slot_on(store: Store) -> None:
    """The parent runs again for its own answer and waits for its parked child: what is queued must start."""
    queued = Event()

    @task
    def ask(name):
        return interrupt(f"{name}?")

    @task
    def parent():
        if first_leg:
            return [ask("child"), interrupt("parent?")]
        assert queued.wait(WAIT_SECONDS)
        child = ask("child")
        return [interrupt("parent?"), child.result()]

    @task
    def work(n):
        return n

    @entrypoint(checkpointer=store)
    def graph(value):
        futures: list[Any] = [parent()]
        asked = interrupt("body?")
        futures += [work(n) for n in range(5)]
        queued.set()
        return [asked, *(future.result() for future in futures)]

    config = on(max_concurrency=1)
    first_leg = True
    ids = questions(graph.invoke("in", config))
    first_leg = False
    graph.invoke(Command(resume={ids["body?"]: "go", ids["parent?"]: "P"}), config)
    assert graph.invoke(Command(resume="C"), config) == ["go", ["P", "C"], 0, 1, 2, 3, 4]


@pytest.mark.parametrize("later", [False, True])
def test_a_task_that_has_heard_of_a_pause_waits_without_a_slot(store: Store, later: bool) -> None:
    """It waits until nothing moves, and what is queued moves only with a slot. `later`: another child still runs."""
    known, queued, go_on = Event(), Event(), Event()

    @task
    def ask():
        return interrupt("ok?")

    @task
    def other():
        assert go_on.wait(WAIT_SECONDS)

    @task
    def parent():
        first = ask()
        concurrent.futures.wait([first], timeout=WAIT_SECONDS)
        known.set()
        assert queued.wait(WAIT_SECONDS)
        if later:
            other()
        return first.result()

    @task
    def work(n):
        go_on.set()
        return n

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [parent()]
        assert known.wait(WAIT_SECONDS)
        futures += [work(n) for n in range(3)]
        queued.set()
        if not later:
            go_on.set()
        return [future.result() for future in futures]

    config = on(max_concurrency=2 if later else 1)
    assert list(questions(graph.invoke("in", config))) == ["ok?"]
    assert graph.invoke(Command(resume="yes"), config) == ["yes", 0, 1, 2]


def test_a_task_waiting_for_its_turn_keeps_its_callers_context(store: Store) -> None:
    from contextvars import ContextVar

    who: ContextVar[str] = ContextVar("who", default="nobody")

    @task
    def say(n):
        token = who.set(f"task {n}")
        who.reset(token)
        return who.get()

    @task
    def noise():
        who.set("noise")
        return 0

    @entrypoint(checkpointer=store)
    def graph(value):
        who.set("caller")
        futures = [noise(), *(say(n) for n in range(5))]
        return [future.result() for future in futures][1:]

    assert graph.invoke("in", on(max_concurrency=1)) == ["caller"] * 5
