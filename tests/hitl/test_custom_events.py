"""Rule 33: a custom event is a fact, written once for its place, and told again in process on a replay."""

from __future__ import annotations

from threading import Event
from time import monotonic
from typing import Any

import pytest

from hitl.config import get_stream_writer
from hitl.errors import UnstorableValue
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import WAIT_SECONDS, facts, on
from tests.hitl.racing import in_background


def program(store: Store) -> Any:
    @task
    def work(name):
        writer = get_stream_writer()
        writer(f"{name} begun")
        writer(f"{name} half")
        return name

    @entrypoint(checkpointer=store)
    def graph(value, writer):
        writer("body begun")
        work("a").result()
        interrupt("ok?")
        writer("body ends")
        return "done"

    return graph


def test_streams_tell_again_what_the_journal_holds_once(store: Store) -> None:
    graph = program(store)
    first = list(graph.stream("in", on(), stream_mode="custom"))
    assert first == ["body begun", "a begun", "a half"]
    second = list(graph.stream(Command(resume="yes"), on(), stream_mode="custom"))
    assert second == ["body begun", "body ends"]
    assert [fact.value for fact in facts(store, "event")] == [
        '"body begun"',
        '"a begun"',
        '"a half"',
        '"body ends"',
    ]


def test_they_stand_before_the_fact_they_came_before(store: Store) -> None:
    program(store).invoke("in", on())
    kinds = [fact.kind for fact in store.facts("1") if fact.kind in ("event", "task", "question", "pause")]
    assert kinds == ["event", "event", "event", "task", "question", "pause"]


def test_another_attempt_writes_its_own(store: Store) -> None:
    ran = []

    @task
    def flaky():
        ran.append(1)
        get_stream_writer()(f"try {len(ran)}")
        if len(ran) < 2:
            raise ConnectionError("down")
        return "up"

    @entrypoint(checkpointer=store)
    def graph(value):
        return flaky().result()

    with pytest.raises(ConnectionError):
        graph.invoke("in", on())
    assert graph.invoke(None, on()) == "up"
    assert [fact.value for fact in facts(store, "event")] == ['"try 1"', '"try 2"']
    assert [fact.path.partition("!")[2] for fact in facts(store, "event")] == ["1.1", "2.1"]


def test_they_say_nothing_to_a_replay(store: Store) -> None:
    program(store).invoke("in", on())
    opened = store.load("1")
    assert {fact.kind for fact in opened.facts} == {"input", "task", "question", "pause"}
    assert len(opened.events) == 3


def test_one_is_written_while_its_task_still_runs(store: Store) -> None:
    """Within 250 ms, so that a page shows the progress of a long task."""
    began, over = Event(), Event()

    @task
    def long():
        get_stream_writer()("half")
        began.set()
        assert over.wait(WAIT_SECONDS)

    @entrypoint(checkpointer=store)
    def graph(value):
        long().result()

    running = in_background(lambda: graph.invoke("in", on()))
    deadline = monotonic() + WAIT_SECONDS
    while not (began.is_set() and facts(store, "event")):
        assert monotonic() < deadline, "the event was not written"
    over.set()
    running.outcome()
    assert [fact.kind for fact in facts(store, "event", "task")] == ["event", "task"]


def test_one_that_cannot_be_stored_fails_where_it_was_written(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value, writer):
        try:
            writer({"socket": object()})
        except UnstorableValue as error:
            return str(error)

    assert 'event["socket"]' in graph.invoke("in", on())
