"""The end of a leg on the rows kept with its lease is as if they were read again, whatever happened (rule 18)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from hitl import answering, codec, rebuild, testing, transitions
from hitl.answering import Given
from hitl.checkpoint.database import DatabaseSaver, saver
from hitl.errors import LeaseLost
from hitl.facts import Fact
from hitl.func import entrypoint, task
from hitl.lease import Lease
from hitl.models import Interrupt, Run, Thread
from hitl.opening import Start
from hitl.types import Command, interrupt
from hitl.unit import Unit
from tests.hitl.journals import ANA, BEN, begin, gapless, kinds, question, result
from tests.hitl.programs import on, questions
from tests.hitl.racing import in_background

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def store() -> Iterator[DatabaseSaver]:
    yield saver()
    testing.close()


def begun(store: DatabaseSaver) -> Lease:
    """A thread that is claimed in the transaction that makes it, as an inline call does it."""

    def work(unit: Unit) -> Lease | None:
        transitions.start(unit, Start("w", codec.encode("foo"), ANA))
        return transitions.claim(unit, workflow="w", lease_seconds=30, code_version="1")

    lease = store.transact("t", work, create=True)
    assert lease is not None
    return lease


def ends(store: DatabaseSaver, lease: Lease, *facts: Fact) -> tuple[bool, int]:
    """Pause with these questions: whether the leg is over, and how often the rows had to be looked at."""
    looked = 0

    def work(unit: Unit) -> bool:
        nonlocal looked
        looked += 1
        return transitions.pause(unit, lease, facts, seen=1, code_version="1")

    return store.settle(lease, work, loaded_seq=2), looked


def enqueue(store: DatabaseSaver) -> None:
    begin(store, value="next", strategy="enqueue")


def consistent(store: DatabaseSaver) -> bool:
    return gapless(store) and not rebuild.compare("t")


def test_nobody_else_wrote(store: DatabaseSaver) -> None:
    lease = begun(store)
    store.append(lease, [result(1), result(2)])
    assert ends(store, lease, question()) == (True, 1)
    thread = Thread.objects.get()
    assert (thread.status, thread.lease_owner, thread.claims, thread.seq) == ("interrupted", "", 0, 6)
    assert thread.lease_expires_at is None
    assert Run.objects.get().status == "interrupted"
    assert Interrupt.objects.get().status == "pending"
    assert consistent(store)


@pytest.mark.parametrize("when", ["before", "between", "after"])
def test_a_start_that_came_meanwhile_is_seen(store: DatabaseSaver, when: str) -> None:
    lease = begun(store)
    if when == "before":
        enqueue(store)
    store.append(lease, [result(1)])
    if when == "between":
        enqueue(store)
    store.append(lease, [result(2)])
    if when == "after":
        enqueue(store)
    work = partial(transitions.finish, lease=lease, facts=[], text='"bar"', saved='"bar"')
    store.settle(lease, lambda unit: work(unit) is None, loaded_seq=2)
    thread = Thread.objects.get()
    assert (thread.status, thread.turn) == ("busy", 2)
    assert list(Run.objects.order_by("created_at").values_list("status", flat=True)) == ["succeeded", "queued"]
    assert consistent(store)


def test_an_append_that_was_rolled_back_is_not_counted_in(store: DatabaseSaver) -> None:
    """Else another one's fact would take its number, and look like it."""
    lease = begun(store)
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        store.append(lease, [result(1)])
        raise ZeroDivisionError
    enqueue(store)
    assert ends(store, lease, question())[1] == 2
    assert consistent(store)


def test_a_lost_lease_writes_nothing(store: DatabaseSaver) -> None:
    lease = begun(store)
    store.transact("t", partial(transitions.cancel, author=BEN))
    with pytest.raises(LeaseLost):
        ends(store, lease, question())
    assert kinds(store) == ["input", "leg", "cancel"]
    assert not Interrupt.objects.exists()
    assert consistent(store)


def test_an_epoch_that_was_raised_without_a_fact_is_a_lost_lease(store: DatabaseSaver) -> None:
    lease = begun(store)
    Thread.objects.update(lease_epoch=lease.epoch + 1)
    with pytest.raises(LeaseLost):
        ends(store, lease, question())
    assert kinds(store) == ["input", "leg"]


def test_a_warning_that_the_leg_wrote_stays(store: DatabaseSaver) -> None:
    lease = begun(store)
    store.append(lease, [Fact("warning", 1, path="x", detail={"message": "Look!"})])
    assert ends(store, lease, question())[0]
    assert Thread.objects.get().warning == "Look!"
    assert consistent(store)


def test_an_answer_given_while_the_leg_runs_is_not_slept_through(store: DatabaseSaver) -> None:
    ids: dict[Any, str] = {}

    def answer_the_other() -> None:
        work = partial(answering.answer, given={ids["b?"]: Given("B")}, author=BEN)
        in_background(lambda: store.transact("1", work)).outcome()

    graph = asking_two(store, meanwhile=answer_the_other)
    ids |= questions(graph.invoke("go", on()))
    assert graph.invoke(Command(resume={ids["a?"]: "A"}), on()) == ["A", "B"]
    assert gapless(store, "1")
    assert not rebuild.compare("1")


def asking_two(store: DatabaseSaver, *, meanwhile: Callable[[], None]) -> Any:
    @task
    def ask(name: str) -> Any:
        given = interrupt(name)
        if name == "a?":
            meanwhile()
        return given

    @entrypoint(checkpointer=store)
    def graph(_: Any) -> Any:
        return [future.result() for future in [ask("a?"), ask("b?")]]

    return graph
