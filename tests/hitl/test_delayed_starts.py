"""`start(run_at=…)`: it waits for its time, in nobody's way, and begins once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from hitl import codec, errors, executors, verbs
from hitl.checkpoint.database import saver
from hitl.doctor import findings
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.rebuild import compare_all
from hitl.run import run_thread
from hitl.sweep import sweep
from hitl.testing import drain
from tests.hitl import flows
from tests.hitl.clock import wait_until
from tests.hitl.journals import evidence, gapless
from tests.hitl.nudges import Recorder
from tests.hitl.racing import at_once

pytestmark = pytest.mark.django_db
LATER = timedelta(days=30)


@pytest.fixture(autouse=True)
def known(register: Callable[..., Any]) -> None:
    for workflow in (flows.asking, flows.echo):
        register(workflow)


def start(value: Any = 1, *, workflow: str = "echo", **options: Any) -> Run:
    return verbs.start(workflow, value, thread_id="t", run_at=timezone.now() + LATER, **options)


def come_due() -> None:
    """Its time comes, in the row and in the journal."""
    for run in Run.objects.filter(status="waiting", run_at__gt=timezone.now()):
        past = timezone.now() - timedelta(minutes=5)
        fact = Checkpoint.objects.get(thread=run.thread_id, seq=run.seq)
        fact.detail = fact.detail.replace(run.run_at.isoformat(), past.isoformat())  # type: ignore[union-attr]
        fact.save()
        Run.objects.filter(pk=run.pk).update(run_at=past)


def outputs() -> list[Any]:
    return [codec.decode(fact.value or "") for fact in Checkpoint.objects.filter(kind="output").order_by("seq")]


def test_it_waits_for_its_time() -> None:
    run = start(metadata={"case": 7})
    thread = Thread.objects.get()
    assert (run.status, thread.status, thread.turn, thread.metadata) == ("waiting", "idle", 0, {"case": 7})
    assert drain() == 0
    come_due()
    drain()
    run.refresh_from_db()
    assert (run.status, run.turn, outputs()) == ("succeeded", 1, [1])
    assert gapless(saver()) and not list(compare_all())


def test_a_time_that_is_over_is_now() -> None:
    run = verbs.start("echo", 1, run_at=timezone.now() - LATER)
    assert run.status == "queued"


def test_what_is_not_due_keeps_nobody_from_starting() -> None:
    start("later")
    verbs.start("echo", "now", thread_id="t")
    verbs.start("echo", "next", thread_id="t", multitask_strategy="enqueue")
    drain()
    assert outputs() == ["now", "next"]
    assert Run.objects.waiting().count() == 1


def test_a_turn_that_is_open_then_is_waited_for() -> None:
    start("later", workflow="asking")
    verbs.start("asking", "now", thread_id="t")
    drain()
    come_due()
    assert drain() == 0
    assert sweep() == 0
    verbs.answer(Interrupt.objects.get().pk, "yes", version=1)
    drain()
    assert Interrupt.objects.get(status="pending").turn == 2


@pytest.mark.parametrize("strategy, ended", [("interrupt", "discard"), ("rollback", "rollback")])
def test_or_given_up(strategy: str, ended: str) -> None:
    start("later", workflow="asking", multitask_strategy=strategy, by="ana")
    verbs.start("asking", "now", thread_id="t")
    drain()
    come_due()
    drain()
    assert '"by_name": "ana"' in Checkpoint.objects.get(kind=ended).detail
    assert Interrupt.objects.get(status="pending").turn == 2
    assert not list(compare_all())


def test_but_not_while_an_answer_can_be_undone() -> None:
    start("later", workflow="asking", multitask_strategy="interrupt")
    verbs.start("asking", "now", thread_id="t")
    drain()
    verbs.answer(Interrupt.objects.get().pk, "yes", version=1, hold_seconds=3600)
    come_due()
    assert not verbs.begin_due("t")
    assert drain() == 0
    assert Run.objects.waiting().count() == 1


def test_it_can_be_cancelled() -> None:
    run = start()
    assert verbs.withdraw(run.pk).status == "withdrawn"
    come_due()
    assert drain() == 0
    with pytest.raises(errors.NothingToCancel):
        verbs.cancel("t")


def test_a_cancel_of_the_thread_names_what_waits() -> None:
    start()
    with pytest.raises(errors.NothingToCancel, match="Of the 1 that wait to start"):
        verbs.cancel("t")


@pytest.mark.parametrize(
    "run_at, options, says",
    [
        (datetime(2030, 1, 1), {}, "it has no time zone"),
        (timezone.now() + LATER, {"multitask_strategy": "reject"}, "nobody is there to be refused"),
        (timezone.now() + LATER, {"discard_pending": True}, "does not go with 'enqueue'"),
    ],
)
def test_what_makes_no_sense(run_at: datetime, options: dict[str, Any], says: str) -> None:
    before = evidence()
    with pytest.raises(errors.InvalidInput, match=says):
        verbs.start("echo", 1, run_at=run_at, **options)
    assert evidence() == before


def test_where_a_thread_stands_that_has_not_begun() -> None:
    start()
    config = {"configurable": {"thread_id": "t"}}
    from hitl.testing import inline

    with inline():
        assert flows.echo.get_state(config).created_at is None
        assert list(flows.echo.get_state_history(config)) == []


def test_a_queue_is_told_of_the_time(settings: Any, django_capture_on_commit_callbacks: Any) -> None:
    settings.HITL_EXECUTOR = "tests.hitl.nudges.Recorder"
    told: list[Any] = []
    executor = executors.current()
    assert isinstance(executor, Recorder)
    executor.nudge = lambda thread_id, **options: told.append((thread_id, options))  # type: ignore[method-assign]
    try:
        with django_capture_on_commit_callbacks(execute=True):
            run = start()
        assert told == [("t", {"workflow": "echo", "run_at": run.run_at})]
    finally:
        del executor.nudge  # type: ignore[method-assign]


@pytest.mark.django_db(transaction=True)
def test_its_nudge_begins_it_without_a_sweep() -> None:
    start()
    assert not run_thread("t")
    come_due()
    assert run_thread("t")
    assert outputs() == [1]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_many_sweepers_one_begins_it() -> None:
    start()
    come_due()
    begun = at_once(*[partial(verbs.begin_due, "t")] * 4)
    assert sorted(begun) == [False, False, False, True]
    assert Checkpoint.objects.filter(kind="input").count() == 1


@pytest.mark.usefixtures("engine")
def test_a_server_begins_it_by_itself(settings: Any) -> None:
    settings.HITL_EXECUTOR = "hitl.executors.inprocess.InProcess"
    start()
    executors.serve()
    try:
        come_due()
        wait_until(lambda: outputs() == [1])
    finally:
        executors.stop()


def test_the_doctor_misses_who_should_have_begun_it() -> None:
    start()
    assert not list(findings())
    come_due()
    assert [finding.code for finding in findings()] == ["overdue-start"]
