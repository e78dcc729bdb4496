"""Items 60 to 68 of LangGraph's functional API: checkpoints, states, going back, durability."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from hitl.errors import HitlError, InvalidUpdateError, NoCheckpointer, NothingPending
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, PregelTask, StateSnapshot, interrupt
from tests.hitl.programs import on, questions

ROOT = Path(__file__).resolve().parents[3]


def told(snapshots: Iterable[StateSnapshot]) -> list[tuple[str, int]]:
    return [(one.metadata["source"], one.metadata["step"]) for one in snapshots if one.metadata]


def drafting(store: Store, drafted: list[str]) -> Any:
    @task
    def draft(topic):
        drafted.append(topic)
        return f"draft on {topic}"

    @entrypoint(checkpointer=store)
    def graph(topic, previous):
        return [draft(topic).result(), interrupt("publish?"), previous]

    return graph


def test_item_60_a_run_is_an_input_and_a_loop(store: Store) -> None:
    graph = drafting(store, [])
    for topic in ("tea", "cups"):
        graph.invoke(topic, on())
        graph.invoke(Command(resume="yes"), on())
    assert told(graph.get_state_history(on())) == [("loop", 2), ("input", 1), ("loop", 0), ("input", -1)]


def test_item_61_the_history_can_be_filtered(store: Store) -> None:
    graph = drafting(store, [])
    for topic, team in [("tea", "a"), ("cups", "b")]:
        graph.invoke(topic, on(metadata={"team": team}))
        graph.invoke(Command(resume="yes"), on())
    history = list(graph.get_state_history(on()))
    assert [one.created_at for one in history] == sorted((one.created_at for one in history), reverse=True)
    assert list(graph.get_state_history(on(), filter={"source": "input"})) == history[1::2]
    assert list(graph.get_state_history(on(), filter={"team": "a"})) == history[2:]
    assert list(graph.get_state_history(on(), limit=1)) == history[:1]
    assert list(graph.get_state_history(on(), before=history[1].config)) == history[2:]
    assert list(graph.get_state_history(on(), before=history[0].config, limit=1)) == history[1:2]
    assert [one.parent_config for one in history] == [one.config for one in history[1:]] + [None]


def test_item_62_get_state(store: Store) -> None:
    graph = drafting(store, [])
    assert graph.get_state(on()) == StateSnapshot({}, (), on(), None, None, None, (), ())
    (asked,) = graph.invoke("tea", on())["__interrupt__"]
    paused = graph.get_state(on())
    assert (paused.values, paused.next, paused.interrupts) == (None, ("graph",), (asked,))
    assert told([paused]) == [("input", -1)]
    (body,) = paused.tasks
    assert body == PregelTask(body.id, "graph", ("__pregel_pull", "graph"), None, (asked,), None, None)
    graph.invoke(Command(resume="yes"), on())
    done = graph.get_state(on())
    assert (done.values, done.next, done.tasks, done.interrupts) == (["draft on tea", "yes", None], (), (), ())
    assert (told([done]), done.metadata["parents"]) == ([("loop", 0)], {})
    graph.invoke("cups", on())
    assert graph.get_state(on()).values == ["draft on tea", "yes", None]


def test_item_63_live_and_as_a_record(store: Store) -> None:
    graph = drafting(store, [])
    (asked,) = graph.invoke("tea", on())["__interrupt__"]
    graph.invoke(Command(resume="yes"), on())
    assert graph.get_state(on()).interrupts == ()
    (*_, record) = graph.get_state_history(on())
    assert graph.get_state(record.config) == record
    assert (record.interrupts, record.tasks[0].interrupts) == ((asked,), (asked,))
    assert record.tasks[0].result == ["draft on tea", "yes", None]


def test_item_63_without_a_checkpointer_it_is_the_databases(engine: None) -> None:
    """There: no checkpointer set (departure q)."""
    graph = drafting(None, [])  # type: ignore[arg-type]
    graph.invoke("tea", on())
    assert graph.get_state(on()).next == ("graph",)


def test_item_63_and_without_django_there_is_none() -> None:
    program = """
from hitl.errors import NoCheckpointer
from hitl.func import entrypoint

graph = entrypoint()(lambda value: value)
for call in (lambda: graph.get_state({"configurable": {"thread_id": "1"}}),
             lambda: graph.invoke("in", {"configurable": {"thread_id": "1"}})):
    try:
        call()
    except NoCheckpointer as error:
        assert "pass checkpointer=InMemorySaver()" in str(error)
        continue
    raise AssertionError("there is nowhere to keep it")
"""
    environment = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True)
    assert issubclass(NoCheckpointer, (ValueError, RuntimeError))


def test_item_64_going_back_asks_again(store: Store) -> None:
    drafted: list[str] = []
    graph = drafting(store, drafted)
    graph.invoke("tea", on())
    graph.invoke(Command(resume="yes"), on())
    (*_, at_input) = graph.get_state_history(on())
    assert list(questions(graph.invoke(None, at_input.config))) == ["publish?"]
    assert drafted == ["tea", "tea"]
    assert told(graph.get_state_history(on())) == [("fork", 1), ("loop", 0), ("input", -1)]
    assert graph.invoke(Command(resume="no"), on()) == ["draft on tea", "no", None]
    assert graph.get_state(on()).values == ["draft on tea", "no", None]


def test_item_64_new_input_at_an_old_place(store: Store) -> None:
    graph = drafting(store, [])
    for topic in ("tea", "cups"):
        graph.invoke(topic, on())
        graph.invoke(Command(resume="yes"), on())
    after_tea = [one for one in graph.get_state_history(on()) if one.next == ()][1]
    graph.invoke("pots", after_tea.config)
    assert graph.invoke(Command(resume="yes"), on()) == ["draft on pots", "yes", ["draft on tea", "yes", None]]


def test_item_64_an_answer_at_a_snapshots_config(store: Store) -> None:
    """At the newest one it is an ordinary answer. An older one, answered since, is to be asked again first."""
    graph = drafting(store, [])
    graph.invoke("tea", on())
    newest = next(graph.get_state_history(on()))
    assert graph.invoke(Command(resume="yes"), newest.config) == ["draft on tea", "yes", None]
    with pytest.raises(NothingPending, match=r"No question was open at checkpoint .*Go back with None as input"):
        graph.invoke(Command(resume="no"), newest.config)
    assert graph.get_state(on()).values == ["draft on tea", "yes", None]


def test_item_64_and_in_the_middle_of_a_run(store: Store) -> None:
    drafted: list[str] = []
    graph = drafting(store, drafted)
    graph.invoke("tea", on())
    graph.invoke(Command(resume="yes"), on())
    steps = list(graph.get_state_history(on(), steps=True))
    paused = next(one for one in steps if one.metadata["source"] == "pause")
    assert graph.invoke(Command(resume="no"), paused.config) == ["draft on tea", "no", None]
    assert drafted == ["tea"]


def test_item_65_update_state(store: Store) -> None:
    graph = drafting(store, [])
    graph.invoke("tea", on())
    config = graph.update_state(on(), "instead")
    state = graph.get_state(on())
    assert (state.values, state.next, state.interrupts, told([state])) == ("instead", (), (), [("update", 0)])
    assert config == state.config
    graph.update_state(on(), "cups", as_node="__input__")
    assert graph.get_state(on()).next == ("graph",)
    assert list(questions(graph.invoke(None, on()))) == ["publish?"]
    assert graph.invoke(Command(resume="yes"), on()) == ["draft on cups", "yes", "instead"]
    graph.invoke("pots", on())
    graph.update_state(on(), None, as_node="__end__")
    assert (graph.get_state(on()).next, graph.get_state(on()).interrupts) == ((), ())
    with pytest.raises(InvalidUpdateError, match="Node nope does not exist, so thread '1'") as refused:
        graph.update_state(on(), "x", as_node="nope")
    assert isinstance(refused.value, HitlError)


def test_item_65_copy_forks(store: Store) -> None:
    drafted: list[str] = []
    graph = drafting(store, drafted)
    graph.invoke("tea", on())
    paused = graph.get_state(on())
    graph.invoke(Command(resume="yes"), on())
    graph.update_state(paused.config, None, as_node="__copy__")
    assert list(questions(graph.invoke(None, on()))) == ["publish?"]
    assert drafted == ["tea"]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_item_66_every_durability_keeps_pauses_and_failures(store: Store, durability: str) -> None:
    calls: list[str] = []

    @task
    def step():
        calls.append("step")

    @entrypoint(checkpointer=store)
    def graph(value):
        step().result()
        answer = interrupt("?")
        if calls.count("fail") < 1:
            calls.append("fail")
            raise ValueError(answer)
        return answer

    assert list(questions(graph.invoke("in", on(), durability=durability))) == ["?"]
    with pytest.raises(ValueError, match="yes"):
        graph.invoke(Command(resume="yes"), on(), durability=durability)
    assert graph.get_state(on()).tasks[0].error == "ValueError('yes')"
    assert graph.invoke(None, on(), durability=durability) == "yes"
    assert calls == ["step", "fail"]


def test_item_67_leaving_a_stream_does_not_stop_the_run(store: Store) -> None:
    from threading import Event

    ended = Event()

    @task
    def step(number):
        return number

    @entrypoint(checkpointer=store)
    def graph(count):
        total = sum(step(number).result() for number in range(count))
        ended.set()
        return total

    for chunk in graph.stream(4, on()):
        assert chunk == {"step": 0}
        break
    assert ended.wait(30)
    for _ in range(3000):
        if not graph.get_state(on()).next:
            break
        Event().wait(0.01)
    assert graph.get_state(on()).values == 6


def test_item_68_threads_can_be_deleted_copied_and_pruned(store: Store) -> None:
    """The latter two LangGraph's savers do not implement."""
    graph = drafting(store, [])
    graph.invoke("tea", on())
    graph.invoke(Command(resume="yes"), on())
    store.copy_thread("1", "2")
    graph.invoke("cups", on())
    store.prune(["1"], strategy="keep_latest")
    assert told(graph.get_state_history(on()))[0][0] == "input"
    assert graph.invoke(Command(resume="yes"), on())[2] == ["draft on tea", "yes", None]
    store.delete_thread("1")
    assert graph.get_state(on()) == StateSnapshot({}, (), on(), None, None, None, (), ())
    assert list(graph.get_state_history(on())) == []
    assert graph.get_state(on("2")).values == ["draft on tea", "yes", None]
