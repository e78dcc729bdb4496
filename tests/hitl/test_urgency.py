"""How urgent a question is: said when it is asked, changed by a verb, and one order in the queue."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hitl import registry, verbs
from hitl.errors import AlreadyAnswered, InvalidOption
from hitl.func import entrypoint
from hitl.models import Checkpoint, Interrupt
from hitl.rebuild import compare
from hitl.testing import drain
from hitl.types import interrupt

pytestmark = pytest.mark.django_db


@entrypoint(name="tests.urgency")
def ask(said: dict[str, Any]) -> Any:
    seconds = said.get("due")
    due = timedelta(seconds=seconds) if seconds is not None else None
    return interrupt(said["value"], priority=said.get("priority", 0), due=due)


registry.register(ask)


def question(value: str, **said: Any) -> Interrupt:
    run = verbs.start("tests.urgency", {"value": value, **said})
    drain()
    return Interrupt.objects.get(thread_id=run.thread_id)


def titles(order: str) -> list[str]:
    return [one.title for one in Interrupt.objects.pending().page(after=None, order=order)]


def test_priority_first_then_what_is_due_then_what_is_oldest() -> None:
    question("old")
    question("new")
    question("due soon", due=60)
    question("due later", due=3600)
    question("important", priority=1)
    question("can wait", priority=-1, due=1)
    assert titles("urgent") == ["important", "due soon", "due later", "old", "new", "can wait"]
    assert titles("oldest")[0] == "old"


def test_pages_follow_each_other_in_this_order() -> None:
    for number in range(5):
        question(str(number), priority=number % 2)
    found: list[str] = []
    after = None
    while page := list(Interrupt.objects.pending().page(after=after, order="urgent")[:2]):
        found += [one.title for one in page]
        after = (page[-1].urgent_at, page[-1].id)
    assert found == ["1", "3", "0", "2", "4"]


def test_the_asker_says_when_it_is_due() -> None:
    asked = question("?", due=600, priority=2)
    assert asked.due_at is not None
    assert abs(asked.due_at - asked.asked_at - timedelta(seconds=600)) < timedelta(seconds=5)
    assert asked.priority == 2


def test_a_person_changes_it_and_the_journal_says_who() -> None:
    asked = question("?")
    due = datetime(2030, 1, 1, tzinfo=UTC)
    changed = verbs.triage(asked.id, priority=3, due=due, by="ana")
    assert (changed.priority, changed.due_at, changed.version) == (3, due, 1)
    (fact,) = Checkpoint.objects.filter(kind="triage")
    assert '"by_name": "ana"' in fact.detail
    verbs.triage(asked.id, priority=3, due=due, by="ana")
    assert Checkpoint.objects.filter(kind="triage").count() == 1, "what is so already is not said again"
    assert compare(asked.thread_id) == []
    verbs.triage(asked.id, priority=0, due=None)
    asked.refresh_from_db()
    assert (asked.priority, asked.due_at) == (0, None)


def test_it_keeps_its_urgency_through_an_answer_to_another() -> None:
    asked = question("?", priority=4)
    verbs.answer(asked.id, "yes", version=1)
    drain()
    with pytest.raises(AlreadyAnswered):
        verbs.triage(asked.id, priority=1, due=None)
    asked.refresh_from_db()
    assert (asked.status, asked.priority) == ("answered", 4)


@pytest.mark.parametrize("priority", [10, -10, 1.5, "high", True])
def test_what_is_no_priority(priority: Any) -> None:
    with pytest.raises(InvalidOption, match="from -9 to 9"):
        verbs.triage("x", priority=priority, due=None)


@pytest.mark.parametrize(
    "due", [datetime(2030, 1, 1), timedelta(days=9999), "tomorrow", datetime.max.replace(tzinfo=UTC)]
)
def test_what_is_no_time_to_be_due(due: Any) -> None:
    with pytest.raises(InvalidOption, match="timedelta from now or a datetime with a time zone"):
        verbs.triage("x", priority=0, due=due)
