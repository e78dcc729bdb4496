"""Where the time of a run went, as bars and as a table; two checkpoints compared; going on from one of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from hitl import verbs
from hitl.models import Checkpoint, Interrupt, Thread
from hitl.testing import drain
from reviewer import comparing, waterfall
from reviewer.timeline import Row
from tests.reviewer.factories import question

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


def row(name: str, start: float, end: float | None, *, kind: str = "task", seq: int = 1) -> Row:
    began = NOON + timedelta(seconds=start)
    done = None if end is None else NOON + timedelta(seconds=end)
    return Row(name, kind, seq, 1, began, name=name, started_at=began, ended_at=done, first_seq=seq)


def test_calls_are_drawn_to_scale() -> None:
    one, two = waterfall.of([row("a", 0, 3), row("b", 3, 4)]).bars
    assert (one.x, one.width, two.x, two.width) == (0, 750, 750, 250)
    assert (one.began, two.began) == ("0", "+ 3.0 s")


def test_days_of_waiting_do_not_hide_the_calls() -> None:
    bars = waterfall.of([row("a", 0, 1), row("ask", 1, 86_401, kind="question"), row("b", 86_401, 86_402)]).bars
    assert [bar.row.name for bar in bars] == ["a", "ask", "b"]
    assert bars[0].width > 400 and bars[2].width > 400 and 0 < bars[1].width < 200


def test_what_still_waits_goes_on_to_the_end() -> None:
    bars = waterfall.of([row("a", 0, 1), row("ask", 0.5, None, kind="question"), row("b", 1, 2)]).bars
    assert bars[1].x + bars[1].width == 1000


def test_what_took_no_time_can_be_seen() -> None:
    bars = waterfall.of([row("a", 0, 0), row("b", 0, 5), row("c", 5, 5)]).bars
    assert min(bar.width for bar in bars) == waterfall.LEAST
    assert max(bar.x + bar.width for bar in bars) <= 1000


def test_nothing_to_draw() -> None:
    assert waterfall.of([]).bars == []


@pytest.fixture
def desk(client: Client, ben: User) -> Client:
    client.force_login(ben)
    return client


def ended() -> tuple[Interrupt, Thread]:
    asked = question({"question": "Which?", "options": ["left", "right"]})
    verbs.answer(asked.id, "left", version=1, by="ana")
    drain()
    return asked, Thread.objects.get(id=asked.thread_id)


@pytest.mark.django_db
class TestPages:
    def test_the_run_page_has_the_table(self, desk: Client) -> None:
        asked, thread = ended()
        page = desk.get(reverse("reviewer:thread", args=[thread.id])).content.decode()
        assert "Where the time went" in page
        assert f"/runs/{thread.id}/fork/?at={asked.asked_seq}" in page and "Answer otherwise" in page
        assert "<svg" in desk.get(reverse("reviewer:waterfall", args=[thread.id])).content.decode()

    @pytest.mark.parametrize("is_ended", [True, False])
    def test_the_run_page_takes_at_most_eight_queries(
        self, desk: Client, is_ended: bool, django_assert_max_num_queries: Any
    ) -> None:
        thread_id = ended()[0].thread_id if is_ended else question("Still open?").thread_id
        with django_assert_max_num_queries(8):
            desk.get(reverse("reviewer:thread", args=[thread_id]))

    def test_another_answer_starts_another_run(self, desk: Client, ben: User) -> None:
        asked, thread = ended()
        where = reverse("reviewer:fork", args=[thread.id]) + f"?at={asked.asked_seq}"
        page = desk.get(where).content.decode()
        assert "Answer otherwise: Which?" in page and "This run stays as it is" in page
        response = desk.post(where, {"version": 1, "token": "t", "answer": "1"})
        assert response.status_code == 303
        other = Thread.objects.exclude(id=thread.id).get()
        assert response["Location"] == f"/runs/{other.id}/"
        drain()
        assert Checkpoint.objects.get(thread_id=other.id, kind="output").value == '"right"'
        assert Checkpoint.objects.get(thread_id=thread.id, kind="output").value == '"left"'
        assert Interrupt.objects.get(thread_id=other.id, status="answered").answered_by == ben

    def test_or_the_question_is_asked_anew(self, desk: Client) -> None:
        asked, thread = ended()
        desk.post(reverse("reviewer:fork", args=[thread.id]) + f"?at={asked.asked_seq}", {"anew": "1"})
        drain()
        assert Interrupt.objects.pending().exclude(thread=thread).count() == 1

    def test_an_answer_that_does_not_fit_is_422(self, desk: Client) -> None:
        asked, thread = ended()
        where = reverse("reviewer:fork", args=[thread.id]) + f"?at={asked.asked_seq}"
        assert desk.post(where, {"version": 1, "token": "t", "answer": "9"}).status_code == 422
        assert Thread.objects.count() == 1

    @pytest.mark.parametrize("at", ["", "0", "999", "x"])
    def test_no_such_checkpoint(self, desk: Client, at: str) -> None:
        _, thread = ended()
        response = desk.post(reverse("reviewer:fork", args=[thread.id]) + f"?at={at}")
        assert response.status_code == 404
        assert "no checkpoint" in response.content.decode()

    def test_who_may_not_start_is_told(self, client: Client, cleo: User) -> None:
        client.force_login(cleo)
        asked, thread = ended()
        where = reverse("reviewer:fork", args=[thread.id]) + f"?at={asked.asked_seq}"
        assert client.post(where).status_code == 403
        assert "fork/" not in client.get(reverse("reviewer:thread", args=[thread.id])).content.decode()

    def test_two_checkpoints_compared(self, desk: Client) -> None:
        asked, thread = ended()
        items, same = comparing.between(thread.id, asked.asked_seq, thread.seq)
        assert [(item.what, item.change) for item in items] == [("answer", "new"), ("value", "new")]
        assert same == 2
        page = desk.get(reverse("reviewer:compare", args=[thread.id]), {"a": asked.asked_seq, "b": thread.seq})
        assert "left" in page.content.decode() and "2 differ" in page.content.decode()
        assert desk.get(reverse("reviewer:compare", args=[thread.id]), {"a": 999}).status_code == 404


@pytest.mark.django_db
def test_two_branches_compared() -> None:
    asked, thread = ended()
    first_end = thread.seq
    from tests.reviewer.factories import ask

    config: Any = {"configurable": {"thread_id": thread.id, "checkpoint_id": str(asked.asked_seq)}}
    from hitl import testing
    from hitl.types import Command

    with testing.inline():
        ask.invoke(Command(resume="right"), config)
    thread.refresh_from_db()
    items, _ = comparing.between(thread.id, first_end, thread.seq)
    texts = {item.what: (item.before and item.before.text, item.after and item.after.text) for item in items}
    assert texts["value"] == ("left", "right")
    assert texts["answer"] == ("left", "right")


@pytest.mark.django_db
def test_a_proposal_can_be_decided_otherwise(desk: Client) -> None:
    from tests.reviewer.factories import form_of

    value = {
        "action_request": {"action": "send_email", "args": {"to": "a@x.io"}},
        "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
    }
    asked = question(value)
    where = reverse("reviewer:fork", args=[asked.thread_id]) + f"?at={asked.asked_seq}"
    page = desk.get(where).content.decode()
    assert "Approve" in page
    posted = form_of(asked, **{"a0.decision": "approve", "a0.args": "", "a0.args.to": "a@x.io"})
    assert desk.post(where, posted).status_code == 303
    drain()
    assert Checkpoint.objects.filter(kind="output").count() == 1
