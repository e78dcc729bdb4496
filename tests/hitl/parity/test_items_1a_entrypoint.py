"""Items 1 to 12 of LangGraph's functional API: `@entrypoint`.

What these files pin down was observed on LangGraph 1.2.22; where an item has a departure, the item's test
shows what stays alike, and `test_departures.py` what does not.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from hitl.checkpoint.memory import InMemorySaver
from hitl.config import get_config, get_stream_writer
from hitl.errors import UnstorableValue, WrongWorkflow
from hitl.func import entrypoint, task
from hitl.runtime import Runtime, get_runtime
from hitl.store import Store
from hitl.types import Command, RetryPolicy, interrupt
from tests.hitl.programs import on, questions


@dataclass
class Context:
    user: str
    limit: int = 3


class Order(BaseModel):
    amount: int


def test_item_01_an_object_with_the_methods_of_a_graph(store: Store) -> None:
    """Its `name` is that under which it is registered, where LangGraph's is always "LangGraph"."""

    @entrypoint(checkpointer=store, store=None, cache=None, context_schema=Context, cache_policy=None, timeout=None)
    def graph(value):
        return value

    assert not callable(graph)
    assert graph.stream_mode == "updates"
    assert graph.name.endswith(":test_item_01_an_object_with_the_methods_of_a_graph.<locals>.graph")
    assert entrypoint(name="shop.order")(lambda value: value).name == "shop.order"
    assert list(graph.stream("in", on())) == [{"graph": "in"}]
    for method in ("invoke", "stream", "batch", "get_state", "get_state_history", "update_state"):
        assert callable(getattr(graph, method))
        assert callable(getattr(graph, f"a{method}"))


def test_item_01_batch(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        if value == 2:
            raise ValueError(value)
        return interrupt("?") if value == 3 else value

    def threads(name: str, count: int) -> list[dict[str, Any]]:
        return [on(f"{name}{number}") for number in range(count)]

    assert graph.batch([], threads("a", 0)) == []
    assert graph.batch([1, 4, 5], threads("b", 3)) == [1, 4, 5]
    assert graph.batch([1, 4, 5], on("same")) == [1, 4, 5]
    assert graph.batch([1, 4], [on("c", max_concurrency=1), on("d")]) == [1, 4]
    first, second, third = graph.batch([1, 2, 3], threads("e", 3), return_exceptions=True)
    assert (first, repr(second), list(questions(third))) == (1, "ValueError(2)", ["?"])
    with pytest.raises(ValueError, match="2"):
        graph.batch([1, 2], threads("f", 2))
    with pytest.raises(ValueError, match="must be a list of the same length as inputs, but got 1 configs for 2"):
        graph.batch([1, 2], [on()])


async def test_item_01_abatch(store: Store) -> None:
    both = asyncio.Barrier(2)

    @entrypoint(checkpointer=store)
    async def graph(value):
        await both.wait()
        if value == 2:
            raise ValueError(value)
        return value

    assert await graph.abatch([1, 3], [on("a"), on("b")]) == [1, 3]
    found = await graph.abatch([1, 2], [on("c"), on("d")], return_exceptions=True)
    assert (found[0], repr(found[1])) == (1, "ValueError(2)")


def test_item_01_batch_within_a_run(store: Store) -> None:
    @entrypoint(checkpointer=InMemorySaver())
    def child(value):
        return value * 2

    @entrypoint(checkpointer=store)
    def parent(values):
        return [*child.batch(values), interrupt("?")]

    parent.invoke([1, 2], on())
    assert parent.invoke(Command(resume="ok"), on()) == [2, 4, "ok"]


def test_item_02_one_parameter_is_the_input(store: Store) -> None:
    with pytest.raises(ValueError, match="Entrypoint function must have at least one parameter"):
        entrypoint()(lambda: None)

    @entrypoint(checkpointer=store)
    def graph(value, other):
        return value

    with pytest.raises(TypeError, match="other"):
        graph.invoke("in", on())


def test_item_03_no_generators() -> None:
    def generator(value):
        yield value

    async def agenerator(value):
        yield value

    for function in (generator, agenerator):
        with pytest.raises(NotImplementedError, match="Generators are not supported in the Functional API"):
            entrypoint()(function)


def test_item_04_injected_by_name(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value, previous, context=None, *, config, writer, runtime, store):
        writer("event")
        return [value, previous, context, config["configurable"]["thread_id"], runtime.context, store]

    modes = ["custom", "values"]
    assert list(graph.stream("in", on("7"), stream_mode=modes, context="given")) == [
        ("custom", "event"),
        ("values", ["in", None, None, "7", "given", None]),
    ]


def test_item_05_runtime(store: Store) -> None:
    seen: list[Runtime[Context]] = []

    @task
    def call():
        seen.append(get_runtime(Context))

    @entrypoint(checkpointer=store, context_schema=Context)
    def graph(value, runtime: Runtime[Context]):
        seen.append(runtime)
        call().result()

    graph.invoke("in", on("7"), context={"user": "ana"})
    body, inner = seen
    assert body.context == inner.context == Context("ana", 3)
    assert (body.store, body.previous, body.server_info) == (None, None, None)
    assert callable(body.stream_writer)
    assert callable(body.heartbeat)
    told = inner.execution_info
    assert (told.thread_id, told.node_attempt, told.run_id) == ("7", 1, body.execution_info.run_id)
    assert told.task_id != body.execution_info.task_id
    assert told.checkpoint_id == body.execution_info.checkpoint_id
    assert told.checkpoint_ns
    assert told.node_first_attempt_time is not None
    graph.invoke("in", on("8"), context=Context("ben", 1))
    assert seen[2].context == Context("ben", 1)


async def test_item_06_asked_for_anywhere(store: Store) -> None:
    @task
    def call():
        get_stream_writer()("task")
        return [get_config()["configurable"]["thread_id"], get_runtime().execution_info.thread_id]

    @entrypoint(checkpointer=store)
    async def graph(value):
        get_stream_writer()("body")
        return [get_config()["configurable"]["thread_id"], *await call()]

    assert [chunk async for chunk in graph.astream("in", on("7"), stream_mode=["custom", "values"])] == [
        ("custom", "body"),
        ("custom", "task"),
        ("values", ["7", "7", "7"]),
    ]


def test_item_07_previous(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(number, previous):
        return (number, interrupt("?"), previous)

    graph.invoke(1, on())
    assert graph.invoke(Command(resume="r"), on()) == (1, "r", None)
    graph.invoke(2, on())
    assert graph.invoke(Command(resume="r2"), on()) == (2, "r2", (1, "r", None))


def test_item_08_final_value_and_save(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(number, *, previous) -> entrypoint.final[int, int]:
        return entrypoint.final(value=previous or 0, save=2 * number)

    assert graph.invoke(3, on()) == 0
    assert graph.invoke(1, on()) == 6
    assert graph.get_state(on()).values == 6
    assert list(graph.stream(5, on())) == [{"graph": 2}]
    with pytest.raises(TypeError, match="Too few arguments"):
        entrypoint.final[int]


def test_item_09_none_is_legal_and_a_command_is_a_value(store: Store) -> None:
    """A Command is not interpreted. It is nothing that can be stored either (departure m)."""

    @entrypoint(checkpointer=store)
    def graph(value):
        return Command(resume="yes") if value == "command" else None

    assert list(graph.stream("in", on())) == [{"graph": None}]
    assert graph.get_state(on()).values is None
    with pytest.raises(UnstorableValue, match="Command"):
        graph.invoke("command", on())


def test_item_10_schemas() -> None:
    @entrypoint(context_schema=Order)
    def graph(number: int) -> list[str]:
        return []

    @entrypoint()
    def order(given: Order) -> entrypoint.final[str, int]:
        return entrypoint.final(value="", save=0)

    @entrypoint()
    def anything(value):
        return value

    assert graph.get_input_jsonschema() == {"title": "LangGraphInput", "type": "integer"}
    assert graph.get_output_jsonschema() == {"items": {"type": "string"}, "title": "LangGraphOutput", "type": "array"}
    assert graph.get_context_jsonschema() == order.get_input_jsonschema() == Order.model_json_schema()
    assert order.get_output_jsonschema() == {"title": "LangGraphOutput", "type": "string"}
    assert anything.get_input_jsonschema() == {"title": "LangGraphInput"}
    assert anything.get_output_jsonschema() == {"title": "LangGraphOutput"}
    assert anything.get_context_jsonschema() is None


def test_item_10_a_dataclass_is_among_the_definitions() -> None:
    @entrypoint()
    def graph(value: Context) -> Context:
        return value

    told = graph.get_input_jsonschema()
    assert (told["title"], told["$ref"], list(told["$defs"])) == ("LangGraphInput", "#/$defs/Context", ["Context"])
    assert graph.get_output_jsonschema()["title"] == "LangGraphOutput"


def test_item_11_the_body_is_tried_again(store: Store) -> None:
    attempts: list[int] = []

    @entrypoint(checkpointer=store, retry_policy=RetryPolicy(initial_interval=0.001, jitter=False, retry_on=KeyError))
    def graph(value, runtime):
        attempts.append(runtime.execution_info.node_attempt)
        if len(attempts) < 3:
            raise KeyError(value)
        return value

    assert graph.invoke("in", on()) == "in"
    assert attempts == [1, 2, 3]


def test_item_12_another_entrypoint_on_the_same_saver(store: Store) -> None:
    """LangGraph lets it take the thread over; here it is told whose thread it is (departure g)."""

    @entrypoint(checkpointer=store)
    def one(value):
        return interrupt("?")

    @entrypoint(checkpointer=store)
    def two(value):
        return value

    one.invoke("in", on())
    with pytest.raises(WrongWorkflow, match=r"Thread '1' belongs to workflow .*one"):
        two.invoke(Command(resume="yes"), on())
    assert one.invoke(Command(resume="yes"), on()) == "yes"
