"""Parameters that are named after something of the run get it, in bodies and in tasks (item 4)."""

from __future__ import annotations

from typing import Any

import pytest

from hitl.func import entrypoint, task
from hitl.runtime import Runtime
from hitl.store import Store
from tests.hitl.programs import facts, on


def test_into_a_body_by_name_with_and_without_annotation(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value, config, previous: list[Any] | None, writer, *, runtime: Runtime[None], store=None):
        writer("hello")
        return [config["configurable"]["thread_id"], previous, runtime.execution_info.thread_id, store]

    assert graph.invoke("in", on("t")) == ["t", None, "t", None]
    assert graph.invoke("in", on("t"))[1] == ["t", None, "t", None]
    assert len(facts(graph.store(), "event", thread_id="t")) == 2


def test_into_a_task_by_name(store: Store) -> None:
    @task
    def step(value, config, writer, *, runtime, previous=1):
        writer("hello")
        return [value, config["configurable"]["thread_id"], runtime.execution_info.thread_id, previous]

    @entrypoint(checkpointer=store)
    def graph(value):
        return step("a").result()

    assert graph.invoke("in", on("t")) == ["a", "t", "t", None]


async def test_into_an_asynchronous_task(store: Store) -> None:
    @task
    async def step(value, runtime):
        return [value, runtime.execution_info.thread_id]

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await step("a")

    assert await graph.ainvoke("in", on("t")) == ["a", "t"]


def test_into_a_method_that_is_a_task(store: Store) -> None:
    class Shop:
        name = "shop"

        @task
        def step(self, value, config):
            return [self.name, value, config["configurable"]["thread_id"]]

    @entrypoint(checkpointer=store)
    def graph(value):
        return Shop().step("a").result()

    assert graph.invoke("in", on("t")) == ["shop", "a", "t"]


def test_what_the_caller_gives_wins_by_place_and_by_name(store: Store) -> None:
    @task
    def step(value, config, writer=None):
        return [config, writer is None]

    @entrypoint(checkpointer=store)
    def graph(value):
        return [step("a", "mine").result(), step("a", config="mine", writer=None).result()]

    assert graph.invoke("in", on()) == [["mine", False], ["mine", True]]


def test_what_is_injected_is_not_among_the_recorded_arguments(store: Store) -> None:
    @task
    def step(value, config):
        return value

    @entrypoint(checkpointer=store)
    def graph(value):
        return step("a").result()

    graph.invoke("in", on())
    (fact,) = facts(store, "task")
    assert "thread_id" not in str(fact.detail["args"])


def test_a_parameter_that_is_annotated_as_a_plain_value_is_the_callers(store: Store) -> None:
    @task
    def ship(order, store: str = "berlin", config: int | None = None, writer: "str" = "ana"):  # noqa: UP037
        return [order, store, config, writer]

    @entrypoint(checkpointer=store)
    def graph(value, store: str = "hamburg"):
        return [ship("a").result(), store]

    assert graph.invoke("in", on()) == [["a", "berlin", None, "ana"], "hamburg"]


def test_a_positional_only_parameter_is_the_callers(store: Store) -> None:
    @task
    def step(config, /):
        return config

    @entrypoint(checkpointer=store)
    def graph(value):
        return step("mine").result()

    assert graph.invoke("in", on()) == "mine"


def test_context_is_not_injected_by_name(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value, context=None):
        return context

    assert graph.invoke("in", on(), context="c") is None


def test_an_unknown_required_parameter_is_a_type_error(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value, colour):
        return colour

    with pytest.raises(TypeError, match="colour"):
        graph.invoke("in", on())


def test_into_a_child_workflow(store: Store) -> None:
    @entrypoint()
    def child(value, runtime, config):
        return [runtime.execution_info.thread_id, config["configurable"]["thread_id"]]

    @entrypoint(checkpointer=store)
    def graph(value):
        return child.invoke(value)

    assert graph.invoke("in", on("t")) == ["t", "t"]
