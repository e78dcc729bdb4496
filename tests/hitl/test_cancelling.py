"""Rule 28: cancel ends the open turn at once, whoever runs it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from hitl import errors, verbs
from hitl.checkpoint.database import saver
from hitl.func import entrypoint, task
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.run import run_thread
from hitl.testing import drain
from tests.hitl import flows
from tests.hitl.journals import evidence, gapless, kinds
from tests.hitl.racing import at_once, in_background

pytestmark = pytest.mark.django_db
WAIT_SECONDS = 30


@pytest.fixture(autouse=True)
def known(register: Callable[..., Any]) -> None:
    for workflow in (flows.asking, flows.echo):
        register(workflow)


def test_a_waiting_thread_is_closed_with_its_questions() -> None:
    verbs.start("asking", "foo", thread_id="t")
    drain()
    thread = verbs.cancel("t", by="ana", channel="web", reason="not needed")
    assert (thread.status, Interrupt.objects.get().status) == ("idle", "cancelled")
    fact = Checkpoint.objects.get(kind="cancel")
    assert '"by_name": "ana"' in fact.detail and '"reason": "not needed"' in fact.detail


def test_a_queued_run_is_cancelled_before_it_began() -> None:
    verbs.start("echo", "foo", thread_id="t")
    verbs.cancel("t")
    assert Run.objects.get().status == "cancelled"
    assert drain() == 0


def test_a_failed_thread_is_closed(register: Callable[..., Any]) -> None:
    @entrypoint(name="failing")
    def failing(value: str) -> None:
        raise ValueError(value)

    register(failing)
    verbs.start("failing", "foo", thread_id="t")
    drain()
    assert Thread.objects.get().status == "error"
    assert verbs.cancel("t").status == "idle"
    assert Run.objects.get().status == "failed"


@pytest.mark.parametrize(
    "thread_id, kind, status", [("t", errors.NothingToCancel, 409), ("?", errors.UnknownThread, 404)]
)
def test_what_cannot_be_cancelled(thread_id: str, kind: type[errors.HitlError], status: int) -> None:
    verbs.start("echo", "foo", thread_id="t")
    drain()
    before = evidence()
    with pytest.raises(kind, match=rf"'{thread_id}'|thread '\?'") as told:
        verbs.cancel(thread_id)
    assert told.value.status == status
    assert evidence() == before


def test_a_cancelled_thread_takes_new_input() -> None:
    verbs.start("asking", "foo", thread_id="t")
    drain()
    verbs.cancel("t")
    verbs.start("asking", "bar", thread_id="t")
    drain()
    assert Interrupt.objects.get(status="pending").value == '"May bar go on?"'


@pytest.mark.race
@pytest.mark.usefixtures("engine")
@pytest.mark.django_db(transaction=True)
def test_cancelled_while_a_task_runs_its_result_is_not_recorded_and_nothing_follows(
    register: Callable[..., Any],
) -> None:
    runs, go_on = threading.Event(), threading.Event()
    begun: list[str] = []

    @task
    def first() -> str:
        begun.append("first")
        runs.set()
        assert go_on.wait(WAIT_SECONDS)
        return "1"

    @task
    def second() -> None:
        begun.append("second")

    @entrypoint(name="two")
    def two(value: str) -> None:
        first().result()
        second().result()

    register(two)
    began_at = verbs.start("two", "x", thread_id="t").thread.lease_epoch
    executor = in_background(partial(run_thread, "t"))
    assert runs.wait(WAIT_SECONDS)
    thread = verbs.cancel("t")
    assert (thread.status, thread.lease_epoch - began_at, thread.lease_owner) == ("idle", 2, "")
    assert Run.objects.get().status == "cancelled"
    go_on.set()
    executor.outcome()
    assert begun == ["first"]
    assert kinds(saver()) == ["input", "leg", "cancel"]


@pytest.mark.race
@pytest.mark.usefixtures("engine")
@pytest.mark.django_db(transaction=True)
def test_code_that_called_the_workflow_is_told(register: Callable[..., Any]) -> None:
    runs, go_on = threading.Event(), threading.Event()

    @entrypoint(name="slow")
    def slow(value: str) -> str:
        runs.set()
        assert go_on.wait(WAIT_SECONDS)
        return value

    call = in_background(lambda: slow.invoke("x", {"configurable": {"thread_id": "t"}}))
    assert runs.wait(WAIT_SECONDS)
    verbs.cancel("t")
    go_on.set()
    with pytest.raises(errors.RunCancelled, match="'t' was cancelled"):
        call.outcome()


@pytest.mark.race
@pytest.mark.usefixtures("engine")
@pytest.mark.django_db(transaction=True)
def test_cancel_at_any_moment_of_a_run(register: Callable[..., Any]) -> None:
    """Either the run has ended, or it is cancelled; never both, and never half."""

    @task
    def step(number: int) -> int:
        return number

    @entrypoint(name="steps")
    def steps(value: str) -> list[int]:
        return [step(number).result() for number in range(5)]

    register(steps)
    for number in range(8):
        thread_id = f"t{number}"
        verbs.start("steps", "x", thread_id=thread_id)
        ran, cancelled = at_once(partial(run_thread, thread_id), partial(verbs.cancel, thread_id))
        assert ran in (True, False)
        ends = [kind for kind in kinds(saver(), thread_id) if kind in ("output", "cancel")]
        assert ends == ["output" if isinstance(cancelled, errors.NothingToCancel) else "cancel"]
        assert kinds(saver(), thread_id)[-1] == ends[0]
        assert gapless(saver(), thread_id)
        thread = Thread.objects.get(pk=thread_id)
        assert (thread.status, thread.lease_owner, thread.lease_expires_at) == ("idle", "", None)
