"""Departure h, rules 15 and 16: no code makes a pause not happen, and no pause ends a sibling in mid-effect.

The body below is the same each time: it swallows what it can. With an unanswered question the run is
paused all the same, and once the question is answered the body goes on as if nothing had been there.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from threading import Barrier, Event
from typing import Any

import pytest

from hitl.func import entrypoint, task
from hitl.signals import Signal
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import WAIT_SECONDS, facts, on, questions


@task
def ask(text="ok?"):
    return interrupt(text)


@task
def note(text):
    return text


def pauses(store: Store, body: Callable[[Any], Any], *, then: Any) -> None:
    graph = entrypoint(checkpointer=store)(body)
    assert list(questions(graph.invoke("in", on()))) == ["ok?"]
    assert graph.get_state(on()).next == (body.__name__,)
    assert graph.invoke(Command(resume="yes"), on()) == then


def test_a_bare_except(store: Store) -> None:
    def body(value):
        try:
            return ask().result()
        except:  # noqa: E722
            return "swallowed"

    pauses(store, body, then="yes")


def test_a_bare_except_around_the_question_itself(store: Store) -> None:
    def body(value):
        try:
            return interrupt("ok?")
        except:  # noqa: E722
            return "swallowed"

    pauses(store, body, then="yes")


def test_except_exception_does_not_see_it(store: Store) -> None:
    refunds = []

    def body(value):
        try:
            return ask().result()
        except Exception:
            refunds.append("refund")
            return "refunded"

    pauses(store, body, then="yes")
    assert refunds == []


def test_an_effect_after_a_swallowed_pause_is_not_begun(store: Store) -> None:
    effects = []

    @task
    def effect(text):
        effects.append(text)

    def body(value):
        answer = None
        try:
            answer = ask().result()
        except BaseException:
            effect("handler").result()
        finally:
            effect("finally").result()
        return answer

    pauses(store, body, then="yes")
    assert effects == ["finally"]


def test_every_engine_call_raises_the_signal_again(store: Store) -> None:
    seen = []

    def body(value):
        from hitl.config import get_stream_writer

        earlier = note("earlier")
        first = ask()
        try:
            return [first.result(), earlier.result()]
        except BaseException as signal:
            for call in (
                lambda: interrupt("another?"),
                lambda: note("later"),
                lambda: get_stream_writer()("event"),
                earlier.result,
                earlier.exception,
            ):
                try:
                    call()
                except BaseException as again:
                    seen.append(again is signal or type(again))
            raise

    pauses(store, body, then=["yes", "earlier"])
    assert seen == [True] * 5


def test_the_future_does_not_hand_it_over_as_a_value(store: Store) -> None:
    def body(value):
        future = ask()
        error = future.exception()
        return [repr(error), future.result()]

    pauses(store, body, then=["None", "yes"])


@pytest.mark.parametrize("when", ["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"])
def test_wait(store: Store, when: str) -> None:
    def body(value):
        done, _ = concurrent.futures.wait([ask(), note("a")], timeout=WAIT_SECONDS, return_when=when)
        if any(isinstance(future._exception, Signal) for future in done):
            return "swallowed"
        return "went on"

    pauses(store, body, then="went on")


def test_as_completed(store: Store) -> None:
    def body(value):
        seen: list[str] = []
        for future in concurrent.futures.as_completed([ask(), note("a"), note("b")]):
            try:
                seen.append(future.result())
            except BaseException:
                return "swallowed"
        return sorted(seen)

    pauses(store, body, then=["a", "b", "yes"])


def test_return_in_finally(store: Store) -> None:
    def body(value):
        answer = "swallowed"
        try:
            answer = ask().result()
        finally:
            return answer  # noqa: B012

    pauses(store, body, then="yes")


def test_another_exception_in_its_place(store: Store) -> None:
    def body(value):
        try:
            return ask().result()
        except BaseException:
            raise ValueError("instead") from None

    pauses(store, body, then="yes")


def test_a_task_that_nobody_waits_for(store: Store) -> None:
    """LangGraph returns here; with a question open the turn is not over."""

    def body(value):
        ask()
        return "done"

    pauses(store, body, then="done")


def test_a_task_that_asks_when_the_body_has_returned(store: Store) -> None:
    returned = Event()

    @task
    def late():
        assert returned.wait(WAIT_SECONDS)
        return interrupt("ok?")

    def body(value):
        late()
        try:
            return "done"
        finally:
            returned.set()

    pauses(store, body, then="done")


def test_a_child_swallowed_by_its_parent_task(store: Store) -> None:
    @task
    def parent():
        try:
            return ask().result()
        except BaseException:
            return "swallowed"

    def body(value):
        return parent().result()

    pauses(store, body, then="yes")
    assert [fact.value for fact in facts(store, "task") if fact.name == "parent"] == ['"yes"']


def test_a_child_nobody_waits_for_in_its_parent_task(store: Store) -> None:
    @task
    def parent():
        ask()
        return "done"

    def body(value):
        return parent().result()

    pauses(store, body, then="done")
    assert [fact.name for fact in facts(store, "task", "pause")] == ["", "ask", "parent"]


def test_a_callback(store: Store) -> None:
    heard = []

    def body(value):
        future = ask()
        future.add_done_callback(lambda future: heard.append(future.result()))
        return future.result()

    pauses(store, body, then="yes")
    assert heard == ["yes"]


def test_a_callback_that_swallows(store: Store) -> None:
    def body(value):
        heard = []

        def listen(future):
            try:
                heard.append(future.result())
            except BaseException:
                heard.append("swallowed")

        first, second = ask(), note("a")
        first.add_done_callback(listen)
        second.add_done_callback(listen)
        concurrent.futures.wait([first, second], timeout=WAIT_SECONDS)
        return "went on"

    pauses(store, body, then="went on")


def test_siblings_run_to_their_end_before_it_is_raised(store: Store) -> None:
    """Also those that were started when the question was already known: whoever hears could end them."""
    heard = Event()
    order: list[str] = []

    @task
    def slow():
        order.append("begun")
        heard.wait(0.05)
        order.append("done, heard before" if heard.is_set() else "done")
        return "slow"

    def body(value):
        first = ask()
        concurrent.futures.wait([first], timeout=WAIT_SECONDS)
        second = slow()
        try:
            answer = first.result()
        finally:
            heard.set()
        return [answer, second.result()]

    pauses(store, body, then=["yes", "slow"])
    assert order == ["begun", "done"]


def test_in_tasks_too(store: Store) -> None:
    """Two tasks that hear of the pause of their children wait for the third, and not for each other."""
    known = {"a?": Event(), "b?": Event()}
    begun, heard = Event(), Event()
    together = Barrier(2)
    order: list[str] = []

    @task
    def ask_together(name):
        if not order:
            together.wait(WAIT_SECONDS)
        return interrupt(name)

    @task
    def parent(name):
        first = ask_together(name)
        concurrent.futures.wait([first], timeout=WAIT_SECONDS)
        known[name].set()
        assert begun.wait(WAIT_SECONDS)
        try:
            return first.result()
        finally:
            heard.set()
            order.append("heard")

    @task
    def slow():
        begun.set()
        heard.wait(0.05)
        order.append("slow")

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [parent("a?"), parent("b?")]
        for event in known.values():
            assert event.wait(WAIT_SECONDS)
        last = slow()
        return [future.result() for future in [*futures, last]][:2]

    ids = questions(graph.invoke("in", on()))
    assert order == ["slow", "heard", "heard"]
    assert graph.invoke(Command(resume={ids["a?"]: 1, ids["b?"]: 2}), on()) == [1, 2]


async def apauses(store: Store, body: Callable[[Any], Any], *, then: Any) -> None:
    graph = entrypoint(checkpointer=store)(body)
    assert list(questions(await graph.ainvoke("in", on()))) == ["ok?"]
    assert await graph.ainvoke(Command(resume="yes"), on()) == then


async def test_gather_of_tasks(store: Store) -> None:
    async def body(value):
        return await asyncio.gather(ask(), note("a"))

    await apauses(store, body, then=["yes", "a"])


async def test_gather_with_return_exceptions(store: Store) -> None:
    async def body(value):
        results = await asyncio.gather(ask(), note("a"), return_exceptions=True)
        return ["swallowed" if isinstance(result, BaseException) else result for result in results]

    await apauses(store, body, then=["yes", "a"])


async def test_gather_of_coroutines_with_return_exceptions(store: Store) -> None:
    async def waits(future):
        return await future

    async def body(value):
        results = await asyncio.gather(waits(ask()), waits(note("a")), return_exceptions=True)
        return ["swallowed" if isinstance(result, BaseException) else result for result in results]

    await apauses(store, body, then=["yes", "a"])


async def test_an_asynchronous_bare_except_and_what_follows(store: Store) -> None:
    effects = []

    @task
    async def effect(text):
        effects.append(text)

    async def body(value):
        try:
            return await ask()
        except:  # noqa: E722
            await effect("handler")
        finally:
            await effect("finally")

    await apauses(store, body, then="yes")
    assert effects == ["finally"]


async def test_asyncio_wait(store: Store) -> None:
    async def body(value):
        done, _ = await asyncio.wait([ask(), note("a")], return_when=asyncio.FIRST_EXCEPTION)
        return len(done)

    await apauses(store, body, then=2)


async def test_an_asynchronous_future_does_not_hand_it_over(store: Store) -> None:
    async def body(value):
        future = ask()
        await asyncio.wait([future])
        return [repr(future.exception()), future.result()]

    await apauses(store, body, then=["None", "yes"])


async def test_an_asynchronous_task_that_nobody_waits_for(store: Store) -> None:
    @task
    async def late():
        await asyncio.sleep(0)
        return interrupt("ok?")

    async def body(value):
        late()
        return "done"

    await apauses(store, body, then="done")


@pytest.mark.parametrize("asynchronous", [True, False])
async def test_a_task_group_ends_no_sibling_in_mid_effect(store: Store, asynchronous: bool) -> None:
    asked = asyncio.Event()
    effects = []

    @task
    async def question():
        asked.set()
        return interrupt("ok?")

    @task
    async def effect():
        await asked.wait()
        effects.append("begun")
        for _ in range(100):
            await asyncio.sleep(0)
        effects.append("done")
        return "effect"

    async def waits(future):
        return await future

    async def body(value):
        async with asyncio.TaskGroup() as group:
            first = group.create_task(waits(question() if asynchronous else ask()))
            if not asynchronous:
                asked.set()
            second = group.create_task(waits(effect()))
        return [first.result(), second.result()]

    await apauses(store, body, then=["yes", "effect"])
    assert effects == ["begun", "done"]


@pytest.mark.parametrize("gathered", [True, False])
async def test_a_question_known_before_ends_no_sibling_either(store: Store, gathered: bool) -> None:
    """A gather hears of it at once; the task it then cancels goes on all the same."""
    begun = asyncio.Event()
    effects = []

    @task
    async def effect():
        effects.append("begun")
        begun.set()
        for _ in range(100):
            await asyncio.sleep(0)
        effects.append("done")
        return "effect"

    async def waits(future):
        return (await asyncio.gather(future))[0] if gathered else await future

    async def body(value):
        first = ask()
        await asyncio.wait([first])
        async with asyncio.TaskGroup() as group:
            second = group.create_task(waits(effect()))
            await begun.wait()
            third = group.create_task(waits(first))
        return [third.result(), second.result()]

    await apauses(store, body, then=["yes", "effect"])
    assert effects == ["begun", "done"]


async def test_an_asynchronous_body_hears_of_it_when_all_is_done(store: Store) -> None:
    order = []

    @task
    async def effect():
        for _ in range(100):
            await asyncio.sleep(0)
        order.append("effect")
        return "effect"

    async def body(value):
        first = ask()
        await asyncio.wait([first])
        second = effect()
        try:
            answer = await first
        except BaseException:
            order.append("heard")
            raise
        return [answer, await second]

    await apauses(store, body, then=["yes", "effect"])
    assert order == ["effect", "heard"]
