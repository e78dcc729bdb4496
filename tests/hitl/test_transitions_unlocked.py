"""A transition on rows that were read without a lock is made only on what was read (rules 1 and 4).

Where reading and writing are two round trips, somebody else may come between them; where they are one transaction,
as on SQLite, nobody can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from hitl import answering, rebuild, testing, transitions
from hitl.answering import Given
from hitl.checkpoint.database import DatabaseSaver, saver
from hitl.errors import AlreadyAnswered, ThreadBusy
from hitl.func import entrypoint, task
from hitl.models import Run, Thread
from hitl.opening import Start
from hitl.types import Command, interrupt
from hitl.unit import Unit
from tests.hitl.journals import ANA, BEN, begin, claim, gapless, kinds, leased, paused, result
from tests.hitl.racing import in_background

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.postgres]


CONFIG = {"configurable": {"thread_id": "t"}}


@task
def step_1(text: str) -> str:
    return f"{text} bar"


@task
def human_feedback(text: str) -> str:
    return f"{text} {interrupt('Please provide feedback')}"


@task
def step_3(text: str) -> str:
    return f"{text} qux"


@entrypoint()
def workflow(text: str) -> str:
    return str(step_3(human_feedback(step_1(text).result()).result()).result())


@pytest.fixture
def store() -> Iterator[DatabaseSaver]:
    yield saver()
    testing.close()


def pushed_in(
    store: DatabaseSaver, other: Callable[[], Any], work: Callable[[Unit], Any], *, looks: int = 2, **options: Any
) -> Any:
    """What `work` comes to where `other` happens between its first look at the thread and what it writes."""
    looked: list[Unit] = []

    def with_company(unit: Unit) -> Any:
        if not looked:
            in_background(other).outcome()
        looked.append(unit)
        return work(unit)

    try:
        return store.transact("t", with_company, repeatable=True, **options)
    finally:
        assert len(looked) == looks
        assert gapless(store)
        assert not rebuild.compare("t")


def test_a_whole_workflow_takes_a_statement_a_durable_fact(store: DatabaseSaver) -> None:
    """Its eight facts are seven commits, since a turn is begun and claimed in one; the answer's rows are read first."""
    store.now()
    with testing.inline(), CaptureQueriesContext(connection) as seen:
        assert "__interrupt__" in workflow.invoke("foo", CONFIG)
        assert workflow.invoke(Command(resume="baz"), CONFIG) == "foo bar baz qux"
    assert len(seen) == 8, [query["sql"][:60] for query in seen]
    assert not rebuild.compare("t")


def test_alone_it_looks_once(store: DatabaseSaver) -> None:
    looked = []

    def work(unit: Unit) -> Any:
        looked.append(unit)
        return transitions.start(unit, Start("w", '"foo"', ANA))

    store.transact("t", work, create=True, repeatable=True)
    assert len(looked) == 1
    assert kinds(store) == ["input"]
    assert Run.objects.get().status == "queued"
    assert not rebuild.compare("t")


def test_a_turn_of_many_megabytes_is_not_made_one_text(store: DatabaseSaver) -> None:
    """Of more than a gigabyte the server makes none: such a thread could never be claimed again."""
    lease = leased(store, lease_seconds=-1)
    for number in range(9):
        store.append(lease, [result(number, "x" * 900_000)])
    work = partial(transitions.claim, workflow="w", lease_seconds=30, code_version="1")
    with CaptureQueriesContext(connection) as seen:
        again = store.transact("t", work, closed=True, turn=True, repeatable=True)
    assert any("FOR UPDATE" in query["sql"] for query in seen)
    opened = again.kept.take_turn()
    assert opened is not None
    assert [len(fact.value or "") for fact in opened.facts] == [5, *[900_002] * 9]


def test_facts_of_many_megabytes_are_not_made_one_text(store: DatabaseSaver) -> None:
    lease = leased(store)
    with CaptureQueriesContext(connection) as seen:
        store.append(lease, [result(number, "x" * 900_000) for number in range(18)])
    assert not any("json_to_recordset" in query["sql"] for query in seen)
    assert kinds(store) == ["input", "leg", *["task"] * 18]
    assert gapless(store)


def test_another_one_makes_the_thread(store: DatabaseSaver) -> None:
    store.now()  # the database's clock is known, so that a new thread need not be looked for
    work = partial(transitions.start, asked=Start("w", '"foo"', ANA))
    with pytest.raises(ThreadBusy):
        # As if it were new, as it is then, and under the lock.
        pushed_in(store, partial(begin, store), work, create=True, looks=3)
    assert kinds(store) == ["input"]


def test_another_one_claims_it(store: DatabaseSaver) -> None:
    begin(store)
    work = partial(transitions.claim, workflow="w", lease_seconds=30, code_version="1")
    assert pushed_in(store, partial(claim, store), work) is None
    assert Thread.objects.get().lease_epoch == store.facts("t")[0].epoch + 1


def test_the_lease_is_prolonged(store: DatabaseSaver) -> None:
    lease = leased(store, lease_seconds=-1)
    work = partial(transitions.claim, workflow="w", lease_seconds=30, code_version="1")
    assert pushed_in(store, lambda: store.renew([lease], lease_seconds=30), work) is None
    assert Thread.objects.get().lease_epoch == store.facts("t")[0].epoch + 1


def test_another_one_answers(store: DatabaseSaver) -> None:
    asked = paused(store)

    def answer(text: str) -> Callable[[Unit], Any]:
        return partial(answering.answer, given={asked: Given(text)}, author=BEN)

    with pytest.raises(AlreadyAnswered):
        pushed_in(store, lambda: store.transact("t", answer("first")), answer("second"), questions=[asked])
    assert [fact.value for fact in store.facts("t") if fact.kind == "answer"] == ['"first"']
