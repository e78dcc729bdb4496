"""After a claim that made no progress, a call says beforehand that it is under way (rule 27).

So the call that kills its executor can be named; and it is written once, also when it pauses then.
"""

from __future__ import annotations

from typing import Any

from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.journals import begin, claim
from tests.hitl.programs import facts, on, questions


def died(store: Store, graph: Any, times: int) -> None:
    """A thread whose executor claimed it and died, that often."""
    begin(store, "1", workflow=graph.name, value="in")
    for _ in range(times):
        assert claim(store, "1", workflow=graph.name, lease_seconds=0) is not None


def program(store: Store) -> Any:
    @task
    def ask():
        return interrupt("ok?")

    @task
    def around():
        return ask().result()

    @entrypoint(checkpointer=store)
    def graph(value):
        return around().result()

    return graph


def test_the_first_time_nothing_is_noted(store: Store) -> None:
    @task
    def work():
        return 1

    @entrypoint(checkpointer=store)
    def graph(value):
        return work().result()

    graph.invoke("in", on())
    assert facts(store, "call") == []


def test_after_a_crash_a_call_is_noted_before_it_runs(store: Store) -> None:
    seen = []

    @task
    def work():
        seen.extend(fact.name for fact in store.submit(lambda: facts(store, "call"), key="1").result())

    @entrypoint(checkpointer=store)
    def graph(value):
        work().result()
        return "done"

    died(store, graph, 1)
    assert graph.invoke(None, on()) == "done"
    assert [fact.name for fact in facts(store, "call")] == ["work"]
    assert seen == ["work"]


def test_a_noted_call_that_pauses_is_not_noted_twice(store: Store) -> None:
    graph = program(store)
    died(store, graph, 2)
    assert list(questions(graph.invoke(None, on()))) == ["ok?"]
    assert [fact.name for fact in facts(store, "call")] == ["around", "ask"]
    assert graph.invoke(Command(resume="yes"), on()) == "yes"
