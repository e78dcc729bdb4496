"""What means nothing is refused with what to write instead, before anything runs or is written (item 41)."""

from __future__ import annotations

from typing import Any

import pytest

from hitl.errors import InvalidOption
from hitl.func import entrypoint, task
from hitl.store import Store
from tests.hitl.programs import on


def workflow(store: Store) -> Any:
    @task
    def work():
        return "done"

    @entrypoint(checkpointer=store)
    def graph(value):
        return work().result()

    return graph


@pytest.mark.parametrize("limit", [0, -1, 1.5, "2"], ids=repr)
@pytest.mark.parametrize("name", ["max_concurrency", "recursion_limit"])
async def test_a_limit_that_lets_nothing_run(store: Store, name: str, limit: Any) -> None:
    """A thread with no slot at all would wait for ever."""
    graph = workflow(store)
    with pytest.raises(InvalidOption, match=f"{name} must be at least 1, and not {limit!r}"):
        await graph.ainvoke("in", on(**{name: limit}))
    with pytest.raises(ValueError):
        await graph.abatch(["in"], on(**{name: limit}))
    assert (await graph.aget_state(on())).values == {}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("1", "The config for graph is a dict like"),
        ([("configurable", {})], "and not list"),
        ({"configurable": "1"}, "'configurable' in the config for graph is a dict, and not '1'"),
        (on(metadata=["a"]), "'metadata' in the config for graph is a dict, and not list"),
    ],
)
def test_what_is_no_config(store: Store, config: Any, message: str) -> None:
    graph = workflow(store)
    for call in (lambda: graph.invoke("in", config), lambda: list(graph.stream("in", config))):
        with pytest.raises(InvalidOption, match=message):
            call()


def test_a_config_is_looked_at_where_states_are_asked_for(store: Store) -> None:
    with pytest.raises(InvalidOption, match="is a dict"):
        workflow(store).get_state("1")


def test_an_entrypoint_without_parentheses() -> None:
    with pytest.raises(InvalidOption, match=r"Write @entrypoint\(\) with its parentheses"):

        @entrypoint
        def graph(value: Any) -> Any: ...


@pytest.mark.parametrize("given", ["memory", False, object()], ids=repr)
def test_what_keeps_no_journal(given: Any) -> None:
    with pytest.raises(InvalidOption, match=r"checkpointer is an InMemorySaver of hitl\.checkpoint\.memory"):
        entrypoint(checkpointer=given)


def test_what_is_no_function() -> None:
    with pytest.raises(InvalidOption, match="makes a workflow of a function, and not of 5"):
        entrypoint()(5)  # type: ignore[arg-type]
    with pytest.raises(InvalidOption, match="makes a task of a function, and not of 5"):
        task(5)  # type: ignore[call-overload]


@pytest.mark.parametrize("given", ["twice", [3]], ids=repr)
def test_what_is_no_retry_policy(given: Any) -> None:
    with pytest.raises(InvalidOption, match="retry_policy is a RetryPolicy or several"):
        task(retry_policy=given)(len)
