"""The program of DESIGN.md as it is printed: on memory as a plain script, and on both stores in tests."""

from __future__ import annotations

import subprocess
import sys
from typing import Any
from unittest.mock import ANY

from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, Interrupt, interrupt
from tests.hitl.programs import on

SCRIPT = """
from hitl.checkpoint.memory import InMemorySaver
from hitl.func import entrypoint, task
from hitl.types import Command, interrupt

calls = []

@task
def step_1(input_query):
    calls.append("step_1")
    return f"{input_query} bar"

@task
def human_feedback(input_query):
    feedback = interrupt(f"Please provide feedback: {input_query}")
    return f"{input_query} {feedback}"

@task
def step_3(input_query):
    return f"{input_query} qux"

@entrypoint(checkpointer=InMemorySaver())
def graph(input_query):
    result_1 = step_1(input_query).result()
    result_2 = human_feedback(result_1).result()
    return step_3(result_2).result()

config = {"configurable": {"thread_id": "1"}}
for chunk in graph.stream("foo", config):
    print(chunk)
for chunk in graph.stream(Command(resume="baz"), config):
    print(chunk)
print(calls)
"""


def test_as_a_plain_script_without_django() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    first, asked, *rest = done.stdout.splitlines()
    assert first == "{'step_1': 'foo bar'}"
    assert asked.startswith("{'__interrupt__': (Interrupt(value='Please provide feedback: foo bar', id='")
    assert rest == [
        "{'human_feedback': 'foo bar baz'}",
        "{'step_3': 'foo bar baz qux'}",
        "{'graph': 'foo bar baz qux'}",
        "['step_1']",
    ]


def program(store: Store | None, calls: list[str]) -> Any:
    @task
    def step_1(input_query):
        calls.append("step_1")
        return f"{input_query} bar"

    @task
    def human_feedback(input_query):
        calls.append("human_feedback")
        feedback = interrupt(f"Please provide feedback: {input_query}")
        return f"{input_query} {feedback}"

    @task
    def step_3(input_query):
        calls.append("step_3")
        return f"{input_query} qux"

    @entrypoint(checkpointer=store)
    def graph(input_query):
        calls.append("graph")
        result_1 = step_1(input_query).result()
        result_2 = human_feedback(result_1).result()
        return step_3(result_2).result()

    return graph


def test_streamed(store: Store) -> None:
    calls: list[str] = []
    graph = program(store, calls)
    first = list(graph.stream("foo", on()))
    question = Interrupt("Please provide feedback: foo bar", ANY)
    assert first == [{"step_1": "foo bar"}, {"__interrupt__": (question,)}]
    assert list(graph.stream(Command(resume="baz"), on())) == [
        {"human_feedback": "foo bar baz"},
        {"step_3": "foo bar baz qux"},
        {"graph": "foo bar baz qux"},
    ]
    assert calls == ["graph", "step_1", "human_feedback", "graph", "human_feedback", "step_3"]


def test_invoked(store: Store) -> None:
    graph = program(store, [])
    paused = graph.invoke("foo", on())
    assert paused == {"__interrupt__": [Interrupt("Please provide feedback: foo bar", ANY)]}
    assert graph.invoke(Command(resume="baz"), on()) == "foo bar baz qux"


def test_the_state_on_the_way(store: Store) -> None:
    graph = program(store, [])
    assert graph.get_state(on()).next == ()
    asked = graph.invoke("foo", on())["__interrupt__"][0]
    paused = graph.get_state(on())
    assert paused.next == ("graph",)
    assert paused.values is None
    assert [(i.id, i.value) for i in paused.interrupts] == [(asked.id, asked.value)]
    assert [(t.name, t.error, t.interrupts) for t in paused.tasks] == [("graph", None, paused.interrupts)]
    graph.invoke(Command(resume="baz"), on())
    done = graph.get_state(on())
    assert (done.next, done.values, done.tasks, done.interrupts) == ((), "foo bar baz qux", (), ())


def test_without_a_checkpointer_the_database_keeps_it(engine: None) -> None:
    """Departure q: no checkpointer means the database, in another process too."""
    from hitl.models import Interrupt as Question
    from hitl.models import Thread

    program(None, []).invoke("foo", on("kept"))
    assert Thread.objects.get(id="kept").status == "interrupted"
    assert Question.objects.get(thread_id="kept").status == "pending"
    calls: list[str] = []
    assert program(None, calls).invoke(Command(resume="baz"), on("kept")) == "foo bar baz qux"
    assert "step_1" not in calls
