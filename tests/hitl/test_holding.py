"""Rule 22: an answer with an undo window is held; it is taken back or given on, never both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from hitl import errors, verbs
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.sweep import tidy
from hitl.testing import drain, inline
from tests.hitl import flows
from tests.hitl.journals import evidence
from tests.hitl.racing import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def known(register: Callable[..., Any]) -> None:
    register(flows.asking)


def hold(thread_id: str = "t", *, seconds: float = 60) -> Interrupt:
    verbs.start("asking", "foo", thread_id=thread_id)
    drain()
    asked = Interrupt.objects.get(thread=thread_id)
    return verbs.answer(asked.id, "yes", version=1, by="ana", channel="web", token="form-1", hold_seconds=seconds)


def window_is_over() -> None:
    """As when the time has passed."""
    Interrupt.objects.filter(status="held").update(release_at=F("release_at") - timedelta(days=1))


def refused(call: Callable[[], Any], kind: type[errors.HitlError], *, says: str) -> Any:
    before = evidence()
    with pytest.raises(kind, match=says) as told:
        call()
    assert told.value.status == 409
    assert evidence() == before
    return told.value


def test_a_held_answer_waits_and_runs_nothing() -> None:
    held = hold()
    assert (held.status, held.answer, held.answered_by_name) == ("held", '"yes"', "ana")
    assert held.release_at is not None
    assert timedelta(seconds=55) < held.release_at - timezone.now() <= timedelta(seconds=60)
    assert Thread.objects.get().status == "interrupted"
    assert drain() == 0
    assert tidy() == 0
    assert Interrupt.objects.get().status == "held"


def test_undo_gives_the_question_back_one_version_on() -> None:
    held = hold()
    undone = verbs.undo(held.id, version=1, by="ana")
    assert (undone.status, undone.version, undone.answer, undone.answered_by_name) == ("pending", 2, None, "")
    assert verbs.answer(held.id, "no", version=2, by="ben").status == "answered"
    drain()
    assert Checkpoint.objects.get(kind="output").value == '"sent foo, no, sent foo again"'


def test_undo_burns_the_submit_token() -> None:
    """The held form sent once more must not answer what was just taken back."""
    held = hold()
    assert verbs.undo(held.id, version=1, by="ana").token == ""
    again = partial(verbs.answer, held.id, "yes", version=1, by="ana", token="form-1", hold_seconds=60)
    refused(again, errors.StaleAnswer, says="version 2")


def test_the_same_submit_while_held_is_the_same_answer() -> None:
    held = hold()
    before = evidence()
    again = verbs.answer(held.id, "yes", version=1, by="ana", channel="web", token="form-1", hold_seconds=60)
    assert again.status == "held"
    assert evidence() == before


def test_release_adds_the_run_in_the_name_of_who_answered() -> None:
    held = hold()
    window_is_over()
    assert tidy() == 1
    held.refresh_from_db()
    assert (held.status, held.release_at, held.answered_by_name) == ("answered", None, "ana")
    run = Run.objects.get(kind="resume")
    assert (run.status, run.requested_by_name, run.channel) == ("queued", "ana", "web")
    drain()
    assert Checkpoint.objects.get(kind="output").value == '"sent foo, yes, sent foo again"'


def test_release_before_its_time_does_nothing() -> None:
    held = hold()
    before = evidence()
    assert verbs.release(held.id) is False
    assert evidence() == before


def test_meanwhile_others_are_told_who_holds_it() -> None:
    held = hold()
    told = refused(partial(verbs.answer, held.id, "no", version=1, by="ben"), errors.QuestionHeld, says="held by ana")
    assert told.answered_by == "ana"
    start = partial(verbs.start, "asking", "bar", thread_id="t", discard_pending=True)
    refused(start, errors.QuestionHeld, says="held by ana")


def test_undo_of_what_is_not_held() -> None:
    held = hold()
    refused(partial(verbs.undo, held.id, version=9), errors.StaleAnswer, says="version 1")
    verbs.undo(held.id, version=1)
    refused(partial(verbs.undo, held.id, version=2), errors.QuestionClosed, says="is pending")
    verbs.answer(held.id, "yes", version=2, by="ben")
    refused(partial(verbs.undo, held.id, version=2), errors.AlreadyAnswered, says="by ben")


def test_a_held_question_is_open_in_the_state() -> None:
    hold()
    with inline():
        (asked,) = flows.asking.get_state({"configurable": {"thread_id": "t"}}).interrupts
    assert asked.value == "May foo go on?"


def test_cancel_ends_a_held_question() -> None:
    held = hold()
    verbs.cancel("t")
    held.refresh_from_db()
    assert (held.status, held.release_at) == ("cancelled", None)
    window_is_over()
    assert tidy() == 0


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_undo_and_release_at_once_one_wins() -> None:
    for number in range(10):
        held = hold(f"t{number}")
        window_is_over()
        undone, released = at_once(partial(verbs.undo, held.id, version=1, by="ana"), partial(verbs.release, held.id))
        held.refresh_from_db()
        if released:
            assert isinstance(undone, errors.AlreadyAnswered)
            assert held.status == "answered"
        else:
            assert released is False
            assert (held.status, held.version) == ("pending", 2)
        assert Run.objects.filter(thread=f"t{number}", kind="resume").count() == int(released)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_two_sweeps_one_releases() -> None:
    held = hold()
    window_is_over()
    assert sorted(at_once(*[partial(verbs.release, held.id)] * 3)) == [False, False, True]
    assert Checkpoint.objects.filter(kind="release").count() == 1
