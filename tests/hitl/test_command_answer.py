"""`hitl answer`, `cancel` and `retry`: the verbs, from a shell."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from hitl import testing, verbs
from hitl.models import Checkpoint, Interrupt, Thread
from tests.hitl.command import hitl

pytestmark = pytest.mark.django_db


@pytest.fixture
def question(db: None) -> Interrupt:
    verbs.start("graph", "foo", thread_id="one")
    testing.drain()
    return Interrupt.objects.get()


def test_an_answer_is_recorded_with_its_author_and_queues_the_run(question: Interrupt, ben: User) -> None:
    result = hitl("answer", question.pk, "--version", "1", "--input", "baz", "--as", "ben")
    assert (result.code, result.out.strip()) == (0, "one")
    answered = Interrupt.objects.get()
    assert (answered.status, answered.answered_by, answered.channel) == ("answered", ben, "command")
    testing.drain()
    assert Thread.objects.get().status == "idle"
    assert Checkpoint.objects.get(kind="output").value == '"foo bar baz qux"'


def test_a_second_answer_is_told_who_was_first(question: Interrupt, ben: User) -> None:
    hitl("answer", question.pk, "--version", "1", "--input", "baz", "--as", "ben")
    result = hitl("answer", question.pk, "--version", "1", "--input", "other")
    assert result.code == 4
    assert "answered by ben" in result.err
    assert Checkpoint.objects.filter(kind="answer").count() == 1


def test_an_answer_to_another_version_is_refused(question: Interrupt) -> None:
    result = hitl("answer", question.pk, "--version", "2", "--input", "baz")
    assert result.code == 4
    assert Interrupt.objects.get().status == "pending"


def test_an_unknown_question_is_not_found() -> None:
    assert hitl("answer", "0" * 32, "--version", "1", "--input", "baz").code == 3


def test_version_and_value_must_be_given(question: Interrupt) -> None:
    assert hitl("answer", question.pk, "--input", "baz").code != 0
    assert hitl("answer", question.pk, "--version", "1").code != 0
    assert hitl("answer", question.pk, "--version", "0", "--input", "baz").code != 0
    assert Interrupt.objects.get().status == "pending"


def test_what_does_not_fit_the_question_is_told_with_its_place(db: None) -> None:
    verbs.start("refund", {}, thread_id="one")
    testing.drain()
    question = Interrupt.objects.get()
    result = hitl("answer", question.pk, "--version", "1", "--json", '{"nonsense": 1}')
    assert result.code == 5
    assert "\n" not in result.err
    assert Interrupt.objects.get().status == "pending"


def test_cancel_closes_the_turn_and_keeps_the_reason(question: Interrupt) -> None:
    result = hitl("cancel", "one", "--reason", "ordered twice", "--as", "nobody")
    assert result.code == 3
    result = hitl("cancel", "one", "--reason", "ordered twice")
    assert (result.code, result.out.strip()) == (0, "one")
    assert Thread.objects.get().status == "idle"
    assert "ordered twice" in Checkpoint.objects.get(kind="cancel").detail


def test_there_is_nothing_to_cancel_or_retry_on_a_finished_thread(question: Interrupt) -> None:
    hitl("cancel", "one")
    assert hitl("cancel", "one").code == 4
    assert hitl("retry", "one").code == 4
    assert hitl("cancel", "nope").code == 3
    assert hitl("retry", "nope").code == 3
