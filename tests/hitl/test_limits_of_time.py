"""`timeout=` of asynchronous tasks and bodies: for the whole, and since the last sign of life (item 24)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from hitl import events, leg, scope, timeouts
from hitl.config import get_stream_writer
from hitl.errors import HitlError, NodeTimeoutError
from hitl.func import entrypoint, task
from hitl.runtime import get_runtime
from hitl.store import Store
from hitl.types import Command, RetryPolicy, TimeoutPolicy, interrupt
from tests.hitl.programs import WAIT_SECONDS, on, questions

TOO_LONG = WAIT_SECONDS


@pytest.mark.parametrize("limit", [0.05, timedelta(milliseconds=50), TimeoutPolicy(run_timeout=0.05)], ids=repr)
async def test_a_task_that_runs_too_long_fails(store: Store, limit: Any) -> None:
    @task(timeout=limit)
    async def slow():
        await asyncio.sleep(TOO_LONG)

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await slow()

    with pytest.raises(NodeTimeoutError, match=r"Node 'slow' exceeded its run timeout of 0.050s"):
        await graph.ainvoke("in", on())


async def test_a_body_that_runs_too_long_fails(store: Store) -> None:
    @entrypoint(checkpointer=store, timeout=0.05)
    async def graph(value):
        await asyncio.sleep(TOO_LONG)

    with pytest.raises(NodeTimeoutError, match="Node 'graph'"):
        await graph.ainvoke("in", on())


async def test_what_is_quick_enough_is_let_alone(store: Store) -> None:
    @task(timeout=TOO_LONG)
    async def quick():
        return "quick"

    @entrypoint(checkpointer=store, timeout=TOO_LONG)
    async def graph(value):
        return await quick()

    assert await graph.ainvoke("in", on()) == "quick"


async def test_it_is_a_timeout_of_pythons_too_and_can_be_caught(store: Store) -> None:
    @task(timeout=0.02)
    async def slow():
        await asyncio.sleep(TOO_LONG)

    @entrypoint(checkpointer=store)
    async def graph(value):
        try:
            await slow()
        except TimeoutError as error:
            return type(error).__name__

    assert await graph.ainvoke("in", on()) == "NodeTimeoutError"
    assert issubclass(NodeTimeoutError, HitlError)


async def test_the_default_policy_tries_it_again(store: Store) -> None:
    ran: list[int] = []

    @task(timeout=0.05, retry_policy=RetryPolicy(initial_interval=0.01, jitter=False))
    async def slow_at_first():
        ran.append(1)
        if len(ran) < 2:
            await asyncio.sleep(TOO_LONG)
        return "quick"

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await slow_at_first()

    assert await graph.ainvoke("in", on()) == "quick"
    assert ran == [1, 1]


async def test_the_task_that_is_stopped_can_clean_up(store: Store) -> None:
    ended: list[str] = []

    @task(timeout=0.02)
    async def slow():
        try:
            await asyncio.sleep(TOO_LONG)
        finally:
            ended.append("cleaned up")

    @entrypoint(checkpointer=store)
    async def graph(value):
        await slow()

    with pytest.raises(NodeTimeoutError):
        await graph.ainvoke("in", on())
    assert ended == ["cleaned up"]


async def test_an_idle_task_fails(store: Store) -> None:
    @task(timeout=TimeoutPolicy(idle_timeout=0.05))
    async def idle():
        await asyncio.sleep(TOO_LONG)

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await idle()

    with pytest.raises(NodeTimeoutError, match=r"Node 'idle' exceeded its idle timeout of 0.050s"):
        await graph.ainvoke("in", on())


class Clock:
    """A clock that only the test moves: what counts is what happened, not how long the machine took over it."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (events, leg, scope, timeouts):
        monkeypatch.setattr(module, "monotonic", clock)
    return clock


IDLE_SECONDS = 0.02


async def busy(clock: Clock, sign: Any) -> None:
    """Six times most of the idle timeout passes, then comes a sign of life, and the limit gets time to look."""
    for _ in range(6):
        clock.now += IDLE_SECONDS * 0.7
        sign()
        await asyncio.sleep(2 * IDLE_SECONDS)


async def test_a_heartbeat_keeps_it_alive(store: Store, clock: Clock) -> None:
    @task(timeout=TimeoutPolicy(idle_timeout=IDLE_SECONDS, refresh_on="heartbeat"))
    async def alive():
        await busy(clock, get_runtime().heartbeat)
        return "alive"

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await alive()

    assert await graph.ainvoke("in", on()) == "alive"


async def test_events_keep_it_alive(store: Store, clock: Clock) -> None:
    @task(timeout=TimeoutPolicy(idle_timeout=IDLE_SECONDS))
    async def alive():
        writer = get_stream_writer()
        await busy(clock, lambda: writer("here"))
        return "alive"

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await alive()

    assert await graph.ainvoke("in", on()) == "alive"


async def test_events_do_not_where_only_heartbeats_count(store: Store, clock: Clock) -> None:
    @task(timeout=TimeoutPolicy(idle_timeout=IDLE_SECONDS, refresh_on="heartbeat"))
    async def talking():
        writer = get_stream_writer()
        await busy(clock, lambda: writer("here"))
        await asyncio.sleep(TOO_LONG)

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await talking()

    with pytest.raises(NodeTimeoutError, match="idle"):
        await graph.ainvoke("in", on())


async def test_calls_of_tasks_keep_a_body_alive(store: Store, clock: Clock) -> None:
    @task
    async def step():
        pass

    @entrypoint(checkpointer=store, timeout=TimeoutPolicy(idle_timeout=IDLE_SECONDS))
    async def graph(value):
        calls: list[Any] = []
        await busy(clock, lambda: calls.append(step()))
        for call in calls:
            await call
        return "alive"

    assert await graph.ainvoke("in", on()) == "alive"


async def test_the_whole_is_limited_however_alive_it_is(store: Store) -> None:
    @task(timeout=TimeoutPolicy(run_timeout=0.1, idle_timeout=TOO_LONG))
    async def alive():
        while True:
            await asyncio.sleep(0.01)
            get_runtime().heartbeat()

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await alive()

    with pytest.raises(NodeTimeoutError, match="run timeout"):
        await graph.ainvoke("in", on())


async def test_a_question_in_a_limited_task_pauses_and_waits_for_ever(store: Store) -> None:
    @task(timeout=TOO_LONG)
    async def ask():
        return interrupt("Go on?")

    @entrypoint(checkpointer=store, timeout=TOO_LONG)
    async def graph(value):
        return await ask()

    assert list(questions(await graph.ainvoke("in", on()))) == ["Go on?"]
    assert await graph.ainvoke(Command(resume="yes"), on()) == "yes"


async def test_a_policy_that_limits_nothing_limits_nothing(store: Store) -> None:
    @task(timeout=TimeoutPolicy())
    async def quick():
        return "quick"

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await quick()

    assert await graph.ainvoke("in", on()) == "quick"


@pytest.mark.parametrize("decorate", [task, entrypoint], ids=["task", "entrypoint"])
def test_a_synchronous_function_cannot_be_limited(decorate: Any) -> None:
    with pytest.raises(ValueError, match="only supported for async"):

        @decorate(timeout=1)
        def slow(value):
            pass


@pytest.mark.parametrize("limit", [0, -1, timedelta(0), "soon"], ids=repr)
def test_times_are_greater_than_nothing(limit: Any) -> None:
    with pytest.raises(ValueError):

        @task(timeout=limit)
        async def slow():
            pass


def test_only_known_signs_of_life_are_taken() -> None:
    with pytest.raises(ValueError, match="refresh_on"):
        TimeoutPolicy(idle_timeout=1, refresh_on="never")  # type: ignore[arg-type]
