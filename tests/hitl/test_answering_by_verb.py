"""Rules 5, 19, 20 and 23: a question is answered once, by somebody, as the version they saw."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User

from hitl import errors, verbs
from hitl.errors import HitlError
from hitl.func import entrypoint
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.testing import drain
from hitl.types import interrupt
from tests.hitl import flows
from tests.hitl.journals import evidence
from tests.hitl.racing import at_once, processes

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def known(register: Callable[..., Any]) -> None:
    for workflow in (flows.asking, flows.approval):
        register(workflow)


@pytest.fixture
def asked() -> Interrupt:
    return ask()


def ask(workflow: str = "asking", thread_id: str = "t") -> Interrupt:
    verbs.start(workflow, "foo", thread_id=thread_id)
    drain()
    return Interrupt.objects.get(thread=thread_id)


def refused(call: Callable[[], Any], kind: type[HitlError], *, says: str, status: int) -> Any:
    before = evidence()
    with pytest.raises(kind, match=says) as told:
        call()
    assert told.value.status == status
    assert evidence() == before
    return told.value


def test_an_answer_ends_the_question_queues_a_run_and_names_its_author(asked: Interrupt, ben: User) -> None:
    answered = verbs.answer(asked.id, "yes", version=1, by=ben, channel="web")
    assert (answered.status, answered.answer, answered.answered_by, answered.answered_by_name) == (
        "answered",
        '"yes"',
        ben,
        "ben",
    )
    assert (answered.channel, answered.answered_at is not None) == ("web", True)
    assert list(Run.objects.order_by("seq").values_list("kind", "status")) == [
        ("start", "interrupted"),
        ("resume", "queued"),
    ]
    drain()
    output = Checkpoint.objects.get(kind="output").value
    assert output is not None and json.loads(output) == "sent foo, yes, sent foo again"


def test_an_author_outlives_their_account(asked: Interrupt, ben: User) -> None:
    verbs.answer(asked.id, "yes", version=1, by=ben)
    ben.delete()
    asked.refresh_from_db()
    assert (asked.answered_by, asked.answered_by_name) == (None, "ben")


def test_without_a_name_it_was_code(asked: Interrupt) -> None:
    assert verbs.answer(asked.id, "yes", version=1).answered_by_name == "code"


def test_the_journal_keeps_the_value_before_and_after(asked: Interrupt) -> None:
    verbs.answer(asked.id, "yes", version=1, by="ana")
    fact = Checkpoint.objects.get(kind="answer")
    assert fact.value == '"yes"'
    assert json.loads(fact.detail) | {"run": 0} == {
        "by": None,
        "by_name": "ana",
        "channel": "code",
        "id": asked.id,
        "version": 1,
        "token": "",
        "before": None,
        "run": 0,
    }


def test_a_second_answer_is_told_who_and_when_and_what(asked: Interrupt) -> None:
    first = verbs.answer(asked.id, "yes", version=1, by="ana")
    again = partial(verbs.answer, asked.id, "no", version=1, by="ben")
    told = refused(again, errors.AlreadyAnswered, says="was answered by ana at 20", status=409)
    assert (told.answered_by, told.answered_at, told.answer) == ("ana", first.answered_at, "yes")
    drain()
    refused(again, errors.AlreadyAnswered, says="answered by ana", status=409)


def test_the_same_submit_twice_is_one_answer(asked: Interrupt, ben: User) -> None:
    submit = partial(verbs.answer, asked.id, "yes", version=1, token="form-1")
    submit(by=ben)
    before = evidence()
    assert submit(by=ben).answer == '"yes"'
    assert evidence() == before
    drain()
    assert submit(by=ben).status == "answered"


def test_another_ones_submit_with_that_token_is_another_answer(asked: Interrupt, ben: User) -> None:
    submit = partial(verbs.answer, asked.id, "yes", version=1, token="form-1")
    submit(by="ana")
    refused(partial(submit, by=ben), errors.AlreadyAnswered, says="ana", status=409)
    refused(partial(submit, by="cleo"), errors.AlreadyAnswered, says="ana", status=409)


def test_an_answer_to_another_version_is_stale(asked: Interrupt) -> None:
    call = partial(verbs.answer, asked.id, "yes", version=7)
    told = refused(call, errors.StaleAnswer, says="asked again as version 1", status=409)
    assert told.version == 1


def test_an_answer_that_does_not_fit() -> None:
    asked = ask("approval")
    told = refused(partial(verbs.answer, asked.id, 0, version=1), errors.InvalidAnswer, says="does not fit", status=422)
    assert [path for path, _ in told.errors] == [""]
    refused(partial(verbs.answer, asked.id, "many", version=1), errors.InvalidAnswer, says="whole number", status=422)


def test_an_answer_that_cannot_be_stored(asked: Interrupt) -> None:
    call = partial(verbs.answer, asked.id, {"a": object()}, version=1)
    refused(call, errors.Invalid, says="a", status=422)


def test_an_answer_of_five_megabytes(asked: Interrupt) -> None:
    call = partial(verbs.answer, asked.id, "x" * 5_000_000, version=1)
    refused(call, errors.ValueTooLarge, says="1,000,000", status=422)


def test_a_token_too_long_for_the_database(asked: Interrupt) -> None:
    call = partial(verbs.answer, asked.id, "yes", version=1, token="x" * 65)
    refused(call, errors.InvalidInput, says="token", status=422)


def test_an_unknown_question() -> None:
    refused(partial(verbs.answer, "0" * 32, "yes", version=1), errors.UnknownQuestion, says="no question", status=404)


def test_an_answer_to_a_cancelled_thread(asked: Interrupt) -> None:
    verbs.cancel("t")
    refused(partial(verbs.answer, asked.id, "y", version=1), errors.QuestionClosed, says="is cancelled", status=409)


def test_an_answer_to_a_finished_thread(asked: Interrupt) -> None:
    verbs.answer(asked.id, "yes", version=1, by="ana")
    drain()
    assert Thread.objects.get().status == "idle"
    refused(partial(verbs.answer, asked.id, "no", version=1), errors.AlreadyAnswered, says="ana", status=409)


def test_a_question_with_letters_that_a_database_refuses(register: Callable[..., Any]) -> None:
    @entrypoint(name="odd")
    def odd(value: str) -> Any:
        return interrupt({"text": "nul \x00, half a pair \ud800"})

    register(odd)
    asked = ask("odd")
    assert asked.status == "pending"
    assert "\x00" not in asked.title + asked.search
    verbs.answer(asked.id, "a\x00\ud800b", version=1)
    drain()
    output = Checkpoint.objects.get(kind="output").value
    assert output is not None and json.loads(output) == "a\x00\ud800b"


def test_an_error_with_letters_that_a_database_refuses(register: Callable[..., Any]) -> None:
    @entrypoint(name="odd")
    def odd(value: str) -> Any:
        raise ValueError("nul \x00, half a pair \ud800")

    register(odd)
    verbs.start("odd", "x", thread_id="t")
    drain()
    assert Run.objects.get().status == "failed"
    assert "nul" in Run.objects.get().error


def test_the_queue_goes_by_the_question_not_by_its_thread(register: Callable[..., Any]) -> None:
    """Rule 23: of two questions one is answered; the thread is busy, the other one still waits."""

    @entrypoint(name="two")
    def two(value: str) -> Any:
        first, second = flows.ask("a"), flows.ask("b")
        return [first.result(), second.result()]

    register(two)
    verbs.start("two", "x", thread_id="t")
    drain()
    first, second = Interrupt.objects.pending().order_by("asked_seq")
    verbs.answer(first.id, 1, version=1)
    assert Thread.objects.get().status == "busy"
    assert list(Interrupt.objects.pending()) == [second]
    Thread.objects.update(status="error")
    assert list(Interrupt.objects.pending()) == [second]


def test_assigning_and_giving_back(asked: Interrupt, ana: User, ben: User) -> None:
    assert verbs.assign(asked.id, to=ben, by=ana).assignee == ben
    before = evidence()
    verbs.assign(asked.id, to=ben, by=ana)
    assert evidence() == before
    assert verbs.assign(asked.id, to=None, by=ana).assignee is None
    verbs.answer(asked.id, "yes", version=1, by=ben)
    refused(partial(verbs.assign, asked.id, to=ana), errors.AlreadyAnswered, says="ben", status=409)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_two_answers_at_once_one_wins_and_the_other_is_told() -> None:
    for number in range(10):
        asked = ask(thread_id=f"t{number}")
        names = ["ana", "ben", "cleo"]
        outcomes = at_once(*[partial(verbs.answer, asked.id, name, version=1, by=name) for name in names])
        (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Interrupt)]
        losers = [outcome for outcome in outcomes if outcome is not winner]
        assert [type(loser) for loser in losers] == [errors.AlreadyAnswered] * 2
        for loser in losers:
            assert (loser.answered_by, loser.answered_at, loser.answer) == (
                winner.answered_by_name,
                winner.answered_at,
                winner.answered_by_name,
            )
        assert Checkpoint.objects.filter(thread=f"t{number}", kind="answer").count() == 1
        assert Run.objects.filter(thread=f"t{number}", kind="resume").count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_the_same_submit_many_times_at_once_is_one_answer() -> None:
    asked = ask()
    outcomes = at_once(*[partial(verbs.answer, asked.id, "yes", version=1, by="ana", token="form-1")] * 4)
    assert [getattr(outcome, "status", outcome) for outcome in outcomes] == ["answered"] * 4
    assert Checkpoint.objects.filter(kind="answer").count() == 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_answers_from_several_processes() -> None:
    asked = ask()
    requests = [("answer", {"question_id": asked.id, "value": n, "version": 1, "by": f"p{n}"}) for n in range(3)]
    outcomes = processes(requests, workflows="tests.hitl.flows")
    asked.refresh_from_db()
    assert sorted(next(iter(outcome)) for outcome in outcomes) == ["error", "error", "value"]
    for outcome in outcomes:
        if "error" in outcome:
            assert outcome["error"] == "AlreadyAnswered"
            assert f"answered by {asked.answered_by_name}" in outcome["message"]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_an_answer_and_a_cancel_at_once() -> None:
    """Whatever comes first stands: the answer is refused, or it stands and the run is cancelled."""
    for number in range(10):
        asked = ask(thread_id=f"t{number}")
        answered, cancelled = at_once(
            partial(verbs.answer, asked.id, "yes", version=1), partial(verbs.cancel, f"t{number}")
        )
        assert isinstance(cancelled, Thread)
        asked.refresh_from_db()
        thread = Thread.objects.get(pk=f"t{number}")
        assert thread.status == "idle"
        if isinstance(answered, errors.QuestionClosed):
            assert asked.status == "cancelled"
        else:
            assert asked.status == "answered"
        assert not Run.objects.filter(thread=thread, status__in=["queued", "running"]).exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_two_who_claim_at_once_one_has_the_question(ana: User, ben: User) -> None:
    for number in range(5):
        asked = ask(thread_id=f"t{number}")
        claims = [partial(verbs.assign, asked.id, to=who, instead_of=None, by=who) for who in (ana, ben)]
        outcomes = at_once(*claims)
        (late,) = [outcome for outcome in outcomes if isinstance(outcome, errors.AlreadyAssigned)]
        asked.refresh_from_db()
        assert asked.assignee == (ben if outcomes[0] is late else ana)
