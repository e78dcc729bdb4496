"""Going back: a run goes on from any checkpoint, also one in its middle; nothing finished runs again (rule 11)."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest

from hitl import answering, transitions
from hitl.errors import (
    AlreadyAnswered,
    AmbiguousAnswer,
    EmptyInput,
    NotFound,
    NothingPending,
    QuestionHeld,
    ThreadBusy,
    WrongWorkflow,
)
from hitl.facts import Author
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, StateSnapshot, interrupt
from tests.hitl.journals import gapless
from tests.hitl.programs import facts, on, questions


@pytest.fixture
def ran() -> list[str]:
    return []


@pytest.fixture
def graph(store: Store, ran: list[str]) -> Any:
    """a, a question, b, a question, c."""

    @task
    def step(name):
        ran.append(name)
        return name

    @entrypoint(checkpointer=store)
    def graph(value, *, previous=None):
        step("a").result()
        first = interrupt("first?")
        step("b").result()
        second = interrupt("second?")
        step("c").result()
        return [value, first, second, previous]

    return graph


def run(graph: Any, value: str = "in") -> Any:
    graph.invoke(value, on())
    graph.invoke(Command(resume=1), on())
    return graph.invoke(Command(resume=2), on())


def config_of(graph: Any, kind: str, *, nth: int = 0) -> dict[str, Any]:
    """The address of the n-th fact of this kind."""
    fact = facts(graph.store(), kind)[nth]
    return {"configurable": {"thread_id": "1", "checkpoint_id": str(fact.seq)}}


def input_of(graph: Any) -> StateSnapshot:
    return next(one for one in graph.get_state_history(on()) if one.metadata["source"] == "input")


def test_from_the_input_everything_is_asked_again_under_new_ids(graph: Any, ran: list[str]) -> None:
    before = questions(graph.invoke("in", on()))
    graph.invoke(Command(resume=1), on())
    graph.invoke(Command(resume=2), on())
    ran.clear()
    asked = questions(graph.invoke(None, input_of(graph).config))
    assert list(asked) == ["first?"] and asked["first?"] != before["first?"]
    assert ran == ["a"]


def test_it_becomes_the_head_and_is_answered_without_a_checkpoint(graph: Any) -> None:
    run(graph)
    graph.invoke(None, input_of(graph).config)
    assert list(questions(graph.invoke(Command(resume=7), on()))) == ["second?"]
    assert graph.invoke(Command(resume=8), on()) == ["in", 7, 8, None]
    assert graph.get_state(on()).values == ["in", 7, 8, None]


def test_history_shows_the_fork(graph: Any) -> None:
    run(graph)
    graph.invoke(None, input_of(graph).config)
    sources = [one.metadata["source"] for one in graph.get_state_history(on())]
    assert sources == ["fork", "loop", "input"]
    assert graph.get_state(on()).metadata["source"] == "fork"


def test_from_the_middle_what_was_finished_by_then_does_not_run_again(graph: Any, ran: list[str]) -> None:
    run(graph)
    ran.clear()
    after_b = config_of(graph, "task", nth=1)
    assert list(questions(graph.invoke(None, after_b))) == ["second?"]
    assert ran == []
    assert graph.invoke(Command(resume=9), on()) == ["in", 1, 9, None]
    assert ran == ["c"]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_from_any_fact_at_all(graph: Any, durability: str) -> None:
    """With `steps`, every fact is an address; the outcome is that of a run with the answers given by then."""
    assert run(graph) == ["in", 1, 2, None]
    for snapshot in reversed(list(graph.get_state_history(on(), steps=True))):
        result = graph.invoke(None, snapshot.config, durability=durability)
        while asked := questions(result):
            answer = {"first?": 1, "second?": 2}[next(iter(asked))]
            result = graph.invoke(Command(resume=answer), on(), durability=durability)
        assert result == ["in", 1, 2, None], snapshot.metadata
    assert gapless(graph.store(), "1")


def test_forks_of_forks(graph: Any, ran: list[str]) -> None:
    run(graph)
    graph.invoke(None, config_of(graph, "task", nth=1))
    assert graph.invoke(Command(resume=9), on()) == ["in", 1, 9, None]
    # From within that fork, and from a fork of it again.
    for answer in (10, 11):
        ran.clear()
        fork = config_of(graph, "fork", nth=-1)
        assert list(questions(graph.invoke(None, fork))) == ["second?"]
        assert graph.invoke(Command(resume=answer), on()) == ["in", 1, answer, None]
        assert ran == ["c"]
    assert gapless(graph.store(), "1")


def test_a_result_of_the_abandoned_branch_is_not_the_new_ones(graph: Any, ran: list[str]) -> None:
    """c ran there; here it runs anew."""
    run(graph)
    graph.invoke(None, config_of(graph, "task", nth=1))
    ran.clear()
    graph.invoke(Command(resume=9), on())
    assert ran == ["c"]


def test_command_at_an_old_checkpoint_answers_what_was_open_there(graph: Any, ran: list[str]) -> None:
    """Not with the old answer, as LangGraph does (item 64)."""
    run(graph)
    ran.clear()
    paused = config_of(graph, "pause")
    assert list(questions(graph.invoke(Command(resume="x"), paused))) == ["second?"]
    assert graph.invoke(Command(resume="y"), on()) == ["in", "x", "y", None]
    assert ran == ["b", "c"]


def test_a_map_may_use_the_ids_of_then(graph: Any) -> None:
    first = questions(graph.invoke("in", on()))["first?"]
    graph.invoke(Command(resume=1), on())
    paused = config_of(graph, "pause")
    graph.invoke(Command(resume={first: "x"}), paused)
    assert graph.invoke(Command(resume="y"), on()) == ["in", "x", "y", None]


def test_the_question_of_the_abandoned_branch_is_closed(graph: Any) -> None:
    graph.invoke("in", on())
    old = questions(graph.invoke(Command(resume=1), on()))["second?"]
    graph.invoke(None, config_of(graph, "pause"))
    assert graph.store().question(old).status == "cancelled"
    assert [one.value for one in graph.get_state(on()).interrupts] == ["first?"]


def test_an_answer_with_nothing_open_there_starts_nothing(graph: Any) -> None:
    run(graph)
    before = graph.store().thread("1").seq
    with pytest.raises((NothingPending, AlreadyAnswered)):
        graph.invoke(Command(resume="x"), config_of(graph, "task"))
    assert graph.store().thread("1").seq == before


def test_a_command_that_says_nothing_starts_nothing(graph: Any) -> None:
    run(graph)
    before = graph.store().thread("1").seq
    with pytest.raises(EmptyInput):
        graph.invoke(Command(), config_of(graph, "pause"))
    assert graph.store().thread("1").seq == before


def test_one_answer_for_several_questions_of_then_is_refused(store: Store) -> None:
    @task
    def ask(name):
        return interrupt(name)

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [ask("a?"), ask("b?")]
        return [future.result() for future in futures]

    ids = questions(graph.invoke("in", on()))
    graph.invoke(Command(resume={ids["a?"]: 1, ids["b?"]: 2}), on())
    with pytest.raises(AmbiguousAnswer):
        graph.invoke(Command(resume="x"), config_of(graph, "pause"))
    assert graph.invoke(Command(resume={ids["a?"]: 3, ids["b?"]: 4}), config_of(graph, "pause")) == [3, 4]


def test_a_new_input_at_an_old_checkpoint_is_the_turn_that_followed_it(graph: Any) -> None:
    """Its `previous` is what was saved by then."""
    run(graph, "one")
    first_output = graph.get_state(on()).config
    run(graph, "two")
    graph.invoke("three", first_output)
    graph.invoke(Command(resume=5), on())
    assert graph.invoke(Command(resume=6), on()) == ["three", 5, 6, ["one", 1, 2, None]]


def test_and_previous_stays_so_in_forks_of_that_turn_and_in_the_turn_after_a_cancel(graph: Any) -> None:
    run(graph, "one")
    first_output = graph.get_state(on()).config
    run(graph, "two")
    graph.invoke("three", first_output)
    graph.invoke(None, config_of(graph, "input", nth=-1))
    graph.invoke(Command(resume=5), on())
    assert graph.invoke(Command(resume=6), on())[3] == ["one", 1, 2, None]
    graph.invoke("four", first_output)
    graph.store().transact("1", partial(transitions.cancel, author=Author()), closed=True)
    assert run(graph, "five")[3] == ["one", 1, 2, None]
    graph.invoke(None, config_of(graph, "input", nth=-1))
    graph.invoke(Command(resume=5), on())
    assert graph.invoke(Command(resume=6), on())[3] == ["one", 1, 2, None]


def test_a_finished_checkpoint_is_stood_at_again_and_runs_nothing(graph: Any, ran: list[str]) -> None:
    run(graph, "one")
    first_output = graph.get_state(on()).config
    run(graph, "two")
    ran.clear()
    assert graph.invoke(None, first_output) == ["one", 1, 2, None]
    assert ran == []
    state = graph.get_state(on())
    assert (state.values, state.next) == (["one", 1, 2, None], ())
    assert run(graph, "three")[3] == ["one", 1, 2, None]


def test_with_the_saved_value_of_then(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value, *, previous):
        return entrypoint.final(value=[value, previous], save=f"saved {value}")

    graph.invoke("one", on())
    first = graph.get_state(on()).config
    graph.invoke("two", on())
    assert graph.invoke(None, first) == ["one", None]
    assert graph.invoke("three", on()) == ["three", "saved one"]


def test_where_it_stands_anyway_is_no_fork(graph: Any) -> None:
    graph.invoke("in", on())
    here = graph.get_state(on()).config
    assert list(questions(graph.invoke(Command(resume=1), here))) == ["second?"]
    run_on = graph.get_state(on()).config
    assert graph.invoke(Command(resume=2), run_on) == ["in", 1, 2, None]
    assert graph.invoke(None, graph.get_state(on()).config) == ["in", 1, 2, None]
    assert facts(graph.store(), "fork") == []


def test_nor_is_it_because_somebody_was_asked_to_see_to_it(graph: Any) -> None:
    question_id = questions(graph.invoke("in", on()))["first?"]
    here = graph.get_state(on()).config
    assign = partial(answering.assign, question_id=question_id, to="7", to_name="ana", author=Author())
    if type(graph.store()).__name__ == "DatabaseSaver":
        assign = partial(assign, to=None)
        assign.keywords["to"] = None
    graph.store().transact("1", assign)
    graph.invoke(Command(resume=1), here)
    assert facts(graph.store(), "fork") == []


def test_from_an_error_it_tries_again(store: Store) -> None:
    ran: list[str] = []

    @task
    def good():
        ran.append("good")

    @task
    def bad():
        ran.append("bad")
        if ran.count("bad") < 2:
            raise ValueError("bad")
        return "better"

    @entrypoint(checkpointer=store)
    def graph(value):
        good().result()
        return bad().result()

    with pytest.raises(ValueError, match="bad"):
        graph.invoke("in", on())
    assert graph.invoke(None, config_of(graph, "task")) == "better"
    assert ran == ["good", "bad", "bad"]


def test_an_answer_that_was_given_back_is_open_there(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        answer = interrupt("How many?")
        if answer < 1:
            raise ValueError(answer)
        return answer

    graph.invoke("in", on())
    with pytest.raises(ValueError):
        graph.invoke(Command(resume=0), on())
    given_back = config_of(graph, "reopen")
    graph.invoke(Command(resume=1), on())
    assert graph.invoke(Command(resume=2), given_back) == 2


def test_refused_while_it_runs(graph: Any) -> None:
    run(graph)
    at = config_of(graph, "pause")
    graph.update_state(on(), "new", as_node="__input__")
    for value in (None, Command(resume=1), "new"):
        with pytest.raises(ThreadBusy):
            graph.invoke(value, at)


def test_refused_while_an_answer_can_be_undone(graph: Any) -> None:
    """Rule 22."""
    question_id = questions(graph.invoke("in", on()))["first?"]
    given = {question_id: answering.Given(1, 1)}
    hold = partial(answering.answer, given=given, author=Author(None, "ana", "web"), hold_seconds=60)
    graph.store().transact("1", hold)
    for value in (None, "new"):
        with pytest.raises(QuestionHeld, match="ana"):
            graph.invoke(value, config_of(graph, "input"))


def test_there_is_no_such_checkpoint(graph: Any) -> None:
    run(graph)
    for checkpoint_id in ("999", "0", "nonsense"):
        with pytest.raises(NotFound, match=checkpoint_id):
            graph.invoke(None, {"configurable": {"thread_id": "1", "checkpoint_id": checkpoint_id}})


def test_another_workflow_cannot(graph: Any, store: Store) -> None:
    @entrypoint(checkpointer=store)
    def other(value):
        return value

    run(graph)
    with pytest.raises(WrongWorkflow):
        other.invoke(None, config_of(graph, "task"))


def test_stream_shows_what_the_fork_does(graph: Any) -> None:
    run(graph)
    graph.invoke(None, config_of(graph, "task", nth=1))
    chunks = list(graph.stream(Command(resume=9), on()))
    assert chunks == [{"step": "c"}, {"graph": ["in", 1, 9, None]}]


def test_a_timer_of_the_base_is_over(store: Store) -> None:
    from hitl.func import sleep_for

    @entrypoint(checkpointer=store)
    def graph(value):
        sleep_for(0.03)
        return interrupt("Rested?")

    graph.invoke("in", on())
    graph.invoke(None, config_of(graph, "timer"))
    assert len(facts(store, "timer")) == 1


def test_asynchronous_bodies_too(store: Store) -> None:
    ran: list[str] = []

    @task
    async def step(name):
        ran.append(name)
        return name

    @entrypoint(checkpointer=store)
    async def graph(value):
        await step("a")
        answer = interrupt("Go on?")
        await step("b")
        return answer

    async def main() -> Any:
        await graph.ainvoke("in", on())
        state = await graph.aget_state(on())
        await graph.ainvoke(Command(resume=1), on())
        return await graph.ainvoke(Command(resume=2), state.config)

    assert asyncio.run(main()) == 2
    assert ran == ["a", "b", "b"]
