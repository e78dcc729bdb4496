"""Rules 15 and 28: whoever has lost a thread is stopped by no Exception, and records nothing any more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import Any

import pytest

from hitl import scope as scopes
from hitl.checkpoint.memory import InMemorySaver
from hitl.errors import JournalUnreachable, LeaseLost, RunCancelled
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.journals import claim
from tests.hitl.programs import WAIT_SECONDS, cancel, on
from tests.hitl.racing import in_background


class Program:
    """A body that handles everything it can; its task holds still in mid-effect until it is let go."""

    def __init__(self, store: Store) -> None:
        self.began, self.go_on = Event(), Event()
        self.seen: list[Any] = []

        @task
        def effect():
            self.began.set()
            assert self.go_on.wait(WAIT_SECONDS)
            return "done"

        @task
        def refund():
            self.seen.append("refund")

        @entrypoint(checkpointer=store)
        def graph(value):
            try:
                return effect().result()
            except Exception:
                self.seen.append("except Exception")
                refund().result()
            except BaseException as signal:
                self.seen.append(isinstance(signal, Exception))
                try:
                    refund().result()
                except BaseException as again:
                    self.seen.append(again is signal)
                raise

        self.graph = graph


class Frozen:
    """A body that was stopped for longer than its lease between two calls; `meanwhile` is what others did."""

    def __init__(self, store: Store, meanwhile: Callable[[], object]) -> None:
        self.calls: list[str] = []

        @task
        def call(name):
            self.calls.append(name)

        @entrypoint(checkpointer=store)
        def graph(value):
            call("before").result()
            scopes.require("frozen").leg.lease.kept.held_until = 0.0
            meanwhile()
            call("after").result()

        self.graph = graph


def test_who_was_stopped_for_longer_than_the_lease_begins_no_call_that_others_may_have_made(store: Store) -> None:
    """Its pulse was stopped, too: nobody has told it yet that it has lost the lease."""

    def take_over() -> None:
        expire(store)
        assert claim(store, "1", workflow=program.graph.name) is not None

    program = Frozen(store, take_over)
    with pytest.raises(LeaseLost, match="no longer held"):
        program.graph.invoke("in", on())
    assert program.calls == ["before"]


def test_who_was_stopped_and_overtaken_by_nobody_goes_on(store: Store) -> None:
    program = Frozen(store, lambda: None)
    program.graph.invoke("in", on())
    assert program.calls == ["before", "after"]


def test_a_cancelled_body_gets_no_exception_and_begins_nothing(store: Store) -> None:
    program = Program(store)
    running = in_background(lambda: program.graph.invoke("in", on()))
    assert program.began.wait(WAIT_SECONDS)
    cancel(store)
    recorded = store.facts("1")
    program.go_on.set()
    with pytest.raises(RunCancelled, match="was cancelled"):
        running.outcome()
    assert program.seen == [False, True]
    assert store.facts("1") == recorded
    assert store.thread("1").status == "idle"


def test_so_does_one_whose_lease_was_taken(store: Store) -> None:
    program = Program(store)
    running = in_background(lambda: program.graph.invoke("in", on()))
    assert program.began.wait(WAIT_SECONDS)
    expire(store)
    assert claim(store, "1", workflow=program.graph.name) is not None
    recorded = store.facts("1")
    program.go_on.set()
    with pytest.raises(LeaseLost, match="no longer held"):
        running.outcome()
    assert program.seen == [False, True]
    assert store.facts("1") == recorded


def expire(store: Store) -> None:
    """Let the lease of thread "1" run out."""

    def work(unit: Any) -> None:
        unit.thread.lease_expires_at = unit.now

    store.transact("1", work)


def test_a_body_that_returned_meanwhile_has_no_output(store: Store) -> None:
    program = Event(), Event()

    @entrypoint(checkpointer=store)
    def graph(value):
        program[0].set()
        assert program[1].wait(WAIT_SECONDS)
        return "done"

    running = in_background(lambda: graph.invoke("in", on()))
    assert program[0].wait(WAIT_SECONDS)
    cancel(store)
    program[1].set()
    with pytest.raises(RunCancelled):
        running.outcome()
    assert store.thread("1").output_seq is None


def test_a_question_of_a_cancelled_run_is_not_asked(store: Store) -> None:
    began, go_on = Event(), Event()

    @entrypoint(checkpointer=store)
    def graph(value):
        began.set()
        assert go_on.wait(WAIT_SECONDS)
        return interrupt("ok?")

    running = in_background(lambda: graph.invoke("in", on()))
    assert began.wait(WAIT_SECONDS)
    cancel(store)
    go_on.set()
    with pytest.raises(RunCancelled):
        running.outcome()
    assert store.open_questions("1") == []


def test_a_cancelled_thread_takes_new_input(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return [value, interrupt("ok?")]

    graph.invoke("old", on())
    cancel(store)
    assert graph.get_state(on()).next == ()
    graph.invoke("new", on())
    assert graph.invoke(Command(resume="yes"), on()) == ["new", "yes"]


class Unreachable(InMemorySaver):
    """A store that is gone when a task's result is to be written."""

    def append(self, lease: Any, facts: Any) -> None:
        raise JournalUnreachable("The journal is gone.")


def test_an_unreachable_journal_stops_it_too() -> None:
    program = Program(Unreachable())
    program.go_on.set()
    with pytest.raises(JournalUnreachable):
        program.graph.invoke("in", on())
    assert program.seen == [False, True]


def test_the_heartbeat_ends_an_idle_leg(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is recorded meanwhile; the lease is looked at three times in its life."""
    from hitl import conf

    settings = conf.settings()
    monkeypatch.setattr(conf, "settings", lambda: _with(settings, lease_seconds=0.3))
    program = Program(store)
    running = in_background(lambda: program.graph.invoke("in", on()))
    assert program.began.wait(WAIT_SECONDS)
    cancel(store)
    with pytest.raises(RunCancelled):
        running.outcome()
    assert not program.go_on.is_set()
    assert program.seen == [False, True]
    program.go_on.set()


def _with(settings: Any, **changed: Any) -> Any:
    import dataclasses

    return dataclasses.replace(settings, **changed)


@pytest.mark.parametrize("where", ["task", "body"])
async def test_asynchronous_code_is_cancelled_where_it_waits(
    store: Store, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hitl import conf

    settings = conf.settings()
    monkeypatch.setattr(conf, "settings", lambda: _with(settings, lease_seconds=0.3))
    began, ended = asyncio.Event(), asyncio.Event()
    seen: list[Any] = []

    async def forever() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except BaseException as error:
            seen.append(isinstance(error, Exception))
            ended.set()
            raise

    @task
    async def effect():
        await forever()

    @entrypoint(checkpointer=store)
    async def graph(value):
        if where == "body":
            await forever()
        await effect()

    running = asyncio.ensure_future(graph.ainvoke("in", on()))
    await began.wait()
    await asyncio.to_thread(cancel_apart, store)
    with pytest.raises(RunCancelled):
        await asyncio.wait_for(running, WAIT_SECONDS)
    await asyncio.wait_for(ended.wait(), WAIT_SECONDS)
    assert seen == [False]


def cancel_apart(store: Store) -> None:
    from django.db import connections

    cancel(store)
    connections.close_all()


async def test_cancelling_the_call_itself_records_no_failure(store: Store) -> None:
    """A server that shuts down cancels its tasks: that is no outcome of the workflow's."""
    began = asyncio.Event()
    again = False

    @task
    async def effect():
        began.set()
        if not again:
            await asyncio.Event().wait()
        return "done"

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await effect()

    running = asyncio.ensure_future(graph.ainvoke("in", on()))
    await began.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    kinds = await asyncio.wrap_future(store.submit(lambda: [fact.kind for fact in store.facts("1")]))
    assert kinds == ["input", "leg"]
    again = True
    await asyncio.wrap_future(store.submit(lambda: expire(store)))
    assert await graph.ainvoke(None, on()) == "done"


async def test_a_loop_that_shuts_down_records_no_failure_either(store: Store) -> None:
    began = asyncio.Event()

    @task
    async def effect():
        began.set()
        await asyncio.Event().wait()

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await effect()

    running = asyncio.ensure_future(graph.ainvoke("in", on()))
    await began.wait()
    for other in asyncio.all_tasks() - {asyncio.current_task()}:
        other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    kinds = await asyncio.wrap_future(store.submit(lambda: [fact.kind for fact in store.facts("1")]))
    assert kinds == ["input", "leg"]
