"""Departure m, rules 26, 30 and 31: what was stored comes back equal and of its type; what cannot be fails at once."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import math
import uuid
from typing import Any

import pytest

from hitl.errors import UnstorableValue, ValueTooLarge
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import facts, on

VALUES = [
    (1, (2, [3, ()])),
    {"a", "b"},
    frozenset({1}),
    b"\x00\xff",
    dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC),
    dt.date(2026, 1, 2),
    decimal.Decimal("1.50"),
    uuid.UUID(int=7),
    {1: "int", (2, 3): "tuple"},
    10**30,
    -0.0,
    1e22,
    math.inf,
    "\x00\ud800",
    None,
    False,
    0,
    "",
    [],
    {},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_the_first_leg_and_a_replay_see_the_same(store: Store, value: Any) -> None:
    seen: list[Any] = []

    @task
    def give():
        return value

    @entrypoint(checkpointer=store)
    def graph(given):
        seen.append((given, give().result()))
        interrupt("ok?")
        return given

    graph.invoke(value if value is not None else "none", on())
    result = graph.invoke(Command(resume="yes"), on())
    for _, got in seen:
        assert (type(got), got, repr(got)) == (type(value), value, repr(value))
    assert len(seen) == 2
    if value is not None:
        assert (type(result), result) == (type(value), value)


def test_the_body_never_shares_an_object_with_the_task(store: Store) -> None:
    """The result is what was decoded from the store, in the first leg too."""
    kept: list[Any] = []

    @task
    def give():
        kept.append(["a"])
        return kept[0]

    @entrypoint(checkpointer=store)
    def graph(value):
        got = give().result()
        got.append("b")
        return [kept[0], got is kept[0]]

    assert graph.invoke("in", on()) == [["a"], False]


def test_a_question_and_its_answer(store: Store) -> None:
    seen: list[Any] = []

    @entrypoint(checkpointer=store)
    def graph(value):
        seen.append(interrupt({"when": dt.date(2026, 1, 2), "pair": (1, 2)}))
        interrupt("again?")

    (asked,) = graph.invoke("in", on())["__interrupt__"]
    assert asked.value == {"when": dt.date(2026, 1, 2), "pair": (1, 2)}
    graph.invoke(Command(resume=[1, {"a": None}]), on())
    graph.invoke(Command(resume="yes"), on())
    assert seen == [[1, {"a": None}]] * 2


def test_a_result_that_cannot_be_stored_fails_at_the_task(store: Store) -> None:
    ran = []

    @task
    def give():
        ran.append(1)
        return {"items": [1, 2, 3, {"client": object()}]}

    @entrypoint(checkpointer=store)
    def graph(value):
        return give().result()

    with pytest.raises(UnstorableValue, match=r'result of give\(\)\["items"\]\[3\]\["client"\]') as refused:
        graph.invoke("in", on())
    assert isinstance(refused.value, TypeError)
    assert "object" in str(refused.value)
    assert store.thread("1").status == "error"
    assert ran == [1]


def test_the_body_may_catch_it(store: Store) -> None:
    @task
    def give():
        return object()

    @entrypoint(checkpointer=store)
    def graph(value):
        try:
            give().result()
        except UnstorableValue:
            return ["caught", interrupt("ok?")]

    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == ["caught", "yes"]


@pytest.mark.parametrize("where", ["input", "output", "question"])
def test_elsewhere_too(store: Store, where: str) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        if where == "question":
            interrupt({"a": object()})
        return {"a": object()}

    given = {"a": object()} if where == "input" else "in"
    with pytest.raises(UnstorableValue, match=r'\["a"\]'):
        graph.invoke(given, on())
    if where == "input":
        assert store.thread("1") is None
    else:
        assert store.thread("1").status == "error"
        assert graph.get_state(on()).next == ("graph",)


def test_what_is_too_large_fails_with_its_size(store: Store) -> None:
    @task
    def give():
        return "x" * 1_100_000

    @entrypoint(checkpointer=store)
    def graph(value):
        return give().result()

    with pytest.raises(ValueTooLarge, match=r"1,?100,?002") as refused:
        graph.invoke("in", on())
    assert isinstance(refused.value, ValueError)


def test_an_encoder_of_the_users_own_that_raises_fails_the_task(store: Store) -> None:
    """Whatever goes wrong in storing, nobody waits for ever."""

    class Odd(dict):  # type: ignore[type-arg]
        def items(self) -> Any:
            raise RuntimeError("odd")

    @task
    def give():
        return Odd(a=1)

    @entrypoint(checkpointer=store)
    def graph(value):
        return type(give().exception()).__name__

    assert graph.invoke("in", on()) != "NoneType"


def test_arguments_are_kept_for_the_page(store: Store) -> None:
    @task
    def work(a, *, b):
        return None

    @entrypoint(checkpointer=store)
    def graph(value):
        work((1, 2), b=object()).result()
        work("x" * 9000, b=1).result()

    graph.invoke("in", on())
    short, long = (fact.detail["args"] for fact in facts(store, "task"))
    assert short == {"args": [[1, 2]], "kwargs": {"b": "<object>"}}
    assert set(long) == {"digest", "bytes"}
    assert long["bytes"] > 9000


def test_stored_as_ascii_text(store: Store) -> None:
    @task
    def give():
        return "é\x00"

    @entrypoint(checkpointer=store)
    def graph(value):
        return give().result()

    assert graph.invoke("in", on()) == "é\x00"
    (fact,) = facts(store, "task")
    assert fact.value == json.dumps("é\x00")
    assert fact.value.isascii()
