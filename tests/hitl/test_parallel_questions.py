"""Parallel questions are all visible, and answering one runs nothing that the others wait in.

Departures c and d, rule 17: a call is parked iff open questions lie at or below it and none is newly answered.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import on, questions


def program(store: Store, ran: Counter[str]) -> Any:
    @task
    def check(name):
        ran[f"check {name}"] += 1
        return f"checked {name}"

    @task
    def ask(name):
        ran[name] += 1
        checked = check(name).result()
        return f"{checked}: {interrupt(f'{name}?')}"

    @entrypoint(checkpointer=store)
    def graph(names):
        ran["body"] += 1
        futures = [ask(name) for name in names]
        return [future.result() for future in futures]

    return graph


NAMES = ["a", "b", "c"]


def test_all_are_visible(store: Store) -> None:
    graph = program(store, Counter())
    chunks = list(graph.stream(NAMES, on()))
    (asked,) = [chunk["__interrupt__"] for chunk in chunks if "__interrupt__" in chunk]
    assert sorted(i.value for i in asked) == ["a?", "b?", "c?"]
    assert {i.id for i in graph.get_state(on()).interrupts} == {i.id for i in asked}
    assert set(questions(graph.invoke(None, on()))) == {"a?", "b?", "c?"}


def test_a_partial_resume_parks_the_others(store: Store) -> None:
    ran: Counter[str] = Counter()
    graph = program(store, ran)
    ids = questions(graph.invoke(NAMES, on()))
    assert ran == Counter({"body": 1, **dict.fromkeys(NAMES, 1), **{f"check {name}": 1 for name in NAMES}})
    left = questions(graph.invoke(Command(resume={ids["b?"]: "B"}), on()))
    assert left == {"a?": ids["a?"], "c?": ids["c?"]}
    assert (ran["body"], ran["a"], ran["b"], ran["c"]) == (2, 1, 2, 1)
    left = questions(graph.invoke(Command(resume={ids["c?"]: "C"}), on()))
    assert left == {"a?": ids["a?"]}
    assert (ran["body"], ran["a"], ran["b"], ran["c"]) == (3, 1, 2, 2)
    done = graph.invoke(Command(resume="A"), on())
    assert done == ["checked a: A", "checked b: B", "checked c: C"]
    assert (ran["body"], ran["a"], ran["b"], ran["c"]) == (4, 2, 2, 2)
    assert [ran[f"check {name}"] for name in NAMES] == [1, 1, 1]


def test_all_at_once(store: Store) -> None:
    ran: Counter[str] = Counter()
    graph = program(store, ran)
    ids = questions(graph.invoke(NAMES, on()))
    answers = {ids[f"{name}?"]: name.upper() for name in NAMES}
    assert graph.invoke(Command(resume=answers), on()) == ["checked a: A", "checked b: B", "checked c: C"]
    assert ran["body"] == 2


def test_the_ancestors_of_an_answered_question_run_again_and_their_other_children_stay(store: Store) -> None:
    ran: Counter[str] = Counter()

    @task
    def leaf(name):
        ran[name] += 1
        return interrupt(f"{name}?")

    @task
    def done(name):
        ran[name] += 1
        return name

    @task
    def branch(name):
        ran[name] += 1
        futures = [leaf(f"{name}1"), done(f"{name}2"), leaf(f"{name}3")]
        return [future.result() for future in futures]

    @entrypoint(checkpointer=store)
    def graph(value):
        left, right = branch("l"), branch("r")
        return left.result() + right.result()

    ids = questions(graph.invoke("in", on()))
    assert set(ids) == {"l1?", "l3?", "r1?", "r3?"}
    left = questions(graph.invoke(Command(resume={ids["l3?"]: "L3"}), on()))
    assert set(left) == {"l1?", "r1?", "r3?"}
    assert ran == Counter(l=2, l1=1, l2=1, l3=2, r=1, r1=1, r2=1, r3=1)
    answers = {ids["l1?"]: "L1", ids["r1?"]: "R1", ids["r3?"]: "R3"}
    assert graph.invoke(Command(resume=answers), on()) == ["L1", "l2", "L3", "R1", "r2", "R3"]
    assert ran == Counter(l=3, l1=2, l2=1, l3=2, r=2, r1=2, r2=1, r3=2)


def test_a_body_question_beside_parallel_ones(store: Store) -> None:
    """The body stops at its own question; the tasks it had started ask theirs beside it."""

    @task
    def ask(name):
        return interrupt(f"{name}?")

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [ask("a"), ask("b")]
        mine = interrupt("body?")
        return [mine, *(future.result() for future in futures)]

    ids = questions(graph.invoke("in", on()))
    assert set(ids) == {"a?", "b?", "body?"}
    assert set(questions(graph.invoke(Command(resume={ids["body?"]: 0}), on()))) == {"a?", "b?"}
    assert graph.invoke(Command(resume={ids["a?"]: 1, ids["b?"]: 2}), on()) == [0, 1, 2]


def test_one_question_of_a_task_answered_and_its_next_one_asked(store: Store) -> None:
    ran: Counter[str] = Counter()

    @task
    def two(name):
        ran[name] += 1
        return [interrupt(f"{name}1?"), interrupt(f"{name}2?")]

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [two("a"), two("b")]
        return [future.result() for future in futures]

    ids = questions(graph.invoke("in", on()))
    left = questions(graph.invoke(Command(resume={ids["a1?"]: 1}), on()))
    assert set(left) == {"a2?", "b1?"}
    assert ran == Counter(a=2, b=1)
    left = questions(graph.invoke(Command(resume={ids["b1?"]: 3}), on()))
    assert set(left) == {"a2?", "b2?"}
    assert ran == Counter(a=2, b=2)
    answers = {left["a2?"]: 2, left["b2?"]: 4}
    assert graph.invoke(Command(resume=answers), on()) == [[1, 2], [3, 4]]
