"""Items 28 to 33 of LangGraph's functional API: what replay runs again, and what it finds."""

from __future__ import annotations

import datetime
import enum
import uuid
from collections import namedtuple
from dataclasses import dataclass
from decimal import Decimal
from threading import Lock
from typing import Any

import pytest
from pydantic import BaseModel

from hitl import codec
from hitl.errors import NonDeterminism, UnstorableValue
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import on, questions


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int


class Order(BaseModel):
    amount: Decimal


Pair = namedtuple("Pair", "first second")

for kind in (Colour, Point, Order, Pair):
    codec.register(kind)

KEPT = [
    (1, (2, [3])),
    Pair(1, (2,)),
    {1, 2},
    frozenset("a"),
    datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC),
    Decimal("1.50"),
    uuid.UUID(int=5),
    b"\x00\xff",
    bytearray(b"ab"),
    {1: "int key", (1, 2): "tuple key", "a": None},
    Colour.RED,
    Point(3),
    Order(amount=Decimal("2.50")),
    2**80,
    "\ud800 half a character",
    float("inf"),
]


def test_item_28_the_body_runs_again_and_finished_tasks_do_not(store: Store) -> None:
    calls: list[str] = []

    def step(name: str, value: Any) -> Any:
        def function(given):
            calls.append(name)
            return interrupt("?") if value == "ask" else value

        return task(name=name)(function)

    foo, bar, human, qux = step("foo", None), step("bar", 0), step("human", "ask"), step("qux", "end")

    @entrypoint(checkpointer=store)
    def graph(value):
        calls.append("graph")
        return [one(value).result() for one in (foo, bar, human, qux)]

    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == [None, 0, "yes", "end"]
    assert calls == ["graph", "foo", "bar", "human", "graph", "human", "qux"]


def test_item_30_changed_code(store: Store) -> None:
    """LangGraph gives the old result to whichever call stands there now; here it is told of (departure e)."""
    names = ["old"]
    calls: list[str] = []

    @task
    def step(name):
        calls.append(name)
        return name

    @entrypoint(checkpointer=store)
    def graph(value):
        return [[step(name).result() for name in names], interrupt("?")]

    graph.invoke("in", on())
    names.insert(0, "new")
    with pytest.raises(NonDeterminism, match="its record was used for another call"):
        graph.invoke(Command(resume="yes"), on())
    names.pop(0)
    assert graph.invoke(None, on()) == [["old"], "yes"]
    assert calls == ["old"]


def test_item_31_what_stands_before_a_question_runs_again(store: Store) -> None:
    said: list[str] = []

    @entrypoint(checkpointer=store)
    def graph(value, writer):
        said.append("start")
        writer("body-start")
        interrupt("first?")
        said.append("mid")
        interrupt("second?")
        said.append("end")
        writer("body-end")

    def custom(value: Any) -> list[Any]:
        return list(graph.stream(value, on(), stream_mode="custom"))

    assert custom("in") == ["body-start"]
    assert custom(Command(resume=1)) == ["body-start"]
    assert custom(Command(resume=2)) == ["body-start", "body-end"]
    assert said == ["start", "start", "mid", "start", "mid", "end"]


@pytest.mark.parametrize("value", KEPT, ids=lambda value: type(value).__name__)
def test_item_32_every_type_comes_back(store: Store, value: Any) -> None:
    """Tuples, huge integers and half characters too, which LangGraph changes or refuses (departure m)."""
    seen: list[Any] = []

    @task
    def give():
        return value

    @entrypoint(checkpointer=store)
    def graph(given):
        seen.extend([given, give().result()])
        seen.append(interrupt(given))
        return given

    (asked,) = graph.invoke(value, on())["__interrupt__"]
    assert graph.invoke(Command(resume="yes"), on()) == value
    assert [one for one in seen if one != "yes"] == [value] * 4
    assert asked.value == value
    assert {type(one) for one in seen if one != "yes"} == {type(value)}


def test_item_32_exceptions_are_values(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return ValueError("boom", 3)

    returned = graph.invoke("in", on())
    assert (type(returned), returned.args) == (ValueError, ("boom", 3))


@pytest.mark.parametrize("where", ["input", "result", "question", "return"])
def test_item_33_what_cannot_be_stored_is_refused_where_it_stands(store: Store, where: str) -> None:
    """A TypeError as there, but at once, and with the element's place (departure m)."""
    lock = {"items": [0, Lock()]}
    after: list[str] = []

    @task
    def give():
        return lock

    @entrypoint(checkpointer=store)
    def graph(value):
        if where == "result":
            give().result()
        if where == "question":
            interrupt(lock)
        after.append("went on")
        return lock

    with pytest.raises(TypeError, match=r'\["items"\]\[1\]') as refused:
        graph.invoke(lock if where == "input" else "in", on())
    assert isinstance(refused.value, UnstorableValue)
    assert after == (["went on"] if where == "return" else [])
    state = graph.get_state(on())
    assert (state.values, questions({"__interrupt__": state.interrupts})) == ({} if where == "input" else None, {})
    assert [one.error is not None for one in state.tasks] == ([] if where == "input" else [True])
