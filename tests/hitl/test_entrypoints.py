"""What `@entrypoint` makes of a function, and what it injects by name (items 1 to 9)."""

from __future__ import annotations

from typing import Any

import pytest

from hitl.config import get_config
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import on


def test_one_parameter_at_least() -> None:
    with pytest.raises(ValueError, match="Entrypoint function must have at least one parameter"):

        @entrypoint()
        def graph() -> None: ...


def test_no_generators() -> None:
    with pytest.raises(NotImplementedError, match="Generators are not supported"):

        @entrypoint()
        def graph(value: Any) -> Any:
            yield value

    with pytest.raises(NotImplementedError, match="Generators are not supported"):

        @entrypoint()
        async def agraph(value: Any) -> Any:
            yield value


def test_another_required_parameter_is_missed_when_it_is_called(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value, other, config):
        return other

    with pytest.raises(TypeError, match="other"):
        graph.invoke("in", on())


def test_injection_by_name_by_position_or_keyword(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value, previous, limit=3, *, config, writer):
        writer("event")
        return [value, previous, limit, config["configurable"]["thread_id"], config["metadata"]]

    config = on("7", metadata={"team": "a"})
    assert graph.invoke("in", config) == ["in", None, 3, "7", {"team": "a"}]


def test_the_config_is_there_in_body_and_tasks(store: Store) -> None:
    @task
    def where():
        return get_config()["configurable"]["thread_id"]

    @entrypoint(checkpointer=store)
    def graph(value):
        return [get_config()["configurable"]["thread_id"], where().result()]

    assert graph.invoke("in", on("7")) == ["7", "7"]


def test_previous_is_what_the_last_finished_turn_returned(store: Store) -> None:
    """Item 7: kept through a pause of the current turn."""

    @entrypoint(checkpointer=store)
    def graph(n, previous):
        return [n, interrupt("?"), previous]

    graph.invoke(1, on())
    assert graph.invoke(Command(resume="r"), on()) == [1, "r", None]
    graph.invoke(2, on())
    assert graph.invoke(Command(resume="r2"), on()) == [2, "r2", [1, "r", None]]


def test_a_failed_turn_leaves_previous_as_it_was(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(n, previous):
        if n < 0:
            raise ValueError(n)
        return [n, previous]

    graph.invoke(1, on())
    with pytest.raises(ValueError):
        graph.invoke(-1, on())
    assert graph.invoke(2, on()) == [2, [1, None]]


def test_final_gives_one_value_and_saves_another(store: Store) -> None:
    """Item 8."""

    @entrypoint(checkpointer=store)
    def graph(n, *, previous) -> entrypoint.final[int, int]:
        previous = previous or 0
        return entrypoint.final(value=previous, save=2 * n)

    assert graph.invoke(3, on()) == 0
    assert graph.invoke(1, on()) == 6
    assert graph.get_state(on()).values == 6
    assert list(graph.stream(5, on())) == [{"graph": 2}]


def test_final_without_postponed_annotations() -> None:
    assert entrypoint.final[int, str]
    with pytest.raises(TypeError):
        entrypoint.final[int]  # type: ignore[misc]


def test_a_command_as_a_value_is_a_value(store: Store) -> None:
    """Item 9: it is not interpreted; and it cannot be stored."""
    from hitl.errors import UnstorableValue

    @entrypoint(checkpointer=store)
    def graph(value):
        return Command(resume="yes")

    with pytest.raises(UnstorableValue, match="Command"):
        graph.invoke("in", on())


def test_how_it_presents_itself() -> None:
    @entrypoint()
    def order_tea(value):
        """Order tea.

        With milk."""

    assert order_tea.title == "Order tea"
    assert order_tea.description == "Order tea.\n\nWith milk."
    assert order_tea.input_schema == {}
    assert order_tea.stream_mode == "updates"
