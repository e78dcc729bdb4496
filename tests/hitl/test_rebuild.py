"""The rows are what the journal says; where they are not, it is found, and written if that is asked for."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from hitl import rebuild, testing, verbs
from hitl.models import Checkpoint, Interrupt, Run, Thread
from tests.hitl.command import hitl

pytestmark = pytest.mark.django_db


def question_of(thread_id: str) -> Interrupt:
    return Interrupt.objects.of(thread_id).open().get()


@pytest.fixture
def history(ana: User, ben: User) -> None:
    """Threads in every state, by everything that may happen to one."""
    for name in ("paused", "finished", "cancelled", "discarded", "held", "undone"):
        verbs.start("graph", "foo", thread_id=name, by=ben, metadata={"n": name})
    testing.drain()
    verbs.answer(question_of("finished").pk, "baz", version=1, by=ana, channel="web", token="t")
    testing.drain()
    verbs.start("graph", "again", thread_id="finished", idempotency_key="k")
    testing.drain()
    verbs.cancel("cancelled", by=ana, reason="no")
    verbs.start("graph", "anew", thread_id="discarded", discard_pending=True)
    testing.drain()
    verbs.answer(question_of("held").pk, "baz", version=1, by=ana, hold_seconds=60)
    verbs.answer(question_of("undone").pk, "baz", version=1, by=ana, hold_seconds=60)
    verbs.undo(question_of("undone").pk, version=1, by=ana)
    verbs.assign(question_of("undone").pk, to=ben, by=ana)
    verbs.start("graph", "queued", thread_id="queued")


def differences() -> list[str]:
    return [str(one) for one in rebuild.compare_all()]


def test_rows_that_nobody_touched_are_what_the_journal_says(history: None) -> None:
    assert differences() == []
    assert hitl("doctor", "--rebuild").code == 0


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [
        (Thread, "status", "idle"),
        (Thread, "output_seq", 1),
        (Thread, "metadata", {}),
        (Run, "status", "failed"),
        (Run, "requested_by_name", "mallory"),
        (Interrupt, "status", "answered"),
        (Interrupt, "answer", '"forged"'),
        (Interrupt, "version", 9),
    ],
)
def test_a_row_that_was_written_to_is_found_and_put_right(history: None, model: Any, field: str, value: Any) -> None:
    thread_id = "paused"
    key = "pk" if model is Thread else "thread_id"
    model.objects.filter(**{key: thread_id}).update(**{field: value})
    (difference,) = rebuild.compare(thread_id)
    assert (difference.field, difference.stands) == (field, value)

    rebuild.compare(thread_id, fix=True)
    assert differences() == []


def test_looking_changes_nothing(history: None) -> None:
    Thread.objects.filter(pk="paused").update(status="idle")
    rebuild.compare("paused")
    assert Thread.objects.get(pk="paused").status == "idle"


@pytest.mark.parametrize("model", [Run, Interrupt])
def test_a_row_that_is_missing_is_made_again(history: None, model: Any) -> None:
    before = list(model.objects.filter(thread="finished").values(*columns(model)))
    model.objects.filter(thread="finished").delete()
    assert all("missing" in line for line in differences())
    list(rebuild.compare_all(fix=True))
    assert differences() == []
    assert sorted(model.objects.filter(thread="finished").values(*columns(model)), key=str) == sorted(before, key=str)


def columns(model: Any) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields if field.name != "updated_at"]


def test_a_row_the_journal_does_not_know_is_told_of_and_left(history: None) -> None:
    run = Run.objects.get(thread="paused")
    run.pk = "foreign"
    run.save(force_insert=True)
    assert differences() == ["run foreign is not in the journal"]
    list(rebuild.compare_all(fix=True))
    assert Run.objects.filter(pk="foreign").exists()


def test_a_user_who_is_deleted_is_no_difference(history: None, ana: User, ben: User) -> None:
    ana.delete()
    ben.delete()
    assert differences() == []


def test_the_command_reports_and_repairs(history: None) -> None:
    Thread.objects.filter(pk="paused").update(status="idle")
    told = hitl("doctor", "--rebuild")
    assert told.code == 1
    assert "row-differs: thread paused: thread paused: status is 'idle', the journal says 'interrupted'" in told.out
    assert hitl("doctor", "--rebuild", "--fix").code == 1
    assert hitl("doctor", "--rebuild").code == 0


def test_the_whole_projection_can_be_lost_and_rebuilt(history: None) -> None:
    Run.objects.all().delete()
    Interrupt.objects.all().delete()
    Thread.objects.update(status="idle", turn=0, turn_seq=0, output_seq=None, metadata={})
    list(rebuild.compare_all(fix=True))
    assert differences() == []
    assert Checkpoint.objects.count() == sum(Thread.objects.values_list("seq", flat=True))
