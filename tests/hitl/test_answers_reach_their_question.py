"""Rule 13: an answer reaches only the question it was given to."""

from __future__ import annotations

from functools import partial
from itertools import count

import pytest

from hitl import answering
from hitl.answering import Given
from hitl.errors import NonDeterminism, StaleAnswer
from hitl.facts import Author
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import facts, on, questions


def test_another_text_at_its_place_is_non_determinism_and_the_answer_stays(store: Store) -> None:
    text = "Pay 10?"
    delivered = []

    @entrypoint(checkpointer=store)
    def graph(value):
        delivered.append(interrupt(text))
        return delivered[-1]

    graph.invoke("in", on())
    text = "Pay 10,000?"
    with pytest.raises(NonDeterminism, match="belongs to another text"):
        graph.invoke(Command(resume="yes"), on())
    assert delivered == []
    assert [fact.value for fact in facts(store, "answer")] == ['"yes"']
    text = "Pay 10?"
    assert graph.invoke(None, on()) == "yes"


def test_a_question_inserted_before_an_answered_one(store: Store) -> None:
    """LangGraph gives the new question the old one's answer (item 38)."""
    inserted = False

    @entrypoint(checkpointer=store)
    def graph(value):
        new = [interrupt("Delete everything?")] if inserted else []
        return [*new, interrupt("Send a copy?"), interrupt("Done?")]

    graph.invoke("in", on())
    graph.invoke(Command(resume="yes"), on())
    inserted = True
    with pytest.raises(NonDeterminism):
        graph.invoke(Command(resume="yes"), on())


def test_an_answer_whose_question_is_gone_is_not_lost_in_silence(store: Store) -> None:
    asks = True

    @entrypoint(checkpointer=store)
    def graph(value):
        return interrupt("ok?") if asks else "went on"

    graph.invoke("in", on())
    asks = False
    with pytest.raises(NonDeterminism, match="reached no question"):
        graph.invoke(Command(resume="yes"), on())
    asks = True
    assert graph.invoke(None, on()) == "yes"


def test_a_key_finds_a_question_whose_text_varies(store: Store) -> None:
    clock = count(1)

    @entrypoint(checkpointer=store)
    def graph(value):
        return interrupt(f"It is {next(clock)} o'clock. Go on?", key="go-on")

    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == "yes"


def test_keyed_questions_may_change_places(store: Store) -> None:
    order = ["a", "b"]

    @task
    def ask(key):
        return interrupt(f"{key}?", key=key)

    @entrypoint(checkpointer=store)
    def graph(value):
        answers = {key: interrupt(f"{key}?", key=key) for key in order}
        return [answers["a"], answers["b"], interrupt("done?")]

    graph.invoke("in", on())
    graph.invoke(Command(resume=1), on())
    graph.invoke(Command(resume=2), on())
    order.reverse()
    assert graph.invoke(Command(resume=3), on()) == [1, 2, 3]


def test_a_key_used_again_is_another_question(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return [interrupt("more?", key="more") for _ in range(2)]

    first = questions(graph.invoke("in", on()))
    second = questions(graph.invoke(Command(resume=1), on()))
    assert set(first.values()).isdisjoint(second.values())
    assert graph.invoke(Command(resume=2), on()) == [1, 2]


def test_a_pending_question_whose_text_changes_takes_it_one_version_on(store: Store) -> None:
    prices = count(10)

    @task
    def other():
        return interrupt("other?")

    @entrypoint(checkpointer=store)
    def graph(value):
        future = other()
        answer = interrupt(f"Buy at {next(prices)}?")
        return [answer, future.result()]

    ids = questions(graph.invoke("in", on()))
    again = questions(graph.invoke(Command(resume={ids["other?"]: 0}), on()))
    assert again == {"Buy at 11?": ids["Buy at 10?"]}
    question = store.question(ids["Buy at 10?"])
    assert (question.version, question.status) == (2, "pending")


def test_a_text_that_changes_while_its_question_is_answered_does_not_drop_the_answer(store: Store) -> None:
    """The answer comes in the middle of the leg that would ask with another text."""
    passes = count(1)
    asked: dict[str, str] = {}
    delivered = []

    @task
    def other():
        return interrupt("Another?")

    @entrypoint(checkpointer=store)
    def graph(value):
        first, number = other(), next(passes)
        if number == 2:
            given = {asked["Day 1?"]: Given("yes")}
            answer = partial(answering.answer, given=given, author=Author(None, "ana", "web"))
            store.submit(partial(store.transact, "1", answer, closed=True)).result()
        delivered.append(interrupt(f"Day {number}?", key="day"))
        return [first.result(), delivered[-1]]

    asked |= questions(graph.invoke("in", on()))
    assert graph.invoke(Command(resume={asked["Another?"]: "sure"}), on()) == ["sure", "yes"]
    assert delivered == ["yes"]
    assert store.question(asked["Day 1?"]).version == 1


@pytest.mark.django_db
def test_an_answer_to_the_older_version_is_refused() -> None:
    from hitl import verbs
    from hitl.checkpoint.database import saver
    from hitl.testing import inline

    prices = count(10)

    @task
    def other():
        return interrupt("other?")

    @entrypoint()
    def graph(value):
        future = other()
        return [interrupt(f"Buy at {next(prices)}?"), future.result()]

    with inline():
        ids = questions(graph.invoke("in", on()))
        graph.invoke(Command(resume={ids["other?"]: 0}), on())
    with pytest.raises(StaleAnswer, match="version 2"):
        verbs.answer(ids["Buy at 10?"], "yes", version=1)
    assert saver().question(ids["Buy at 10?"]).answer is None


def test_a_pending_question_that_stays_the_same_stays_the_same(store: Store) -> None:
    @task
    def other():
        return interrupt("other?")

    @entrypoint(checkpointer=store)
    def graph(value):
        future = other()
        return [interrupt("ok?"), future.result()]

    ids = questions(graph.invoke("in", on()))
    assert questions(graph.invoke(Command(resume={ids["other?"]: 0}), on())) == {"ok?": ids["ok?"]}
    assert store.question(ids["ok?"]).version == 1
    assert len(facts(store, "question")) == 2
