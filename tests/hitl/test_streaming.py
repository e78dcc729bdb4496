"""What `stream` yields, mode by mode: the shapes of item 1G, to the letter."""

from __future__ import annotations

from threading import Event
from typing import Any
from unittest.mock import ANY

import pytest

from hitl.config import get_stream_writer
from hitl.ending import Outcome
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.stream import Stream
from hitl.types import Command, Interrupt, interrupt
from tests.hitl.programs import WAIT_SECONDS, on

V = "Please provide feedback: hi foo bar"
ASKED = {"__interrupt__": (Interrupt(V, ANY),)}


@pytest.fixture
def graph(store: Store) -> Any:
    @task
    def foo(text):
        get_stream_writer()({"progress": "foo"})
        return f"{text} foo"

    @task
    def bar(text):
        return f"{text} bar"

    @task
    def human(text):
        return f"{text} {interrupt(f'Please provide feedback: {text}')}"

    @task
    def qux(text):
        return f"{text} qux"

    @entrypoint(checkpointer=store)
    def graph(text):
        return qux(human(bar(foo(text).result()).result()).result()).result()

    return graph


RESUME = Command(resume="edited")
DONE = "hi foo bar edited qux"


def test_updates(graph: Any) -> None:
    assert list(graph.stream("hi", on())) == [{"foo": "hi foo"}, {"bar": "hi foo bar"}, ASKED]
    assert list(graph.stream(RESUME, on(), stream_mode="updates")) == [
        {"human": "hi foo bar edited"},
        {"qux": DONE},
        {"graph": DONE},
    ]


def test_the_interrupt_as_it_prints(graph: Any) -> None:
    (*_, asked) = graph.stream("hi", on())
    (shown,) = asked["__interrupt__"]
    assert repr(shown) == f"Interrupt(value={V!r}, id={shown.id!r}, response_schema=None)"
    assert len(shown.id) == 32
    assert set(shown.id) <= set("0123456789abcdef")


def test_values(graph: Any) -> None:
    assert list(graph.stream("hi", on(), stream_mode="values")) == [ASKED]
    assert list(graph.stream(RESUME, on(), stream_mode="values")) == [None, DONE]


def test_custom(graph: Any) -> None:
    assert list(graph.stream("hi", on(), stream_mode="custom")) == [{"progress": "foo"}]
    assert list(graph.stream(RESUME, on(), stream_mode="custom")) == []


def test_a_list_of_modes(graph: Any) -> None:
    modes = ["updates", "values", "custom"]
    assert list(graph.stream("hi", on(), stream_mode=modes)) == [
        ("custom", {"progress": "foo"}),
        ("updates", {"foo": "hi foo"}),
        ("updates", {"bar": "hi foo bar"}),
        ("updates", ASKED),
        ("values", ASKED),
    ]
    assert list(graph.stream(RESUME, on(), stream_mode=modes)) == [
        ("values", None),
        ("updates", {"human": "hi foo bar edited"}),
        ("updates", {"qux": DONE}),
        ("updates", {"graph": DONE}),
        ("values", DONE),
    ]


def test_a_list_of_one_mode(graph: Any) -> None:
    assert list(graph.stream("hi", on(), stream_mode=["custom"])) == [("custom", {"progress": "foo"})]


async def test_the_same_asynchronously(graph: Any) -> None:
    modes = ["updates", "values", "custom"]
    assert [chunk async for chunk in graph.astream("hi", on(), stream_mode=modes)] == [
        ("custom", {"progress": "foo"}),
        ("updates", {"foo": "hi foo"}),
        ("updates", {"bar": "hi foo bar"}),
        ("updates", ASKED),
        ("values", ASKED),
    ]
    assert [chunk async for chunk in graph.astream(RESUME, on())] == [
        {"human": "hi foo bar edited"},
        {"qux": DONE},
        {"graph": DONE},
    ]


def test_invoke_with_a_mode_gives_the_chunks(graph: Any) -> None:
    assert graph.invoke("hi", on(), stream_mode="updates") == [{"foo": "hi foo"}, {"bar": "hi foo bar"}, ASKED]


def test_an_unknown_mode(graph: Any) -> None:
    with pytest.raises(ValueError, match="no stream mode 'newest'"):
        list(graph.stream("hi", on(), stream_mode="newest"))


def test_parallel_tasks_in_the_order_of_their_completion(store: Store) -> None:
    first_may_end = Event()

    @task
    def slow():
        assert first_may_end.wait(WAIT_SECONDS)
        return 1

    @task
    def quick():
        return 2

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [slow(), quick()]
        futures[1].result()
        first_may_end.set()
        return [future.result() for future in futures]

    assert list(graph.stream("in", on())) == [{"quick": 2}, {"slow": 1}, {"graph": [1, 2]}]


def test_what_nobody_waits_for_is_done_before_the_run_ends(store: Store) -> None:
    """Item 16."""
    returned = Event()

    @task
    def slow(n):
        assert returned.wait(WAIT_SECONDS)
        return n

    @entrypoint(checkpointer=store)
    def graph(value):
        slow(1)
        try:
            return "done"
        finally:
            returned.set()

    chunks = list(graph.stream("in", on()))
    assert sorted(map(repr, chunks)) == ["{'graph': 'done'}", "{'slow': 1}"]
    assert [fact.kind for fact in store.facts("1")][-2:] == ["task", "output"]


def test_and_told_after_the_bodys_own_update() -> None:
    chunks: list[Any] = []
    stream = Stream(["updates", "values"], chunks.append)
    stream.emit("called", None)
    stream.emit("updates", {"awaited": 1})
    stream.emit("returned", None)
    stream.emit("updates", {"slow": 2})
    stream.end("graph", Outcome("done"))
    assert chunks == [
        ("updates", {"awaited": 1}),
        ("updates", {"graph": "done"}),
        ("updates", {"slow": 2}),
        ("values", "done"),
    ]


def test_none_is_a_value_like_any_other(store: Store) -> None:
    @task
    def nothing():
        return None

    @entrypoint(checkpointer=store)
    def graph(value):
        nothing().result()

    assert list(graph.stream("in", on(), stream_mode=["updates", "values"])) == [
        ("updates", {"nothing": None}),
        ("updates", {"graph": None}),
        ("values", None),
    ]


def test_an_error_comes_out_of_the_stream_after_what_was_done(store: Store) -> None:
    @task
    def fine():
        return 1

    @entrypoint(checkpointer=store)
    def graph(value):
        fine().result()
        raise ValueError("boom")

    chunks = graph.stream("in", on())
    assert next(chunks) == {"fine": 1}
    with pytest.raises(ValueError, match="boom"):
        next(chunks)


def test_a_stream_that_is_left_early_does_not_stop_the_run(store: Store) -> None:
    """Item 67."""
    left = Event()

    @task
    def step(n):
        if n == 2:
            assert left.wait(WAIT_SECONDS)
        return n

    @entrypoint(checkpointer=store)
    def graph(value):
        return [step(n).result() for n in (1, 2, 3)]

    chunks = graph.stream("in", on())
    assert next(chunks) == {"step": 1}
    chunks.close()
    left.set()
    from hitl import pool

    pool.close()
    assert graph.get_state(on()).values == [1, 2, 3]
