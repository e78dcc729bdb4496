"""Rule 37, item 27: a workflow called by another one is a call in its parent's run, whatever it declares."""

from __future__ import annotations

from typing import Any

import pytest

from hitl.checkpoint.memory import InMemorySaver
from hitl.errors import Misuse
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import facts, on, questions

ran: list[str] = []


@task
def step(name):
    ran.append(name)
    return name


@entrypoint(checkpointer=InMemorySaver())
def child(name):
    """Has a checkpointer of its own, for when it is called alone."""
    done = step(name).result()
    return f"{done}: {interrupt(f'{name}?')}"


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


def test_its_question_is_its_parents(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def parent(value):
        return [child.invoke("a"), child.invoke("b")]

    assert list(questions(parent.invoke("in", on()))) == ["a?"]
    assert list(questions(parent.invoke(Command(resume="A"), on()))) == ["b?"]
    assert parent.invoke(Command(resume="B"), on()) == ["a: A", "b: B"]
    assert ran == ["a", "b"]
    assert [fact.name for fact in facts(store, "task")] == ["step", "child", "step", "child"]


def test_called_in_a_task(store: Store) -> None:
    @task
    def around(name):
        return child.invoke(name, on("its own"))

    @entrypoint(checkpointer=store)
    def parent(value):
        futures = [around("a"), around("b")]
        return [future.result() for future in futures]

    ids = questions(parent.invoke("in", on()))
    assert set(ids) == {"a?", "b?"}
    parent.invoke(Command(resume={ids["b?"]: "B"}), on())
    assert parent.invoke(Command(resume="A"), on()) == ["a: A", "b: B"]
    assert sorted(ran) == ["a", "b"]


async def test_asynchronously(store: Store) -> None:
    @entrypoint()
    async def achild(name, *, config):
        return [await step(name), config["configurable"]["thread_id"], interrupt(f"{name}?")]

    @entrypoint(checkpointer=store)
    async def parent(value):
        return [await achild.ainvoke("a"), await child.ainvoke("b")]

    assert list(questions(await parent.ainvoke("in", on()))) == ["a?"]
    assert list(questions(await parent.ainvoke(Command(resume="A"), on()))) == ["b?"]
    assert await parent.ainvoke(Command(resume="B"), on()) == [["a", "1", "A"], "b: B"]


def test_its_calls_are_not_among_its_parents_updates(store: Store) -> None:
    @entrypoint()
    def quiet(value):
        return step("inner").result()

    @entrypoint(checkpointer=store)
    def parent(value):
        seen = list(quiet.stream("in"))
        return [seen, step("outer").result()]

    assert list(parent.stream("in", on())) == [
        {"step": "outer"},
        {"parent": [[{"quiet": "inner"}], "outer"]},
    ]


def test_its_final_value_counts(store: Store) -> None:
    @entrypoint()
    def split(value, previous):
        return entrypoint.final(value=[value, previous], save="kept")

    @entrypoint(checkpointer=store)
    def parent(value):
        return split.invoke(value)

    assert parent.invoke("in", on()) == ["in", None]
    assert parent.invoke("in", on()) == ["in", None]


def test_its_failure_is_its_parents_to_handle(store: Store) -> None:
    @entrypoint()
    def broken(value):
        raise ValueError("broken")

    @entrypoint(checkpointer=store)
    def parent(value):
        try:
            return broken.invoke(value)
        except ValueError as error:
            return f"caught {error}"

    assert parent.invoke("in", on()) == "caught broken"


@pytest.mark.parametrize("given", [None, Command(resume="yes")])
def test_it_cannot_be_resumed_by_its_parent(store: Store, given: Any) -> None:
    @entrypoint(checkpointer=store)
    def parent(value):
        return child.invoke(given, on())

    with pytest.raises(Misuse, match="within a run"):
        parent.invoke("in", on())
