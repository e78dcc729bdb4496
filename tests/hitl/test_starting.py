"""Rules 9 and 10: what start does to a new, an idle, a busy, a waiting and a failed thread; used keys."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User

from hitl import errors, verbs
from hitl.errors import HitlError
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.testing import drain
from tests.hitl import flows
from tests.hitl.journals import evidence
from tests.hitl.racing import at_once, processes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def known(register: Callable[..., Any]) -> None:
    for workflow in (flows.echo, flows.asking, flows.counting):
        register(workflow)


def refused(call: Callable[[], Any], kind: type[HitlError], *, says: str, status: int) -> HitlError:
    """It raises this, and not a row has changed."""
    before = evidence()
    with pytest.raises(kind, match=says) as told:
        call()
    assert told.value.status == status
    assert evidence() == before
    return told.value


def test_a_start_writes_thread_run_and_input_and_makes_the_id(ana: User) -> None:
    run = verbs.start("echo", {"a": 1}, by=ana, channel="web", metadata={"case": 7})
    thread = Thread.objects.get()
    assert run.thread_id == thread.id and len(thread.id) == 36
    assert (thread.workflow, thread.status, thread.seq, thread.metadata) == ("echo", "busy", 1, {"case": 7})
    assert (run.kind, run.status, run.requested_by, run.requested_by_name) == ("start", "queued", ana, "ana")
    assert [(fact.kind, fact.value) for fact in Checkpoint.objects.all()] == [("input", '{"a":1}')]


def test_an_idle_thread_takes_a_new_turn() -> None:
    verbs.start("echo", "one", thread_id="t")
    drain()
    second = verbs.start("echo", "two", thread_id="t", metadata={"more": 1})
    drain()
    thread = Thread.objects.get()
    assert (second.turn, thread.turn, thread.status) == (2, 2, "idle")
    assert Checkpoint.objects.get(thread=thread, seq=thread.output_seq).value == '"two"'


def test_a_busy_thread_refuses() -> None:
    verbs.start("echo", "one", thread_id="t")
    again = partial(verbs.start, "echo", "two", thread_id="t")
    refused(again, errors.ThreadBusy, says="'t' is busy", status=409)
    refused(partial(again, discard_pending=True), errors.ThreadBusy, says="cancel it first", status=409)


def test_a_waiting_thread_refuses_unless_told_to_give_its_question_up() -> None:
    verbs.start("asking", "one", thread_id="t")
    drain()
    again = partial(verbs.start, "asking", "two", thread_id="t")
    refused(again, errors.ThreadInterrupted, says="discard_pending=True", status=409)
    again(discard_pending=True)
    assert Interrupt.objects.get().status == "cancelled"
    assert list(Run.objects.order_by("seq").values_list("status", flat=True)) == ["interrupted", "queued"]
    drain()
    assert Interrupt.objects.get(status="pending").turn == 2


def test_a_failed_thread_refuses_too() -> None:
    verbs.start("counting", 1, thread_id="t")
    Thread.objects.update(status="error")
    again = partial(verbs.start, "counting", 2, thread_id="t")
    refused(again, errors.ThreadInError, says="Retry or cancel it", status=409)
    assert again(discard_pending=True).turn == 2


def test_a_thread_belongs_to_its_workflow() -> None:
    verbs.start("echo", "one", thread_id="t")
    drain()
    refused(
        partial(verbs.start, "asking", "x", thread_id="t"),
        errors.WrongWorkflow,
        says="belongs to workflow 'echo', not to 'asking'",
        status=409,
    )


def test_an_unknown_workflow() -> None:
    refused(partial(verbs.start, "ekho", 1), errors.UnknownWorkflow, says="Registered: .*asking.*echo", status=404)


def test_an_input_that_does_not_fit() -> None:
    told = refused(partial(verbs.start, "counting", "many"), errors.InvalidInput, says="integer", status=422)
    assert isinstance(told, errors.InvalidInput)
    assert [path for path, _ in told.errors] == [""]


def test_an_input_that_cannot_be_stored_is_told_by_its_path() -> None:
    unstorable = {"a": [1, object()]}
    refused(
        partial(verbs.start, "echo", unstorable), errors.UnstorableValue, says=r'input\["a"\]\[1\]: object', status=422
    )


def test_an_input_of_five_megabytes() -> None:
    refused(partial(verbs.start, "echo", "x" * 5_000_000), errors.ValueTooLarge, says="1,000,000", status=422)


@pytest.mark.parametrize("thread_id", ["", "  ", "x" * 201, "a\x00b", "a\nb"])
def test_a_text_that_cannot_be_a_thread_id(thread_id: str) -> None:
    call = partial(verbs.start, "echo", 1, thread_id=thread_id)
    refused(call, errors.InvalidInput, says="cannot be a thread id", status=422)


@pytest.mark.parametrize("key", ["k" * 201, "a\x00b"])
def test_a_text_that_cannot_be_an_idempotency_key(key: str) -> None:
    call = partial(verbs.start, "echo", 1, idempotency_key=key)
    refused(call, errors.InvalidInput, says="idempotency_key", status=422)


@pytest.mark.parametrize("metadata", [{"a": "\x00"}, {"\x00": 1}, {"a": object()}])
def test_metadata_that_a_database_cannot_store(metadata: dict[str, Any]) -> None:
    call = partial(verbs.start, "echo", 1, metadata=metadata)
    refused(call, errors.UnstorableValue, says="metadata", status=422)


def test_an_author_with_any_name() -> None:
    run = verbs.start("echo", 1, by="n" * 500)
    assert run.requested_by_name == "n" * 200


def test_the_same_key_and_input_are_the_first_run_whatever_became_of_it() -> None:
    first = verbs.start("echo", {"a": 1, "b": 2}, thread_id="t", idempotency_key="k")
    assert verbs.start("echo", {"b": 2, "a": 1}, thread_id="t", idempotency_key="k").pk == first.pk
    drain()
    assert verbs.start("echo", {"a": 1, "b": 2}, idempotency_key="k").pk == first.pk
    assert Run.objects.count() == Thread.objects.count() == 1


def test_the_same_key_with_another_input_is_an_error() -> None:
    verbs.start("echo", 1, thread_id="t", idempotency_key="k")
    refused(
        partial(verbs.start, "echo", 2, idempotency_key="k"),
        errors.IdempotencyConflict,
        says="'k' was used for thread 't' with another input",
        status=409,
    )


def test_keys_of_two_workflows_are_apart() -> None:
    one = verbs.start("echo", 1, idempotency_key="k")
    assert verbs.start("counting", 1, idempotency_key="k").pk != one.pk


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("thread_id", [None, "t"])
def test_eight_starts_with_one_key_are_one_run(thread_id: str | None) -> None:
    start = partial(verbs.start, "echo", 1, idempotency_key="k", thread_id=thread_id)
    outcomes = at_once(*[start] * 8)
    assert {getattr(run, "pk", run) for run in outcomes} == {Run.objects.get().pk}
    assert Checkpoint.objects.count() == Thread.objects.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_starts_with_one_key_and_other_inputs_one_wins() -> None:
    outcomes = at_once(*[partial(verbs.start, "echo", n, idempotency_key="k") for n in range(4)])
    assert sum(isinstance(outcome, Run) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, errors.IdempotencyConflict) for outcome in outcomes) == 3
    assert Run.objects.count() == Thread.objects.count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_two_starts_on_one_new_thread_one_wins() -> None:
    for number in range(10):
        outcomes = at_once(*[partial(verbs.start, "echo", n, thread_id=f"t{number}") for n in range(2)])
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Run", "ThreadBusy"]
    assert Run.objects.count() == Checkpoint.objects.count() == 10


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_starts_from_several_processes() -> None:
    request = ("start", {"workflow": "echo", "value": 1, "thread_id": "t", "idempotency_key": "k"})
    outcomes = processes([request] * 3, workflows="tests.hitl.flows")
    assert outcomes == [{"value": Run.objects.get().pk}] * 3
    assert Checkpoint.objects.count() == 1
