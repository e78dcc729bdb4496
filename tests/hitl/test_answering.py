"""Answering in code: any JSON value, to a pending question, once (rule 19; departures a, b, g, k, l)."""

from __future__ import annotations

from typing import Any

import pytest

from hitl.errors import (
    AlreadyAnswered,
    AmbiguousAnswer,
    EmptyInput,
    HitlError,
    NothingPending,
    UnknownThread,
    WrongWorkflow,
)
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import facts, on, questions


def asking(store: Store) -> Any:
    @entrypoint(checkpointer=store)
    def graph(value):
        return [value, interrupt("ok?")]

    return graph


@pytest.mark.parametrize("answer", [None, {}, [], 0, "", False, {"a": 1}, [None], "yes", 1.5])
def test_any_json_value_is_an_answer(store: Store, answer: Any) -> None:
    graph = asking(store)
    graph.invoke("in", on())
    assert graph.invoke(Command(resume=answer), on()) == ["in", answer]


def test_a_dict_with_keys_like_ids_is_an_answer_too(store: Store) -> None:
    """LangGraph drops it (item 44)."""
    graph = asking(store)
    graph.invoke("in", on())
    answer = {"0" * 32: "yes"}
    assert graph.invoke(Command(resume=answer), on()) == ["in", answer]


def test_a_command_with_nothing_in_it_is_an_error(store: Store) -> None:
    graph = asking(store)
    graph.invoke("in", on())
    with pytest.raises(EmptyInput):
        graph.invoke(Command(), on())
    assert graph.get_state(on()).interrupts


def test_nothing_pending_nothing_resumed(store: Store) -> None:
    """Departure a: a second click can never approve the next request."""
    graph = asking(store)
    with pytest.raises(UnknownThread):
        graph.invoke(Command(resume="APPROVED"), on())
    graph.invoke("small", on())
    assert graph.invoke(Command(resume="APPROVED"), on()) == ["small", "APPROVED"]
    seq = store.thread("1").seq
    with pytest.raises(HitlError) as refused:
        graph.invoke(Command(resume="APPROVED-AGAIN"), on())
    assert isinstance(refused.value, (AlreadyAnswered, NothingPending))
    assert store.thread("1").seq == seq
    assert list(questions(graph.invoke("HUGE WIRE", on()))) == ["ok?"]


def test_a_consumed_answer_is_not_given_again(store: Store) -> None:
    """LangGraph answers the second question with the first one's (item 51)."""

    @entrypoint(checkpointer=store)
    def graph(value):
        return [interrupt("a?"), interrupt("b?")]

    graph.invoke("in", on())
    graph.invoke(Command(resume="A"), on())
    assert list(questions(graph.invoke(None, on()))) == ["b?"]


def test_the_second_answer_is_told_who_and_what(store: Store) -> None:
    graph = asking(store)
    ids = questions(graph.invoke("in", on()))
    graph.invoke(Command(resume={ids["ok?"]: "yes"}), on())
    with pytest.raises(AlreadyAnswered, match="was answered by code at") as refused:
        graph.invoke(Command(resume={ids["ok?"]: "no"}), on())
    assert refused.value.answered_by == "code"
    assert refused.value.answer == "yes"
    assert refused.value.answered_at is not None
    assert refused.value.status == 409


def test_every_answer_has_an_author_a_channel_and_what_stood_before(store: Store) -> None:
    graph = asking(store)
    graph.invoke("in", on())
    graph.invoke(Command(resume="yes"), on())
    (answer,) = facts(store, "answer")
    assert (answer.detail["by_name"], answer.detail["channel"]) == ("code", "code")
    assert (answer.detail["version"], answer.detail["before"], answer.value) == (1, None, '"yes"')
    assert answer.created_at.tzinfo is not None


def test_one_value_for_several_questions_is_refused(store: Store) -> None:
    @task
    def ask(text):
        return interrupt(text)

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [ask("a?"), ask("b?")]
        return [future.result() for future in futures]

    ids = questions(graph.invoke("in", on()))
    with pytest.raises(AmbiguousAnswer) as refused:
        graph.invoke(Command(resume="yes"), on())
    assert all(question_id in str(refused.value) for question_id in ids.values())


def test_a_map_is_taken_whole_or_not_at_all(store: Store) -> None:
    @task
    def ask(text):
        return interrupt(text)

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [ask("a?"), ask("b?")]
        return [future.result() for future in futures]

    ids = questions(graph.invoke("in", on()))
    graph.invoke(Command(resume={ids["a?"]: 1}), on())
    with pytest.raises(AlreadyAnswered):
        graph.invoke(Command(resume={ids["b?"]: 2, ids["a?"]: 1}), on())
    assert store.question(ids["b?"]).status == "pending"
    assert graph.invoke(Command(resume={ids["b?"]: 2}), on()) == [1, 2]


def test_ids_of_another_thread_are_not_a_map_for_this_one(store: Store) -> None:
    graph = asking(store)
    foreign = questions(graph.invoke("in", on("1")))
    graph.invoke("in", on("2"))
    answer = {foreign["ok?"]: "yes"}
    assert graph.invoke(Command(resume=answer), on("2")) == ["in", answer]
    assert store.question(foreign["ok?"]).status == "pending"


def test_a_thread_belongs_to_its_workflow(store: Store) -> None:
    """Departure g, rule 9."""

    @entrypoint(checkpointer=store)
    def other(value):
        return "other"

    graph = asking(store)
    graph.invoke("in", on())
    for call in [Command(resume="yes"), "new input", None]:
        with pytest.raises(WrongWorkflow, match="other"):
            other.invoke(call, on())
    assert graph.invoke(Command(resume="yes"), on()) == ["in", "yes"]


def test_new_input_gives_up_an_open_question(store: Store) -> None:
    """Item 48; and the old question cannot be answered any more."""
    from hitl.errors import QuestionClosed

    graph = asking(store)
    old = questions(graph.invoke("old", on()))
    new = questions(graph.invoke("new", on()))
    assert old["ok?"] != new["ok?"]
    with pytest.raises(QuestionClosed):
        graph.invoke(Command(resume={old["ok?"]: "yes"}), on())
    assert graph.invoke(Command(resume="yes"), on()) == ["new", "yes"]


@pytest.mark.race
def test_of_two_answers_at_once_one_wins_and_the_effect_happens_once(store: Store) -> None:
    from tests.hitl.racing import at_once

    effects: list[str] = []

    @task
    def effect(who):
        effects.append(who)
        return who

    @entrypoint(checkpointer=store)
    def graph(value):
        return effect(interrupt("who?")).result()

    ids = questions(graph.invoke("in", on()))

    def answer(name: str) -> Any:
        return graph.invoke(Command(resume={ids["who?"]: name}), on())

    outcomes = at_once(lambda: answer("ana"), lambda: answer("ben"))
    refused = [outcome for outcome in outcomes if isinstance(outcome, AlreadyAnswered)]
    assert len(refused) == 1
    assert [outcome for outcome in outcomes if outcome not in refused] == effects
    assert effects[0] == refused[0].answer
