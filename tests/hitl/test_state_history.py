"""`get_state` and `get_state_history`: where a thread stands, and where it stood (items 60 to 63)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest

from hitl.errors import NotFound
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, StateSnapshot, interrupt
from tests.hitl.programs import cancel, facts, on


@pytest.fixture
def graph(store: Store) -> Any:
    @task
    def step(name):
        return name

    @entrypoint(checkpointer=store)
    def graph(value):
        step("a").result()
        return f"{value} {interrupt(f'{value}?')}"

    return graph


def run(graph: Any, value: str = "in", answer: str = "yes", **more: Any) -> None:
    graph.invoke(value, on(**more))
    graph.invoke(Command(resume=answer), on())


def told(snapshot: StateSnapshot) -> tuple[Any, ...]:
    assert snapshot.metadata is not None
    return snapshot.metadata["source"], snapshot.metadata["step"], snapshot.next, snapshot.values


def test_a_thread_that_is_not_there_is_empty(graph: Any) -> None:
    assert graph.get_state(on("nobody")) == StateSnapshot({}, (), on("nobody"), None, None, None, (), ())
    assert list(graph.get_state_history(on("nobody"))) == []


def test_an_interrupted_one(graph: Any) -> None:
    graph.invoke("in", on())
    state = graph.get_state(on())
    assert told(state) == ("input", -1, ("graph",), None)
    assert [one.value for one in state.interrupts] == ["in?"]
    (body,) = state.tasks
    assert (body.name, body.path, body.error, body.interrupts) == (
        "graph",
        ("__pregel_pull", "graph"),
        None,
        state.interrupts,
    )
    assert state.parent_config is None


def test_a_finished_one(graph: Any) -> None:
    run(graph)
    state = graph.get_state(on())
    assert told(state) == ("loop", 0, (), "in yes")
    assert (state.tasks, state.interrupts) == ((), ())
    assert state.parent_config == list(graph.get_state_history(on()))[1].config


def test_the_live_state_is_the_first_of_its_history(graph: Any) -> None:
    run(graph)
    run(graph, "again")
    state, *_ = graph.get_state_history(on())
    assert state._replace(created_at=None) == graph.get_state(on())._replace(created_at=None)


def test_history_is_input_and_loop_newest_first_with_steps_counted(graph: Any) -> None:
    run(graph)
    run(graph, "again", "no")
    assert [told(snapshot) for snapshot in graph.get_state_history(on())] == [
        ("loop", 2, (), "again no"),
        ("input", 1, ("graph",), "in yes"),
        ("loop", 0, (), "in yes"),
        ("input", -1, ("graph",), None),
    ]


def test_each_has_the_one_before_as_its_parent(graph: Any) -> None:
    run(graph)
    run(graph, "again")
    history = list(graph.get_state_history(on()))
    for snapshot, before in pairwise(history):
        assert snapshot.parent_config == before.config
    assert history[-1].parent_config is None


def test_a_record_shows_questions_though_they_are_answered_and_its_result(graph: Any) -> None:
    run(graph)
    _, record = graph.get_state_history(on())
    assert [one.value for one in record.interrupts] == ["in?"]
    assert record.tasks[0].result == "in yes"
    assert graph.get_state(record.config) == record


def test_the_live_state_shows_open_questions_only(graph: Any) -> None:
    run(graph)
    assert graph.get_state(on()).interrupts == ()


def test_limit(graph: Any) -> None:
    run(graph)
    run(graph)
    assert [told(one)[1] for one in graph.get_state_history(on(), limit=3)] == [2, 1, 0]
    assert list(graph.get_state_history(on(), limit=0)) == []


def test_before(graph: Any) -> None:
    run(graph)
    run(graph)
    history = list(graph.get_state_history(on()))
    assert list(graph.get_state_history(on(), before=history[1].config)) == history[2:]
    assert list(graph.get_state_history(on(), before=history[1].config, limit=1)) == history[2:3]


def test_filter_is_by_source_step_and_metadata(graph: Any) -> None:
    run(graph, metadata={"tenant": "shop"})
    run(graph, metadata={"tenant": "bar"})
    sources = graph.get_state_history(on(), filter={"source": "loop"})
    assert [told(one)[1] for one in sources] == [2, 0]
    assert [told(one)[0] for one in graph.get_state_history(on(), filter={"step": 1})] == ["input"]
    of_shop = graph.get_state_history(on(), filter={"tenant": "shop"})
    assert [told(one)[1] for one in of_shop] == [0, -1]


def test_limit_counts_what_passed_the_filter(graph: Any) -> None:
    run(graph)
    run(graph)
    found = graph.get_state_history(on(), filter={"source": "input"}, limit=2)
    assert [told(one)[1] for one in found] == [1, -1]


def test_with_steps_every_fact_is_a_snapshot(graph: Any) -> None:
    run(graph)
    journal = facts(graph.store(), *{fact.kind for fact in graph.store().facts("1")})
    history = list(graph.get_state_history(on(), steps=True))
    assert [one.config["configurable"]["checkpoint_id"] for one in history] == [
        str(fact.seq) for fact in reversed(journal)
    ]
    sources = [told(one)[0] for one in reversed(history)]
    assert sources == ["input", "leg", "task", "question", "pause", "answer", "leg", "loop"]


def test_from_a_checkpoint_history_goes_back_and_its_records_are_whole(graph: Any) -> None:
    run(graph)
    run(graph, "again")
    history = list(graph.get_state_history(on()))
    assert list(graph.get_state_history(history[1].config)) == history[1:]


def test_an_unknown_checkpoint_is_empty(graph: Any) -> None:
    run(graph)
    config = {"configurable": {"thread_id": "1", "checkpoint_id": "999"}}
    state = graph.get_state(config)
    assert (state.values, state.next, state.config, state.metadata) == ({}, (), config, None)
    assert graph.get_state({"configurable": {"thread_id": "nobody", "checkpoint_id": "1"}}).values == {}


def test_what_is_no_id_of_ours_is_told(graph: Any) -> None:
    run(graph)
    with pytest.raises(NotFound, match="1f1e70e2"):
        graph.get_state({"configurable": {"thread_id": "1", "checkpoint_id": "1f1e70e2-51f5"}})


def test_a_failed_one_says_so(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        graph.invoke("in", on())
    (record,) = graph.get_state_history(on())
    assert record.tasks[0].error == graph.get_state(on()).tasks[0].error == "ValueError('boom')"


def test_after_a_cancel_nothing_is_next(graph: Any) -> None:
    run(graph)
    graph.invoke("again", on())
    cancel(graph.store())
    state = graph.get_state(on())
    assert (state.next, state.values, state.interrupts) == ((), "in yes", ())


def test_the_saved_value_is_not_the_threads(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value, *, previous):
        return entrypoint.final(value=value, save=[previous, value])

    graph.invoke("a", on())
    assert graph.get_state(on()).values == "a"
    assert [one.values for one in graph.get_state_history(on())] == ["a", None]
    assert graph.get_state(graph.get_state(on()).config).values == "a"


def test_asynchronous_twins(graph: Any) -> None:
    run(graph)

    async def ask() -> tuple[StateSnapshot, list[StateSnapshot]]:
        history: AsyncIterator[StateSnapshot] = graph.aget_state_history(on(), limit=5)
        return await graph.aget_state(on()), [one async for one in history]

    state, history = asyncio.run(ask())
    assert state == graph.get_state(on())
    assert history == list(graph.get_state_history(on()))
