"""Items 13 to 27 of LangGraph's functional API: tasks, their futures and their policies."""

from __future__ import annotations

import asyncio
import concurrent.futures
from functools import partial
from threading import Barrier, Event
from typing import Any

import pytest

from hitl.cache.memory import InMemoryCache
from hitl.checkpoint.memory import InMemorySaver
from hitl.config import get_config, get_stream_writer
from hitl.errors import (
    HitlError,
    InvalidOption,
    NeedsAsyncCall,
    NeedsEventLoop,
    NodeTimeoutError,
    NotInRun,
)
from hitl.func import entrypoint, task
from hitl.runtime import get_runtime
from hitl.store import Store
from hitl.types import CachePolicy, Command, RetryPolicy, TimeoutPolicy, default_retry_on, interrupt
from tests.hitl.programs import WAIT_SECONDS, on, questions


class Counter:
    def __init__(self) -> None:
        self.count = 0

    def add(self, number: int) -> int:
        self.count += number
        return self.count

    def __call__(self, number: int) -> int:
        return -number


def power(base: int, exponent: int) -> int:
    return base**exponent


def test_item_13_whatever_can_be_called(store: Store) -> None:
    @task(name="renamed", retry_policy=RetryPolicy(), cache_policy=None, timeout=None)
    def plain(value):
        """Documented."""
        return value

    counter = Counter()
    calls = [task(counter.add), task(partial(power, exponent=2)), task(counter)]

    @entrypoint(checkpointer=store)
    def graph(value):
        return [plain(value).result(), *[call(3).result() for call in calls]]

    assert list(graph.stream(1, on())) == [
        {"renamed": 1},
        {"add": 3},
        {"power": 9},
        {"Counter": -3},
        {"graph": [1, 3, 9, -3]},
    ]
    assert (plain.__doc__, plain.__name__, plain.__wrapped__(5)) == ("Documented.", "renamed", 5)
    assert task(name="sum")(counter.add).name == "sum"


def test_item_14_futures_of_the_standard_library(store: Store) -> None:
    together = Barrier(3, timeout=WAIT_SECONDS)
    told = Event()

    @task
    def square(number):
        together.wait()
        return number * number

    @task
    def fail():
        raise KeyError("gone")

    @entrypoint(checkpointer=store)
    def graph(numbers):
        futures = [square(number) for number in numbers]
        assert all(isinstance(one, concurrent.futures.Future) for one in futures)
        futures[0].add_done_callback(lambda _: told.set())
        assert not concurrent.futures.wait(futures, timeout=WAIT_SECONDS).not_done
        assert told.wait(WAIT_SECONDS)
        failing = fail()
        error = failing.exception(timeout=WAIT_SECONDS)
        return [sorted(one.result() for one in concurrent.futures.as_completed(futures)), repr(error), failing.done()]

    assert graph.invoke([1, 2, 3], on()) == [[1, 4, 9], "KeyError('gone')", True]


@pytest.mark.parametrize("ask", ["result", "exception"])
def test_item_14_waiting_has_a_timeout(store: Store, ask: str) -> None:
    may_end = Event()

    @task
    def slow():
        may_end.wait(WAIT_SECONDS)
        return "done"

    @entrypoint(checkpointer=store)
    def graph(value):
        future = slow()
        with pytest.raises(TimeoutError):
            getattr(future, ask)(timeout=0.01)
        may_end.set()
        return future.result(timeout=WAIT_SECONDS)

    assert graph.invoke("in", on()) == "done"


async def test_item_14_futures_of_asyncio(store: Store) -> None:
    @task
    async def double(number):
        return number * 2

    @entrypoint(checkpointer=store)
    async def graph(numbers):
        futures = [double(number) for number in numbers]
        assert all(isinstance(one, asyncio.Future) for one in futures)
        return [await asyncio.gather(*futures), await asyncio.wait_for(double(5), WAIT_SECONDS)]

    assert await graph.ainvoke([1, 2], on()) == [[2, 4], 10]


def test_item_15_in_parallel_told_in_order_of_completion(store: Store) -> None:
    first_may_end = Event()

    @task
    def slow():
        first_may_end.wait(WAIT_SECONDS)
        return "slow"

    @task
    def quick():
        return "quick"

    @entrypoint(checkpointer=store)
    def graph(value):
        one, two = slow(), quick()
        two.result()
        first_may_end.set()
        return [one.result(), two.result()]

    assert list(graph.stream("in", on())) == [{"quick": "quick"}, {"slow": "slow"}, {"graph": ["slow", "quick"]}]


def test_item_16_not_awaited_runs_to_its_end_and_is_told_last(store: Store) -> None:
    body_over = Event()

    @task
    def slow(number):
        body_over.wait(WAIT_SECONDS)
        return number

    @entrypoint(checkpointer=store)
    def graph(value):
        slow(1)
        get_stream_writer()("returning")
        return "done"

    chunks = []
    for mode, chunk in graph.stream("in", on(), stream_mode=["updates", "custom"]):
        chunks.append((mode, chunk))
        # The stream is told of the return itself only when everything is recorded.
        body_over.set()
    assert chunks[0] == ("custom", "returning")
    assert sorted(map(str, chunks[1:])) == ["('updates', {'graph': 'done'})", "('updates', {'slow': 1})"]


def test_item_17_a_failure_surfaces_where_it_is_waited_for(store: Store) -> None:
    @task
    def bad(text):
        raise ValueError(text)

    @entrypoint(checkpointer=store)
    def graph(caught):
        future = bad("boom")
        if not caught:
            future.result()
        with pytest.raises(ValueError, match="boom"):
            future.result()
        return "went on"

    chunks = list(graph.stream(True, on(), stream_mode=["updates", "tasks"]))
    assert [chunk for mode, chunk in chunks if mode == "updates"] == [{"graph": "went on"}]
    (ended,) = [chunk for _, chunk in chunks if chunk.get("name") == "bad" and "result" in chunk]
    assert (repr(ended["error"]), ended["result"]) == ("ValueError('boom')", {})
    with pytest.raises(ValueError, match="boom"):
        graph.invoke(False, on())
    state = graph.get_state(on())
    assert (state.next, state.tasks[0].error) == (("graph",), "ValueError('boom')")


def test_item_18_another_try_runs_what_failed(store: Store) -> None:
    """A failure that was caught is remembered, though (departure p)."""
    calls: list[str] = []

    @task
    def good():
        calls.append("good")

    @task
    def bad():
        calls.append("bad")
        if calls.count("bad") == 1:
            raise ValueError("boom")

    @entrypoint(checkpointer=store)
    def graph(value):
        good().result()
        bad().result()
        return value

    with pytest.raises(ValueError, match="boom"):
        graph.invoke("in", on())
    assert graph.invoke(None, on()) == "in"
    assert calls == ["good", "bad", "bad"]


def test_item_19_tasks_call_tasks(store: Store) -> None:
    calls: list[str] = []

    @task
    def inner(number):
        calls.append("inner")
        return number * 10

    @task
    def outer(number):
        calls.append("outer")
        return inner(number).result() + 1

    @entrypoint(checkpointer=store)
    def graph(value):
        return [outer(2).result(), outer(3).result(), interrupt("?")]

    assert list(graph.stream("in", on()))[:-1] == [{"inner": 20}, {"outer": 21}, {"inner": 30}, {"outer": 31}]
    assert graph.invoke(Command(resume="yes"), on()) == [21, 31, "yes"]
    assert calls == ["outer", "inner", "outer", "inner"]


def test_item_20_outside_a_run() -> None:
    @task
    def call():
        pass

    for what, name in [
        (call, r"call\(\)"),
        (partial(interrupt, "?"), r"interrupt\(\)"),
        (get_config, r"get_config\(\)"),
    ]:
        with pytest.raises(
            NotInRun, match=f"{name}.*Called get_config outside of a runnable context.*@entrypoint"
        ) as told:
            what()
        assert isinstance(told.value, RuntimeError)
        assert isinstance(told.value, HitlError)


def test_item_21_asynchronous_where_it_cannot_be(store: Store) -> None:
    @task
    async def acall():
        pass

    @entrypoint(checkpointer=store)
    def graph(value):
        acall().result()

    @entrypoint(checkpointer=store)
    async def agraph(value):
        return value

    with pytest.raises(
        NeedsEventLoop, match=r"In an sync context async tasks cannot be called.*acall\(\).*'1'.*ainvoke"
    ):
        graph.invoke("in", on())
    with pytest.raises(NeedsAsyncCall, match=r'No synchronous function provided to "agraph".*ainvoke.*thread \'2\''):
        agraph.invoke("in", on("2"))
    with pytest.raises(TypeError):
        list(agraph.stream("in", on("2")))
    assert issubclass(NeedsEventLoop, RuntimeError)


async def test_item_21_synchronous_where_it_can_be(store: Store) -> None:
    @task
    def call(value):
        return value

    @entrypoint(checkpointer=store)
    def graph(value):
        return call(value).result()

    @entrypoint(checkpointer=store)
    async def agraph(value):
        return await call(value)

    assert await graph.ainvoke("in", on("1")) == "in"
    assert await agraph.ainvoke("in", on("2")) == "in"


def test_item_22_retry_policies(store: Store) -> None:
    attempts: list[int] = []
    again = partial(RetryPolicy, initial_interval=0.001, jitter=False)

    @task(retry_policy=again(retry_on=(ValueError, TypeError)))
    def flaky():
        attempts.append(get_runtime().execution_info.node_attempt)
        if len(attempts) < 3:
            raise ValueError("not yet")
        return "done"

    @task(retry_policy=[again(retry_on=KeyError, max_attempts=9), again(retry_on=ValueError, max_attempts=2)])
    def hopeless():
        tries.append(1)
        raise ValueError("never")

    tries: list[int] = []

    @entrypoint(checkpointer=store)
    def graph(value):
        with pytest.raises(ValueError, match="never"):
            hopeless().result()
        return flaky().result()

    assert list(graph.stream("in", on())) == [{"flaky": "done"}, {"graph": "done"}]
    assert (attempts, len(tries)) == ([1, 2, 3], 2)


def test_item_22_defaults() -> None:
    policy = RetryPolicy()
    assert (policy.initial_interval, policy.backoff_factor, policy.max_interval) == (0.5, 2.0, 128.0)
    assert (policy.max_attempts, policy.jitter, policy.retry_on) == (3, True, default_retry_on)
    passing = [ConnectionError(), Exception(), AssertionError()]
    lasting = [ValueError(), TypeError(), RuntimeError(), LookupError(), OSError(), TimeoutError(), ArithmeticError()]
    assert all(default_retry_on(error) for error in passing)
    assert not any(default_retry_on(error) for error in lasting)
    with pytest.raises(InvalidOption, match="retry_on must be an Exception class, a list or tuple") as told:
        RetryPolicy(retry_on=3)  # type: ignore[arg-type]
    assert isinstance(told.value, TypeError)


def test_item_23_cached_across_threads(store: Store) -> None:
    calls: list[int] = []
    cache = InMemoryCache()

    @task(cache_policy=CachePolicy(key_func=lambda number, **_: number % 10, ttl=60))
    def slow(number, **more):
        calls.append(number)
        if number == 5:
            raise ValueError(number)
        return number

    @entrypoint(checkpointer=store, cache=cache)
    def graph(number):
        return slow(number).result()

    graph.invoke(1, on("a"))
    chunks = list(graph.stream(11, on("b"), stream_mode=["updates", "tasks"]))
    assert [chunk for mode, chunk in chunks if mode == "updates"] == [
        {"slow": 1, "__metadata__": {"cached": True}},
        {"graph": 1},
    ]
    assert [chunk["name"] for mode, chunk in chunks if mode == "tasks" and "result" in chunk] == ["graph"]
    for thread in ("c", "d"):
        with pytest.raises(ValueError, match="5"):
            graph.invoke(5, on(thread))
    slow.clear_cache(cache)
    graph.invoke(1, on("e"))
    assert calls == [1, 5, 5, 1]


async def test_item_24_limits_of_time(store: Store) -> None:
    def plain():
        pass

    with pytest.raises(
        InvalidOption, match=r"Node timeouts are only supported for async nodes.*'plain'.*async def"
    ) as told:
        task(timeout=1)(plain)
    assert isinstance(told.value, ValueError)

    @task(timeout=0.01)
    async def endless():
        await asyncio.Event().wait()

    @task(timeout=TimeoutPolicy(idle_timeout=0.01))
    async def idle():
        await asyncio.Event().wait()

    @entrypoint(checkpointer=store)
    async def graph(value):
        said = []
        for call in (endless, idle):
            with pytest.raises(NodeTimeoutError) as told:
                await call()
            said.append(str(told.value))
        return said

    run, quiet = await graph.ainvoke("in", on())
    assert run.startswith("Node 'endless' exceeded its run timeout of 0.010s, on thread '1'. Raise its timeout")
    assert quiet.startswith("Node 'idle' exceeded its idle timeout of 0.010s, on thread '1'.")
    assert "runtime.heartbeat()" in quiet
    assert issubclass(NodeTimeoutError, HitlError)


@pytest.mark.parametrize("limit", [1, 2])
def test_item_25_max_concurrency(store: Store, limit: int) -> None:
    """LangGraph waits for ever (departure i)."""

    @task
    def inner(number):
        return number

    @task
    def outer(number):
        return inner(number).result()

    @entrypoint(checkpointer=store)
    def graph(numbers):
        return [one.result() for one in [outer(number) for number in numbers]]

    assert graph.invoke([1, 2, 3], on(max_concurrency=limit)) == [1, 2, 3]


def test_item_26_a_run_is_one_step(store: Store) -> None:
    @task
    def step(number):
        return number

    @entrypoint(checkpointer=store)
    def graph(count):
        return sum(step(number).result() for number in range(count))

    assert graph.invoke(20, on(recursion_limit=1)) == 190
    for limit in (0, -1, "many"):
        with pytest.raises(InvalidOption, match="recursion_limit must be at least 1") as told:
            graph.invoke(1, on(recursion_limit=limit))
        assert isinstance(told.value, ValueError)


def test_item_27_a_workflow_calls_another(store: Store) -> None:
    @task
    def step(name):
        return name

    @entrypoint(checkpointer=InMemorySaver())
    def child(name):
        return f"{step(name).result()}: {interrupt(f'{name}?')}"

    @entrypoint(checkpointer=store)
    def parent(value):
        return [child.invoke("a"), child.invoke("b")]

    inner, asked, outer = parent.stream("in", on(), subgraphs=True)
    assert inner[1] == {"step": "a"}
    assert inner[0] == asked[0]
    assert inner[0][0].startswith("parent:")
    assert outer[0] == ()
    assert asked[1]["__interrupt__"] == outer[1]["__interrupt__"]
    assert list(questions(parent.invoke(Command(resume="A"), on()))) == ["b?"]
    assert parent.invoke(Command(resume="B"), on()) == ["a: A", "b: B"]


def test_item_27_within_a_task(store: Store) -> None:
    @entrypoint(checkpointer=InMemorySaver())
    def child(name):
        return interrupt(name)

    @task
    def call(name: str) -> Any:
        return child.invoke(name)

    @entrypoint(checkpointer=store)
    def parent(value):
        return call("in a task").result()

    assert list(questions(parent.invoke("in", on()))) == ["in a task"]
    assert parent.invoke(Command(resume="yes"), on()) == "yes"
