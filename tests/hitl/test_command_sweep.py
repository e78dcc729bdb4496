"""`hitl sweep`: what was left lying is found and done, without a server."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from hitl import testing, verbs
from hitl.models import Checkpoint, Interrupt, Thread
from tests.hitl.command import hitl

pytestmark = pytest.mark.django_db


def sweep() -> str:
    with testing.inline():
        return hitl("sweep").out.strip()


def test_what_is_due_is_run_here_and_now() -> None:
    verbs.start("graph", "foo", thread_id="one")
    verbs.start("graph", "foo", thread_id="two")
    assert sweep() == "0 released or freed, 2 run."
    assert set(Thread.objects.values_list("status", flat=True)) == {"interrupted"}
    assert sweep() == "0 released or freed, 0 run."


def test_a_held_answer_whose_window_is_over_is_released_and_its_run_done() -> None:
    verbs.start("graph", "foo", thread_id="one")
    testing.drain()
    question = Interrupt.objects.get()
    verbs.answer(question.pk, "baz", version=1, hold_seconds=60)
    assert sweep() == "0 released or freed, 0 run."
    Interrupt.objects.update(release_at=timezone.now() - timedelta(seconds=1))
    assert sweep() == "1 released or freed, 1 run."
    assert Checkpoint.objects.get(kind="output").value == '"foo bar baz qux"'


def test_a_thread_whose_workflow_is_unknown_here_is_left_alone() -> None:
    verbs.start("graph", "foo", thread_id="one")
    Thread.objects.update(workflow="gone")
    assert sweep() == "0 released or freed, 0 run."
    assert Thread.objects.get().status == "busy"
