"""The demo's workflows: each runs to its question, takes each kind of answer, and ends."""

from __future__ import annotations

from typing import Any

import pytest

from hitl import codec, verbs
from hitl.errors import InvalidAnswer, InvalidInput
from hitl.models import Checkpoint, Interrupt, Thread
from hitl.testing import drain

pytestmark = pytest.mark.django_db


def start(workflow: str, value: Any) -> Thread:
    run = verbs.start(workflow, value)
    drain()
    return Thread.objects.get(id=run.thread_id)


def question(thread: Thread) -> Interrupt:
    return Interrupt.objects.pending().get(thread=thread)


def answer(thread: Thread, value: Any) -> Any:
    """Answer, run on, and return the output, if it has come to that."""
    asked = question(thread)
    verbs.answer(asked.id, value, version=asked.version)
    drain()
    thread.refresh_from_db()
    if thread.status != "idle":
        return None
    return codec.plain(Checkpoint.objects.get(thread=thread, seq=thread.output_seq).value or "null")


def tasks(thread: Thread) -> list[str]:
    return list(Checkpoint.objects.of(thread.id).filter(kind="task").values_list("name", flat=True))


def test_graph_ends_as_the_design_says() -> None:
    thread = start("graph", "foo")
    assert question(thread).title == "Please provide feedback: foo bar"
    assert answer(thread, "baz") == "foo bar baz qux"


def test_a_refund_is_checked_three_ways_and_paid_as_approved() -> None:
    thread = start("refund", {"amount": "40.00"})
    assert sorted(tasks(thread)) == ["earlier_refunds", "order_is_known", "policy_allows"]
    assert answer(thread, {"decision": "approve", "amount": 25.5}) == "25.50 paid to Ana Lindqvist"


def test_a_refused_refund_pays_nothing() -> None:
    thread = start("refund", {})
    assert "the lamp was ours" in answer(thread, {"decision": "refuse", "reason": "the lamp was ours"})
    assert "pay" not in tasks(thread)


@pytest.mark.parametrize(
    "value",
    [
        {"decision": "approve", "amount": 41},
        {"decision": "approve", "amount": 0},
        {"decision": "approve"},
        {"decision": "refuse"},
        {"decision": "refuse", "reason": ""},
        "approve",
    ],
)
def test_a_refund_takes_no_other_answer(value: Any) -> None:
    thread = start("refund", {"amount": "40.00"})
    with pytest.raises(InvalidAnswer):
        answer(thread, value)
    assert question(thread).status == "pending"


def test_an_article_is_changed_until_it_is_accepted() -> None:
    thread = start("article", {})
    assert answer(thread, {"verdict": "change", "wish": "shorter"}) is None
    assert "draft 2" in question(thread).title
    assert answer(thread, {"verdict": "change", "wish": "friendlier"}) is None
    assert answer(thread, {"verdict": "accept"}).startswith("Published")
    assert tasks(thread) == ["draft", "revise", "revise", "publish"]


def test_a_change_without_a_wish_is_refused() -> None:
    thread = start("article", {})
    with pytest.raises(InvalidAnswer):
        answer(thread, {"verdict": "change"})


def test_an_import_tells_its_progress_and_asks_in_the_middle() -> None:
    thread = start("import", {"rows": 100, "batches": 4, "seconds_per_batch": 0})
    events = Checkpoint.objects.of(thread.id).filter(kind="event")
    assert events.count() == 2
    assert answer(thread, "Skip them") == {
        "source": "customers-2026.csv",
        "rows": 100,
        "duplicates": "Skip them",
    }
    assert events.count() == 4


@pytest.mark.parametrize(
    ("workflow", "value"),
    [("import", {"batches": 1}), ("import", {"seconds_per_batch": -1}), ("refund", {"amount": 0}), ("graph", 7)],
)
def test_an_input_that_does_not_fit_starts_nothing(workflow: str, value: Any) -> None:
    with pytest.raises(InvalidInput):
        verbs.start(workflow, value)
    assert not Thread.objects.exists()
