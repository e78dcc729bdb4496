"""Rule 36: start and answer may be part of the caller's transaction; the nudge goes out when it commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import transaction

from hitl import announce, errors, verbs
from hitl.checkpoint.database import saver
from hitl.models import Interrupt, Thread
from tests.hitl import flows
from tests.hitl.journals import evidence, kinds, paused
from tests.hitl.nudges import Recorder
from tests.hitl.racing import WAIT_SECONDS

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("engine")]


class Undo(Exception):
    pass


@pytest.fixture(autouse=True)
def recorder(settings: Any, register: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.HITL_EXECUTOR = "tests.hitl.nudges.Recorder"
    monkeypatch.setattr(Recorder, "nudges", [])
    register(flows.echo)
    register(flows.asking)
    yield


def test_a_start_is_nudged_once_and_only_when_it_is_committed() -> None:
    with transaction.atomic():
        verbs.start("echo", 1, thread_id="t")
        assert Recorder.nudges == []
    assert Recorder.nudges == [("t", "echo")]


def test_a_start_that_is_rolled_back_leaves_nothing() -> None:
    before = evidence()
    with pytest.raises(Undo), transaction.atomic():
        verbs.start("echo", 1, thread_id="t")
        raise Undo
    assert evidence() == before
    assert Recorder.nudges == []


def test_an_answer_that_is_rolled_back_leaves_the_question() -> None:
    question_id = paused(saver())
    before = evidence()
    with pytest.raises(Undo), transaction.atomic():
        verbs.answer(question_id, "yes", version=1)
        raise Undo
    assert evidence() == before
    assert Recorder.nudges == []
    verbs.answer(question_id, "yes", version=1)
    assert Recorder.nudges == [("t", "w")]


def test_the_callers_own_rows_and_the_start_are_one() -> None:
    from django.contrib.auth.models import User

    with pytest.raises(Undo), transaction.atomic():
        User.objects.create_user("dora")
        verbs.start("echo", 1)
        raise Undo
    assert not User.objects.filter(username="dora").exists()
    assert not Thread.objects.exists()


def test_a_refusal_leaves_the_callers_transaction_whole() -> None:
    question_id = paused(saver())
    with transaction.atomic():
        verbs.answer(question_id, "yes", version=1)
        with pytest.raises(errors.AlreadyAnswered):
            verbs.answer(question_id, "no", version=1)
        with pytest.raises(errors.ThreadBusy):
            verbs.start("echo", 1, thread_id=verbs.start("echo", 1).thread_id)
    assert Interrupt.objects.get().answer == '"yes"'
    assert Thread.objects.count() == 2


def test_a_used_key_leaves_the_callers_transaction_whole() -> None:
    with transaction.atomic():
        first = verbs.start("echo", 1, idempotency_key="k")
        assert verbs.start("echo", 1, idempotency_key="k").pk == first.pk
        with pytest.raises(errors.IdempotencyConflict):
            verbs.start("echo", 2, idempotency_key="k")
    assert kinds(saver(), first.thread_id) == ["input"]


def test_a_graph_does_not_run_inside_a_transaction() -> None:
    before = evidence()
    with transaction.atomic(), pytest.raises(errors.InsideTransaction, match=r"hitl\.verbs\.start"):
        flows.echo.invoke(1, {"configurable": {"thread_id": "t"}})
    assert evidence() == before


def test_a_graph_called_in_code_sends_no_nudge_and_holds_the_lease() -> None:
    seen: list[Any] = []

    from hitl.func import entrypoint

    @entrypoint(name="looking")
    def looking(value: int) -> int:
        seen.append(saver().submit(lambda: saver().thread("t")).result())
        return value

    assert looking.invoke(1, {"configurable": {"thread_id": "t"}}) == 1
    assert Recorder.nudges == []
    assert (seen[0].status, seen[0].nudge_at) == ("busy", None)
    assert seen[0].lease_owner != ""


def test_the_process_is_told_after_the_commit_and_not_before() -> None:
    """Rule 39. That nobody hears of a transaction that is open is seen in what is heard first."""
    from threading import Event

    heard: list[frozenset[str]] = []
    told = Event()

    def listen(ids: frozenset[str]) -> None:
        heard.append(ids)
        if "after" in ids:
            told.set()

    stop = announce.listen(listen)
    try:
        with pytest.raises(Undo), transaction.atomic():
            verbs.start("echo", 1, thread_id="before")
            raise Undo
        verbs.start("echo", 1, thread_id="after")
        assert told.wait(WAIT_SECONDS)
    finally:
        stop()
    # Of what other tests left to be told, this one says nothing.
    assert not any("before" in ids for ids in heard)
