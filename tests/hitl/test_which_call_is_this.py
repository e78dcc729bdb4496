"""Rule 12 and departure e: replay binds calls by what they are, and only lone ones by where they stand."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import count
from typing import Any

import pytest

from hitl.errors import NonDeterminism
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import facts, on, questions


async def test_of_two_racing_chains_each_gets_its_own_result(store: Store) -> None:
    """By position alone, b's invoice would be paid with a's result."""
    order = ["a", "b"]
    paid: list[str] = []
    reached: dict[str, asyncio.Event] = {}

    @task
    async def invoice(name):
        return f"invoice {name}"

    @task
    async def pay(bill):
        paid.append(bill)
        return f"paid {bill}"

    async def chain(name):
        bill = await invoice(name)
        earlier = order[: order.index(name)]
        for other in earlier:
            await reached[other].wait()
        future = pay(bill)
        reached[name].set()
        return await future

    async def body(value):
        reached.update({name: asyncio.Event() for name in "ab"})
        results = await asyncio.gather(chain("a"), chain("b"))
        return [*results, interrupt("ok?")]

    graph = entrypoint(checkpointer=store)(body)
    assert list(questions(await graph.ainvoke("in", on()))) == ["ok?"]
    order.reverse()
    assert await graph.ainvoke(Command(resume="yes"), on()) == ["paid invoice a", "paid invoice b", "yes"]
    assert paid == ["invoice a", "invoice b"]


async def test_a_racing_chain_that_is_new_on_replay_runs(store: Store) -> None:
    """The record at b's position is a's, and was not alone: b's call is a new one."""
    first = True
    paid: list[str] = []

    @task
    async def invoice(name):
        return f"invoice {name}"

    @task
    async def pay(bill):
        paid.append(bill)
        return f"paid {bill}"

    async def body(value):
        nonlocal first
        bills = [invoice("a"), invoice("b")]
        mine = "a" if first else "b"
        first = False
        await asyncio.wait(bills)
        result = await pay(await bills["ab".index(mine)])
        return [result, interrupt("ok?")]

    graph = entrypoint(checkpointer=store)(body)
    await graph.ainvoke("in", on())
    assert await graph.ainvoke(Command(resume="yes"), on()) == ["paid invoice b", "yes"]
    assert paid == ["invoice a", "invoice b"]


def test_equal_calls_are_told_apart_by_their_number(store: Store) -> None:
    numbers = count(1)

    @task
    def draw(sides):
        return next(numbers)

    @entrypoint(checkpointer=store)
    def graph(value):
        rolls = [draw(6).result() for _ in range(3)]
        return [rolls, interrupt("ok?")]

    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == [[1, 2, 3], "yes"]


def test_a_call_inserted_among_others_runs_and_takes_nothing_from_them(store: Store) -> None:
    """LangGraph gives the new call the old one's result (item 30)."""
    ran: list[str] = []
    inserted = False

    @task
    def step(name):
        ran.append(name)
        return f"did {name}"

    def body(value):
        names = ["old", "new", "other"] if inserted else ["old", "other"]
        futures = [step(name) for name in names]
        return [[future.result() for future in futures], interrupt("ok?")]

    graph = entrypoint(checkpointer=store)(body)
    graph.invoke("in", on())
    inserted = True
    assert graph.invoke(Command(resume="yes"), on()) == [["did old", "did new", "did other"], "yes"]
    assert sorted(ran[:2]) == ["old", "other"]
    assert ran[2:] == ["new"]


def changing(store: Store, ran: list[Any], *, beside: bool) -> Any:
    """A call whose argument is another one on each replay; `beside`: with another call outstanding."""
    clock = count(1)

    @task
    def other():
        return "other"

    @task
    def stamp(time):
        ran.append(time)
        return time

    @entrypoint(checkpointer=store)
    def graph(value):
        others = [other()] if beside else []
        stamped = stamp(next(clock)).result()
        for future in others:
            future.result()
        return [stamped, interrupt("ok?")]

    return graph


def test_a_lone_call_with_other_arguments_is_bound_by_position_with_a_warning(store: Store) -> None:
    ran: list[Any] = []
    graph = changing(store, ran, beside=False)
    graph.invoke("in", on())
    assert store.thread("1").warning == ""
    assert graph.invoke(Command(resume="yes"), on()) == [1, "yes"]
    assert ran == [1]
    assert "stamp() got other arguments than were recorded" in store.thread("1").warning
    assert len(facts(store, "warning")) == 1


def test_the_warning_is_written_once(store: Store) -> None:
    clock = count(1)

    @task
    def stamp(time):
        return time

    @entrypoint(checkpointer=store)
    def graph(value):
        return [stamp(next(clock)).result(), interrupt("a?"), interrupt("b?"), interrupt("c?")]

    graph.invoke("in", on())
    for answer in "ab":
        graph.invoke(Command(resume=answer), on())
    assert graph.invoke(Command(resume="c"), on()) == [1, "a", "b", "c"]
    assert len(facts(store, "warning")) == 1


def test_one_that_was_not_alone_is_a_new_call(store: Store) -> None:
    ran: list[Any] = []
    graph = changing(store, ran, beside=True)
    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == [2, "yes"]
    assert ran == [1, 2]
    assert store.thread("1").warning == ""


def test_another_name_at_a_lone_position_is_non_determinism_and_mending_helps(store: Store) -> None:
    ran: Counter[str] = Counter()
    broken = False

    @task
    def charge(amount):
        ran["charge"] += 1
        return amount

    @task
    def refund(amount):
        ran["refund"] += 1
        return -amount

    @entrypoint(checkpointer=store)
    def graph(amount):
        done = (refund if broken else charge)(amount).result()
        return [done, interrupt("ok?")]

    graph.invoke(5, on())
    recorded = store.facts("1")
    broken = True
    with pytest.raises(NonDeterminism, match=r"recorded as charge\(\), now it is refund\(\)"):
        graph.invoke(Command(resume="yes"), on())
    assert ran == Counter(charge=1)
    assert store.facts("1")[: len(recorded)] == recorded
    assert [fact.kind for fact in store.facts("1")[len(recorded) :]] == ["answer", "leg", "failed"]
    assert store.thread("1").status == "error"
    broken = False
    assert graph.invoke(None, on()) == [5, "yes"]
    assert ran == Counter(charge=1)


def test_no_handler_in_the_body_sees_the_divergence(store: Store) -> None:
    broken = False
    seen = []

    @task
    def one():
        return 1

    @task
    def two():
        return 2

    @entrypoint(checkpointer=store)
    def graph(value):
        try:
            (two if broken else one)().result()
        except Exception as error:
            seen.append(error)
        return interrupt("ok?")

    graph.invoke("in", on())
    broken = True
    with pytest.raises(NonDeterminism):
        graph.invoke(Command(resume="yes"), on())
    assert seen == []


def test_a_record_is_not_used_for_two_calls(store: Store) -> None:
    """Its place went to another call; the call itself comes later and must not run again unnoticed."""
    moved = False

    @task
    def step(name):
        return name

    @entrypoint(checkpointer=store)
    def graph(value):
        names = ["other", "first"] if moved else ["first"]
        return [[step(name).result() for name in names], interrupt("ok?")]

    graph.invoke("in", on())
    moved = True
    with pytest.raises(NonDeterminism, match="its record was used for another call"):
        graph.invoke(Command(resume="yes"), on())


@pytest.mark.parametrize("nested", [False, True])
def test_an_open_call_with_changing_arguments_keeps_its_question(store: Store, nested: bool) -> None:
    """What is under way above a question is recorded too, so that the answer finds it again."""
    clock = count(1)
    ran: list[int] = []

    @task
    def ask(time):
        ran.append(time)
        return interrupt("ok?")

    @task
    def around(time):
        return ask(next(clock)).result()

    @entrypoint(checkpointer=store)
    def graph(value):
        return (around if nested else ask)(next(clock)).result()

    asked = questions(graph.invoke("in", on()))
    assert questions(graph.invoke(None, on())) == asked
    assert graph.invoke(Command(resume={asked["ok?"]: "yes"}), on()) == "yes"
    assert len(ran) == 2


def test_sets_are_the_same_in_any_order_and_unstorable_arguments_are_no_error(store: Store) -> None:
    ran: list[Any] = []

    @task
    def use(names, thing):
        ran.append(names)
        return sorted(names)

    @entrypoint(checkpointer=store)
    def graph(value):
        names = {"a", "b", "c"} if not ran else {"c", "b", "a"}
        return [use(names, object()).result(), interrupt("ok?")]

    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == [["a", "b", "c"], "yes"]
    assert len(ran) == 1
    assert store.thread("1").warning == ""
