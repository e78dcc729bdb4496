"""`update_state`: a turn is closed by hand, an input queued, a checkpoint copied (item 65)."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from hitl import answering
from hitl.errors import NothingPending, QuestionHeld, ThreadBusy, UnstorableValue, WrongWorkflow
from hitl.facts import Author
from hitl.func import entrypoint
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import facts, on, questions


@pytest.fixture
def graph(store: Store) -> Any:
    @entrypoint(checkpointer=store)
    def graph(value, *, previous=None):
        return [value, previous, interrupt("Go on?")]

    return graph


def test_it_is_as_if_the_turn_had_returned_that(graph: Any) -> None:
    question_id = questions(graph.invoke("in", on()))["Go on?"]
    config = graph.update_state(on(), {"done": True})
    state = graph.get_state(on())
    assert (state.values, state.next, state.interrupts) == ({"done": True}, (), ())
    assert state.config == config and state.metadata["source"] == "update"
    assert graph.store().question(question_id).status == "cancelled"


def test_the_next_turn_gets_it_as_previous(graph: Any) -> None:
    graph.invoke("in", on())
    graph.update_state(on(), "by hand")
    graph.invoke("again", on())
    assert graph.invoke(Command(resume=1), on()) == ["again", "by hand", 1]


def test_on_an_idle_thread_it_replaces_the_value(graph: Any) -> None:
    graph.invoke("in", on())
    graph.invoke(Command(resume=1), on())
    graph.update_state(on(), "by hand", as_node="graph")
    assert graph.invoke(None, on()) == "by hand"


def test_an_answer_has_nowhere_to_go_then(graph: Any) -> None:
    graph.invoke("in", on())
    graph.update_state(on(), "by hand")
    with pytest.raises(NothingPending):
        graph.invoke(Command(resume=1), on())


def test_a_new_thread_begins_with_it(graph: Any) -> None:
    graph.update_state(on(), "seed")
    assert graph.get_state(on()).values == "seed"
    assert graph.get_state(on()).metadata["source"] == "update"
    graph.invoke("in", on())
    assert graph.invoke(Command(resume=1), on()) == ["in", "seed", 1]


def test_that_thread_belongs_to_the_workflow(graph: Any, store: Store) -> None:
    @entrypoint(checkpointer=store)
    def other(value):
        return value

    graph.update_state(on(), "seed")
    for call in (lambda: other.invoke("in", on()), lambda: other.update_state(on(), 1)):
        with pytest.raises(WrongWorkflow):
            call()


def test_as_input_it_waits_to_be_run(graph: Any) -> None:
    graph.invoke("in", on())
    graph.update_state(on(), "queued", as_node="__input__")
    assert graph.get_state(on()).next == ("graph",)
    assert list(questions(graph.invoke(None, on()))) == ["Go on?"]
    assert graph.invoke(Command(resume=1), on()) == ["queued", None, 1]


def test_as_input_on_a_new_thread(graph: Any) -> None:
    graph.update_state(on(), "queued", as_node="__input__")
    graph.invoke(None, on())
    assert graph.invoke(Command(resume=1), on()) == ["queued", None, 1]


def test_as_input_at_an_old_checkpoint_previous_is_of_then(graph: Any) -> None:
    for value in ("one", "two"):
        graph.invoke(value, on())
        graph.invoke(Command(resume=1), on())
    first_output = [one for one in graph.get_state_history(on()) if one.metadata["source"] == "loop"][-1]
    graph.update_state(first_output.config, "three", as_node="__input__")
    graph.invoke(None, on())
    assert graph.invoke(Command(resume=3), on()) == ["three", ["one", None, 1], 3]


def test_as_end_with_none_it_ends_the_turn_without_a_value(graph: Any) -> None:
    graph.invoke("one", on())
    graph.invoke(Command(resume=1), on())
    graph.invoke("two", on())
    graph.update_state(on(), None, as_node="__end__")
    state = graph.get_state(on())
    assert (state.values, state.next, state.interrupts) == (["one", None, 1], (), ())


def test_as_copy_it_forks_from_the_checkpoint(graph: Any) -> None:
    graph.invoke("in", on())
    paused = graph.get_state(on()).config
    graph.invoke(Command(resume=1), on())
    graph.update_state(paused, None, as_node="__copy__")
    assert graph.get_state(on()).metadata["source"] == "fork"
    assert list(questions(graph.invoke(None, on()))) == ["Go on?"]
    assert graph.invoke(Command(resume=2), on()) == ["in", None, 2]


def test_as_copy_of_a_finished_one_it_stands_there(graph: Any) -> None:
    graph.invoke("in", on())
    graph.invoke(Command(resume=1), on())
    graph.update_state(on(), None, as_node="__copy__")
    state = graph.get_state(on())
    assert (state.values, state.next) == (["in", None, 1], ())


def test_a_node_that_is_not_there(graph: Any) -> None:
    graph.invoke("in", on())
    with pytest.raises(ValueError, match="Node nope does not exist"):
        graph.update_state(on(), 1, as_node="nope")
    with pytest.raises(ValueError, match="__end__ with None"):
        graph.update_state(on(), 1, as_node="__end__")


def test_a_value_that_cannot_be_stored_changes_nothing(graph: Any) -> None:
    graph.invoke("in", on())
    with pytest.raises(UnstorableValue, match="values"):
        graph.update_state(on(), object())
    assert list(questions(graph.invoke(None, on()))) == ["Go on?"]


@pytest.mark.parametrize("as_node", [None, "__input__", "__end__", "__copy__"])
def test_refused_while_it_runs(graph: Any, as_node: str | None) -> None:
    graph.update_state(on(), "queued", as_node="__input__")
    before = graph.store().thread("1").seq
    with pytest.raises(ThreadBusy):
        graph.update_state(on(), None, as_node=as_node)
    assert graph.store().thread("1").seq == before


@pytest.mark.parametrize("as_node", [None, "__input__", "__end__", "__copy__"])
def test_refused_while_an_answer_can_be_undone(graph: Any, as_node: str | None) -> None:
    """Rule 22."""
    question_id = questions(graph.invoke("in", on()))["Go on?"]
    given = {question_id: answering.Given(1, 1)}
    hold = partial(answering.answer, given=given, author=Author(None, "ana", "web"), hold_seconds=60)
    graph.store().transact("1", hold)
    with pytest.raises(QuestionHeld, match="ana"):
        graph.update_state(on(), None, as_node=as_node)


def test_the_asynchronous_twin(graph: Any) -> None:
    graph.invoke("in", on())
    asyncio.run(graph.aupdate_state(on(), "by hand"))
    assert graph.get_state(on()).values == "by hand"
    assert len(facts(graph.store(), "update")) == 1
