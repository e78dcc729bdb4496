"""Several questions, one after another, in the body, in tasks and in loops (items 31, 38, 46; rule 13)."""

from __future__ import annotations

from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import on, questions


def test_in_the_body(store: Store) -> None:
    ran: list[str] = []

    @entrypoint(checkpointer=store)
    def graph(value):
        ran.append("start")
        first = interrupt("first?")
        ran.append(first)
        second = interrupt("second?")
        ran.append(second)
        return [first, second, interrupt("third?")]

    ids = set()
    for answer, question in [(None, "first?"), ("a", "second?"), ("b", "third?")]:
        paused = graph.invoke("in" if answer is None else Command(resume=answer), on())
        assert list(questions(paused)) == [question]
        ids.update(questions(paused).values())
    assert len(ids) == 3
    assert graph.invoke(Command(resume="c"), on()) == ["a", "b", "c"]
    assert ran == ["start", "start", "a", "start", "a", "b", "start", "a", "b"]


def test_in_one_task(store: Store) -> None:
    @task
    def form():
        return [interrupt(f"{n}?") for n in range(3)]

    @entrypoint(checkpointer=store)
    def graph(value):
        return form().result()

    assert list(questions(graph.invoke("in", on()))) == ["0?"]
    assert list(questions(graph.invoke(Command(resume="a"), on()))) == ["1?"]
    assert list(questions(graph.invoke(Command(resume="b"), on()))) == ["2?"]
    assert graph.invoke(Command(resume="c"), on()) == ["a", "b", "c"]


def test_in_tasks_one_after_another(store: Store) -> None:
    @task
    def ask(text):
        return interrupt(text)

    @entrypoint(checkpointer=store)
    def graph(value):
        return [ask(f"{n}?").result() for n in range(3)]

    paused = graph.invoke("in", on())
    seen = questions(paused)
    for answer in "ab":
        paused = graph.invoke(Command(resume=answer), on())
        assert len(questions(paused)) == 1
        assert not set(seen.values()) & set(questions(paused).values())
        seen |= questions(paused)
    assert graph.invoke(Command(resume="c"), on()) == ["a", "b", "c"]
    assert list(seen) == ["0?", "1?", "2?"]


def test_in_the_body_and_in_a_task(store: Store) -> None:
    @task
    def ask(text):
        return interrupt(text)

    @entrypoint(checkpointer=store)
    def graph(value):
        return [interrupt("body 1?"), ask("task?").result(), interrupt("body 2?")]

    assert list(questions(graph.invoke("in", on()))) == ["body 1?"]
    assert list(questions(graph.invoke(Command(resume=1), on()))) == ["task?"]
    assert list(questions(graph.invoke(Command(resume=2), on()))) == ["body 2?"]
    assert graph.invoke(Command(resume=3), on()) == [1, 2, 3]


def test_the_same_text_asked_again_until_it_fits(store: Store) -> None:
    """The validation loop: the same words at the next place are another question, with another id."""
    runs = []

    @entrypoint(checkpointer=store)
    def graph(value):
        runs.append(1)
        age = interrupt("Your age?")
        while not isinstance(age, int):
            age = interrupt("Your age?")
        return age

    first = questions(graph.invoke("in", on()))
    second = questions(graph.invoke(Command(resume="old"), on()))
    third = questions(graph.invoke(Command(resume="very"), on()))
    assert len({*first.values(), *second.values(), *third.values()}) == 3
    assert graph.invoke(Command(resume=42), on()) == 42
    assert len(runs) == 4


def test_an_old_id_answers_no_new_question(store: Store) -> None:
    """Departure o."""
    import pytest

    from hitl.errors import AlreadyAnswered

    @entrypoint(checkpointer=store)
    def graph(value):
        return [interrupt("ok?"), interrupt("ok?")]

    (old,) = questions(graph.invoke("in", on())).values()
    (new,) = questions(graph.invoke(Command(resume={old: "yes"}), on())).values()
    with pytest.raises(AlreadyAnswered, match="code"):
        graph.invoke(Command(resume={old: "yes"}), on())
    assert list(questions(graph.invoke(None, on())).values()) == [new]
