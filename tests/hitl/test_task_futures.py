"""What a task call returns: a future of the standard library, at once (items 13 to 16, 20, 21)."""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import itertools
from threading import Barrier, Event
from typing import Any

import pytest

from hitl import futures
from hitl.errors import NotInRun
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import WAIT_SECONDS, on, questions


def test_tasks_start_at_once_and_run_in_parallel(store: Store) -> None:
    together = Barrier(5)

    @task
    def meet(n):
        together.wait(WAIT_SECONDS)
        return n

    @entrypoint(checkpointer=store)
    def graph(value):
        return [future.result() for future in [meet(n) for n in range(5)]]

    assert graph.invoke("in", on()) == [0, 1, 2, 3, 4]


def test_the_future_is_the_standard_librarys(store: Store) -> None:
    go_on = Event()
    seen: dict[str, Any] = {}

    @task
    def work():
        assert go_on.wait(WAIT_SECONDS)
        return 1

    @task
    def boom():
        raise ValueError("boom")

    @entrypoint(checkpointer=store)
    def graph(value):
        future, failed = work(), boom()
        seen["kind"] = isinstance(future, concurrent.futures.Future)
        seen["done before"] = future.done()
        try:
            future.result(timeout=0)
        except TimeoutError:
            seen["timeout"] = True
        go_on.set()
        concurrent.futures.wait([future, failed], timeout=WAIT_SECONDS)
        seen["done after"] = future.done()
        seen["exception"] = future.exception()
        seen["failure"] = repr(failed.exception())
        seen["as completed"] = len(list(concurrent.futures.as_completed([future, failed])))
        return future.result()

    assert graph.invoke("in", on()) == 1
    assert seen == {
        "kind": True,
        "done before": False,
        "timeout": True,
        "done after": True,
        "exception": None,
        "failure": "ValueError('boom')",
        "as completed": 2,
    }


def test_callbacks_are_told_before_the_run_ends(store: Store) -> None:
    heard: list[Any] = []

    @task
    def work(n):
        return n

    @entrypoint(checkpointer=store)
    def graph(value):
        for n in range(3):
            work(n).add_done_callback(lambda future: heard.append(future.result()))
        return "done"

    assert graph.invoke("in", on()) == "done"
    assert sorted(heard) == [0, 1, 2]


def test_a_callback_may_wait_for_another_task(store: Store) -> None:
    """It does not run on a thread that has to write the other task's result."""
    heard: list[Any] = []

    @task
    def work(n):
        return n

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [work(n) for n in range(20)]
        for first, second in itertools.pairwise(futures):
            first.add_done_callback(lambda _, second=second: heard.append(second.result()))
        return [future.result() for future in futures]

    assert graph.invoke("in", on()) == list(range(20))
    assert sorted(heard) == list(range(1, 20))


def test_a_name_of_its_own(store: Store) -> None:
    @task(name="checked")
    def check(n):
        return n

    @entrypoint(checkpointer=store)
    def graph(n):
        return check(n).result()

    assert list(graph.stream(1, on())) == [{"checked": 1}, {"graph": 1}]
    assert check.__name__ == "checked"
    assert check.__wrapped__(2) == 2


def test_methods_partials_and_callable_objects(store: Store) -> None:
    class Shop:
        def __init__(self, tax: int) -> None:
            self.tax = tax

        @task
        def price(self, net):
            return net + self.tax

    class Doubler:
        def __call__(self, n):
            return 2 * n

    def add(a, b):
        return a + b

    add_five = task(functools.partial(add, 5))
    double = task(Doubler())
    later = task(Shop(3).price.function)

    @entrypoint(checkpointer=store)
    def graph(n):
        prices = [Shop(1).price(n).result(), Shop(2).price(n).result(), later(n).result()]
        return [*prices, add_five(n).result(), double(n).result(), interrupt("ok?")]

    chunks = list(graph.stream(10, on()))
    assert [next(iter(chunk)) for chunk in chunks] == ["price", "price", "price", "add", "Doubler", "__interrupt__"]
    assert graph.invoke(Command(resume="yes"), on()) == [11, 12, 13, 15, 20, "yes"]


def test_outside_a_run() -> None:
    from hitl.config import get_config, get_stream_writer

    @task
    def work():
        return 1

    for call in (work, lambda: interrupt("ok?"), get_config, get_stream_writer):
        with pytest.raises(NotInRun, match="Called get_config outside of a runnable context") as refused:
            call()
        assert isinstance(refused.value, RuntimeError)


def test_an_asynchronous_task_in_synchronous_code(store: Store) -> None:
    @task
    async def work():
        return 1

    @entrypoint(checkpointer=store)
    def graph(value):
        return work().result()

    with pytest.raises(RuntimeError, match="In an sync context async tasks cannot be called"):
        graph.invoke("in", on())


async def test_asynchronous_futures(store: Store) -> None:
    seen: dict[str, Any] = {}

    @task
    async def work(n):
        await asyncio.sleep(0)
        return n

    @task
    def sync(n):
        return n

    @task
    async def boom():
        raise ValueError("boom")

    @entrypoint(checkpointer=store)
    async def graph(value):
        future = work(1)
        seen["kind"] = isinstance(future, asyncio.Future)
        seen["await"] = await future
        seen["gather"] = await asyncio.gather(work(2), sync(3), work(4))
        seen["failures"] = repr((await asyncio.gather(boom(), return_exceptions=True))[0])
        seen["wait_for"] = await asyncio.wait_for(work(5), WAIT_SECONDS)
        seen["shield"] = await asyncio.shield(work(6))
        async with asyncio.TaskGroup() as group:
            inner = group.create_task(wait(work(7)))
        seen["group"] = inner.result()
        return "done"

    async def wait(future):
        return await future

    assert await graph.ainvoke("in", on()) == "done"
    assert seen == {
        "kind": True,
        "await": 1,
        "gather": [2, 3, 4],
        "failures": "ValueError('boom')",
        "wait_for": 5,
        "shield": 6,
        "group": 7,
    }


async def test_asynchronous_tasks_run_in_parallel(store: Store) -> None:
    arrived = 0
    all_there = asyncio.Event()

    @task
    async def meet():
        nonlocal arrived
        arrived += 1
        if arrived == 5:
            all_there.set()
        await all_there.wait()

    @entrypoint(checkpointer=store)
    async def graph(value):
        await asyncio.gather(*(meet() for _ in range(5)))
        return arrived

    assert await asyncio.wait_for(graph.ainvoke("in", on()), WAIT_SECONDS) == 5


async def test_a_synchronous_task_of_an_asynchronous_body_calls_tasks_itself(store: Store) -> None:
    @task
    async def inner(n):
        await asyncio.sleep(0)
        return n

    @task
    def outer(n):
        return inner(n).result() + 1

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await outer(1)

    assert await graph.ainvoke("in", on()) == 2


async def test_a_cancelled_future_cancels_its_task_and_stays_cancelled_on_replay(store: Store) -> None:
    began = asyncio.Event()
    ran = []

    @task
    async def forever():
        ran.append(1)
        began.set()
        await asyncio.Event().wait()

    @entrypoint(checkpointer=store)
    async def graph(value):
        future = forever()
        if not future.done():
            await began.wait()
            future.cancel()
        try:
            await future
        except asyncio.CancelledError:
            return ["cancelled", interrupt("ok?")]

    await graph.ainvoke("in", on())
    assert await graph.ainvoke(Command(resume="yes"), on()) == ["cancelled", "yes"]
    assert ran == [1]


async def wait_for(future):
    await asyncio.wait_for(future, 0.01)


async def timeout(future):
    async with asyncio.timeout(0.01):
        await future


async def first_completed(future):
    sleep = asyncio.ensure_future(asyncio.sleep(0.01))
    done, _ = await asyncio.wait({future, sleep}, return_when=asyncio.FIRST_COMPLETED)
    assert done == {sleep}
    future.cancel()
    raise TimeoutError


@pytest.mark.parametrize("limit", [wait_for, timeout, first_completed])
@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_who_gave_up_waiting_gives_up_again_on_replay(store: Store, limit: Any, kind: str) -> None:
    """The record says that the caller cancelled it: the caller gets the chance to, and so the same TimeoutError."""
    ran = []
    let_go = Event()

    @task
    async def slow():
        ran.append(1)
        await asyncio.Event().wait()

    @task
    def blocking():
        ran.append(1)
        assert let_go.wait(WAIT_SECONDS)
        return "too late"

    @entrypoint(checkpointer=store)
    async def graph(value):
        try:
            return await limit((slow if kind == "async" else blocking)())
        except TimeoutError:
            let_go.set()
            return ["timed out", interrupt("Go on?")]

    assert questions(await graph.ainvoke("in", on()))
    assert await graph.ainvoke(Command(resume="yes"), on()) == ["timed out", "yes"]
    assert ran == [1]


async def test_who_does_not_give_up_again_hears_of_it_all_the_same(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(futures, "PATIENCE_SECONDS", 0.1)
    gave_up = []

    @task
    async def slow():
        await asyncio.Event().wait()

    @entrypoint(checkpointer=store)
    async def graph(value):
        future = slow()
        if not gave_up:
            gave_up.append(await asyncio.wait({future}, timeout=0.01))
            future.cancel()
        try:
            await future
        except asyncio.CancelledError:
            return interrupt("Go on?")

    assert questions(await graph.ainvoke("in", on()))
    assert await graph.ainvoke(Command(resume="yes"), on()) == "yes"


@pytest.mark.parametrize("kind", ["sync", "async"])
async def test_stop_iteration_does_not_end_who_awaits_it(store: Store, kind: str) -> None:
    """As in any coroutine it is a RuntimeError there; asyncio's future would not even take it."""

    @task
    def last():
        return next(iter([]))

    @entrypoint(checkpointer=store)
    async def awaiting(value):
        try:
            await last()
        except RuntimeError as error:
            return [type(error.__cause__).__name__, interrupt("Go on?")]

    @entrypoint(checkpointer=store)
    def calling(value):
        return [type(last().exception()).__name__, interrupt("Go on?")]

    graph = awaiting if kind == "async" else calling
    assert questions(await graph.ainvoke("in", on()))
    assert await graph.ainvoke(Command(resume="yes"), on()) == ["StopIteration", "yes"]


async def test_a_synchronous_workflow_is_awaited_without_blocking_the_loop(store: Store) -> None:
    loop = asyncio.get_running_loop()
    passed = Event()

    @task
    def work():
        return 1

    @entrypoint(checkpointer=store)
    def graph(value):
        loop.call_soon_threadsafe(passed.set)
        assert passed.wait(WAIT_SECONDS)
        return work().result()

    assert await graph.ainvoke("in", on()) == 1
    assert [chunk async for chunk in graph.astream("in", on("2"))] == [{"work": 1}, {"graph": 1}]


def test_an_asynchronous_workflow_called_synchronously(store: Store) -> None:
    @entrypoint(checkpointer=store)
    async def g6(value):
        return value

    message = 'No synchronous function provided to "g6"'
    with pytest.raises(TypeError, match=message):
        g6.invoke("in", on())
    with pytest.raises(TypeError, match=message):
        list(g6.stream("in", on()))
