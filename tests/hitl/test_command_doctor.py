"""`hitl doctor`: what is wrong in the running system, and with what to do about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from hitl import testing, verbs
from hitl.models import Checkpoint, Interrupt, Thread
from tests.hitl.command import hitl

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(hours=1)


@pytest.fixture
def paused(db: Any) -> Thread:
    verbs.start("graph", "foo", thread_id="one")
    testing.drain()
    return Thread.objects.get()


def found() -> list[tuple[str, str]]:
    return [(one["code"], one["thread_id"]) for one in hitl("doctor", "--format", "json").data]


def test_a_healthy_system_ends_with_nought(paused: Thread) -> None:
    result = hitl("doctor")
    assert result.code == 0
    assert result.out.strip() == "Nothing is wrong; 1 threads looked at."
    assert hitl("doctor", "--format", "json").data == []


def test_what_is_wrong_ends_with_one_and_names_thread_and_remedy(paused: Thread) -> None:
    Thread.objects.update(workflow="gone")
    result = hitl("doctor")
    assert result.code == 1
    assert result.out.startswith("unknown-workflow: thread one: ")
    assert "HITL_WORKFLOWS" in result.out


def test_what_the_system_checks_say_is_part_of_it(settings: Settings) -> None:
    settings.HITL_LEASE_SECOND = 3
    assert found() == [("hitl.W006", "")]


def test_a_thread_that_nobody_comes_for_is_overdue() -> None:
    verbs.start("graph", "foo", thread_id="one")
    assert found() == []
    Thread.objects.update(updated_at=timezone.now() - LONG_AGO)
    assert found() == [("overdue", "one")]


def test_a_thread_that_waits_for_a_timer_is_not() -> None:
    verbs.start("graph", "foo", thread_id="one")
    now = timezone.now()
    Thread.objects.update(updated_at=now - LONG_AGO, nudge_at=now + LONG_AGO)
    assert found() == []


def test_a_lease_that_ran_out_long_ago_is_stranded() -> None:
    verbs.start("graph", "foo", thread_id="one")
    Thread.objects.update(lease_owner="elsewhere:1:x", lease_expires_at=timezone.now() - LONG_AGO)
    assert found() == [("stranded-lease", "one")]


def test_a_lease_that_stands_is_well() -> None:
    verbs.start("graph", "foo", thread_id="one")
    Thread.objects.update(lease_owner="elsewhere:1:x", lease_expires_at=timezone.now() + LONG_AGO)
    assert found() == []


def test_a_finished_thread_of_a_workflow_that_is_gone_is_no_trouble(paused: Thread) -> None:
    verbs.cancel("one")
    Thread.objects.update(workflow="gone")
    assert found() == []


def test_a_held_answer_that_nobody_releases_is_found(paused: Thread) -> None:
    verbs.answer(Interrupt.objects.get().pk, "baz", version=1, hold_seconds=60)
    assert found() == []
    Interrupt.objects.update(release_at=timezone.now() - LONG_AGO)
    assert found() == [("overdue-release", "one")]


@pytest.mark.parametrize("seq", [1, 2, "last"])
def test_a_journal_with_a_fact_missing_is_found_wherever_it_was(paused: Thread, seq: Any) -> None:
    Checkpoint.objects.filter(thread=paused, seq=paused.seq if seq == "last" else seq).delete()
    assert found() == [("journal-gap", "one")]


def test_a_journal_that_is_gone_is_found(paused: Thread) -> None:
    Checkpoint.objects.all().delete()
    assert found() == [("journal-gap", "one")]


def test_fix_alone_is_a_wrong_command_line() -> None:
    assert hitl("doctor", "--fix").code == 2
