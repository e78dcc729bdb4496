"""Tasks that call tasks (item 19)."""

from __future__ import annotations

from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import on, questions


def test_the_child_is_told_first_and_neither_runs_again(store: Store) -> None:
    ran: list[str] = []

    @task
    def inner(n):
        ran.append("inner")
        return n * 2

    @task
    def outer(n):
        ran.append("outer")
        return inner(n).result() + 1

    @entrypoint(checkpointer=store)
    def graph(n):
        return [outer(n).result(), interrupt("ok?")]

    chunks = list(graph.stream(10, on()))
    assert chunks[:2] == [{"inner": 20}, {"outer": 21}]
    assert graph.invoke(Command(resume="yes"), on()) == [21, "yes"]
    assert ran == ["outer", "inner"]


def test_a_question_three_levels_down(store: Store) -> None:
    ran: list[str] = []

    @task
    def leaf():
        ran.append("leaf")
        return interrupt("deep?")

    @task
    def middle():
        ran.append("middle")
        return [leaf().result()]

    @task
    def top():
        ran.append("top")
        return [middle().result()]

    @entrypoint(checkpointer=store)
    def graph(value):
        return top().result()

    assert list(questions(graph.invoke("in", on()))) == ["deep?"]
    assert graph.invoke(Command(resume=1), on()) == [[1]]
    assert ran == ["top", "middle", "leaf"] * 2


def test_finished_children_of_an_unfinished_task_are_not_run_again(store: Store) -> None:
    ran: list[str] = []

    @task
    def inner(n):
        ran.append(f"inner {n}")
        return n

    @task
    def outer():
        before = inner(1).result()
        answer = interrupt("ok?")
        return [before, answer, inner(2).result()]

    @entrypoint(checkpointer=store)
    def graph(value):
        return outer().result()

    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == [1, "yes", 2]
    assert ran == ["inner 1", "inner 2"]
