"""Questions that are alike to the letter bear the same likeness: as asked, after every change, and from before."""

from __future__ import annotations

import importlib
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection

from hitl import rebuild, verbs
from hitl.models import Interrupt
from tests.reviewer.factories import question

pytestmark = pytest.mark.django_db
before = importlib.import_module("hitl.migrations.0011_likeness_of_old")


def likeness(asked: Interrupt) -> str:
    return Interrupt.objects.get(id=asked.id).likeness


def test_the_same_question_of_the_same_workflow_is_alike() -> None:
    first, second = question({"question": "Ship?", "rows": [1, 2]}), question({"question": "Ship?", "rows": [1, 2]})
    assert len(first.likeness) == 32
    assert first.likeness == second.likeness


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"question": "Ship?", "rows": [1, "2"]}, None),
        ({"question": "Ship it?", "rows": [1, 2]}, None),
        ({"question": "Ship?", "rows": [1, 2]}, {"type": "string"}),
    ],
)
def test_one_that_differs_in_anything_asked_is_not(value: Any, schema: Any) -> None:
    assert question({"question": "Ship?", "rows": [1, 2]}).likeness != question(value, schema=schema).likeness


def test_whoever_has_it_or_how_urgent_it_is_tells_them_apart(ana: User, ben: User) -> None:
    first, second, third = (question("Ship?") for _ in range(3))
    verbs.assign(first.id, to=ana, by=ana)
    assert likeness(first) != likeness(second)
    verbs.assign(second.id, to=ana, by=ana)
    assert likeness(first) == likeness(second)
    verbs.triage(second.id, priority=2, due=None, by=ben)
    assert likeness(first) != likeness(second)
    for one in (first, second):
        verbs.assign(one.id, to=None, by=ana)
    verbs.triage(second.id, priority=0, due=None, by=ben)
    assert likeness(first) == likeness(second) == likeness(third)


def test_the_rows_are_what_the_journal_says(ana: User) -> None:
    asked = question("Ship?")
    verbs.assign(asked.id, to=ana, by=ana)
    assert rebuild.compare(asked.thread_id) == []


def test_questions_from_before_get_theirs(ana: User) -> None:
    plain, taken, other = question("Ship é?"), question("Ship é?"), question("Burn?", schema={"type": "string"})
    verbs.assign(taken.id, to=ana, by=ana)
    given_back = question("Broken?")
    Interrupt.objects.filter(id=given_back.id).update(problem="It raised.")
    known = {one.id: likeness(one) for one in (plain, taken, other)}
    Interrupt.objects.update(likeness="")
    before.work_out(apps, SimpleNamespace(connection=connection))
    assert {one.id: likeness(one) for one in (plain, taken, other)} == known
    assert likeness(given_back) == ""
