"""Item 1G and items 73 to 75 of LangGraph's functional API: what is streamed, to the letter.

One program throughout: foo, bar, a person, qux.
"""

from __future__ import annotations

from typing import Any
from unittest.mock import ANY

import pytest

from hitl.config import get_stream_writer
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, GraphOutput, Interrupt, interrupt
from tests.hitl.programs import on

V = "Please provide feedback: hi foo bar"
ASKED = {"__interrupt__": (Interrupt(V, ANY),)}
RESUME = Command(resume="edited")
DONE = "hi foo bar edited qux"


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


def both(graph: Any, mode: Any, **options: Any) -> tuple[list[Any], list[Any]]:
    """The chunks of the run to the question, and of that to the end."""
    first = list(graph.stream("hi", on(), stream_mode=mode, **options))
    return first, list(graph.stream(RESUME, on(), stream_mode=mode, **options))


def test_item_1g_updates(graph: Any) -> None:
    assert both(graph, "updates") == (
        [{"foo": "hi foo"}, {"bar": "hi foo bar"}, ASKED],
        [{"human": "hi foo bar edited"}, {"qux": DONE}, {"graph": DONE}],
    )


def test_item_1g_values(graph: Any) -> None:
    assert both(graph, "values") == ([ASKED], [None, DONE])


def test_item_1g_values_of_the_next_turn(graph: Any) -> None:
    both(graph, "values")
    assert both(graph, "values") == ([ASKED], [DONE, DONE])
    assert list(graph.stream(None, on(), stream_mode="values")) == [DONE]
    assert list(graph.stream(None, on())) == []


def test_item_1g_custom(graph: Any) -> None:
    assert both(graph, "custom") == ([{"progress": "foo"}], [])


def test_item_1g_tasks(graph: Any) -> None:
    first, second = both(graph, "tasks")
    body, foo, bar, human = first[0]["id"], first[1]["id"], first[3]["id"], first[5]["id"]
    assert len({body, foo, bar, human}) == 4
    asked = {"value": V, "id": ANY, "response_schema": None}
    push, ok = {"triggers": ("__pregel_push",)}, {"error": None, "interrupts": []}
    starts = [
        {"id": body, "name": "graph", "input": "hi", "triggers": ("__start__",)},
        {"id": foo, "name": "foo", "input": (("hi",), {}), **push},
        {"id": bar, "name": "bar", "input": (("hi foo",), {}), **push},
        {"id": human, "name": "human", "input": (("hi foo bar",), {}), **push},
    ]
    assert first == [
        *starts[:2],
        {"id": foo, "name": "foo", "result": {"__return__": "hi foo"}, **ok},
        starts[2],
        {"id": bar, "name": "bar", "result": {"__return__": "hi foo bar"}, **ok},
        starts[3],
        {"id": body, "name": "graph", "error": None, "result": {}, "interrupts": [asked]},
    ]
    qux = second[5]["id"]
    assert second == [
        *starts,
        {"id": human, "name": "human", "result": {"__return__": "hi foo bar edited"}, **ok},
        {"id": qux, "name": "qux", "input": (("hi foo bar edited",), {}), **push},
        {"id": qux, "name": "qux", "result": {"__return__": DONE}, **ok},
        {"id": body, "name": "graph", "result": {"__end__": DONE}, **ok},
    ]


def test_item_1g_checkpoints(graph: Any) -> None:
    (begun,), (resumed, done) = both(graph, "checkpoints")
    at = begun["config"]
    assert set(at["configurable"]) == {"thread_id", "checkpoint_ns", "checkpoint_id"}
    assert begun == {
        "config": at,
        "parent_config": None,
        "values": None,
        "metadata": {"source": "input", "step": -1, "parents": {}},
        "next": ["graph"],
        "tasks": [{"id": ANY, "name": "graph", "interrupts": (), "state": None}],
    }
    asked = ({"value": V, "id": ANY, "response_schema": None},)
    assert resumed == {**begun, "tasks": [{**begun["tasks"][0], "interrupts": asked}]}
    assert done == {
        "config": ANY,
        "parent_config": at,
        "values": DONE,
        "metadata": {"source": "loop", "step": 0, "parents": {}},
        "next": [],
        "tasks": [],
    }


def test_item_1g_version_two(graph: Any) -> None:
    """An update tells the question too, which LangGraph's leaves empty in this version (departure c)."""
    first, second = both(graph, ["updates", "values", "custom"], version="v2")
    assert first == [
        {"type": "custom", "ns": ANY, "data": {"progress": "foo"}},
        {"type": "updates", "ns": (), "data": {"foo": "hi foo"}},
        {"type": "updates", "ns": (), "data": {"bar": "hi foo bar"}},
        {"type": "updates", "ns": (), "data": ASKED},
        {"type": "values", "ns": (), "data": {}, "interrupts": ASKED["__interrupt__"]},
    ]
    assert second[0] == {"type": "values", "ns": (), "data": None, "interrupts": ()}
    assert second[-1] == {"type": "values", "ns": (), "data": DONE, "interrupts": ()}
    assert graph.invoke(None, on(), version="v2") == GraphOutput(value=DONE, interrupts=())


def test_item_73_shapes(graph: Any) -> None:
    assert both(graph, ["updates", "values", "custom"]) == (
        [
            ("custom", {"progress": "foo"}),
            ("updates", {"foo": "hi foo"}),
            ("updates", {"bar": "hi foo bar"}),
            ("updates", ASKED),
            ("values", ASKED),
        ],
        [
            ("values", None),
            ("updates", {"human": "hi foo bar edited"}),
            ("updates", {"qux": DONE}),
            ("updates", {"graph": DONE}),
            ("values", DONE),
        ],
    )
    assert list(graph.stream("hi", on("2"), stream_mode=["custom"])) == [("custom", {"progress": "foo"})]
    first, *_ = graph.stream("hi", on("3"), subgraphs=True)
    assert first == ((), {"foo": "hi foo"})
    first, *_ = graph.stream("hi", on("4"), subgraphs=True, stream_mode=["updates"])
    assert first == ((), "updates", {"foo": "hi foo"})
    assert graph.invoke("hi", on("5"), stream_mode="updates")[0] == {"foo": "hi foo"}


async def test_item_75_asynchronous_twins(graph: Any) -> None:
    modes = ["updates", "values"]
    assert [chunk async for chunk in graph.astream("hi", on(), stream_mode=modes)][-1] == ("values", ASKED)
    state = await graph.aget_state(on())
    assert state.interrupts == ASKED["__interrupt__"]
    assert [chunk async for chunk in graph.astream(RESUME, on(), stream_mode=modes)] == [
        ("values", None),
        ("updates", {"human": "hi foo bar edited"}),
        ("updates", {"qux": DONE}),
        ("updates", {"graph": DONE}),
        ("values", DONE),
    ]
    assert [one.metadata["source"] async for one in graph.aget_state_history(on())] == ["loop", "input"]
    config = await graph.aupdate_state(on(), "instead")
    assert (await graph.aget_state(config)).values == "instead"
    assert await graph.ainvoke("hi", on("2")) == {"__interrupt__": [Interrupt(V, ANY)]}
    assert await graph.abatch([RESUME], [on("2")]) == [DONE]


async def test_item_75_of_an_asynchronous_body(store: Store) -> None:
    @entrypoint(checkpointer=store)
    async def graph(value):
        return [value, interrupt("?")]

    asked = (Interrupt("?", ANY),)
    chunks = [chunk async for chunk in graph.astream(1, on(), stream_mode="values")]
    assert chunks == [{"__interrupt__": asked}]
    chunks = [chunk async for chunk in graph.astream(Command(resume="a"), on(), stream_mode="values")]
    assert chunks == [None, [1, "a"]]
    assert [chunk async for chunk in graph.astream(None, on(), stream_mode="values")] == [[1, "a"]]
    assert await graph.ainvoke(2, on()) == {"__interrupt__": list(asked)}
