"""Each person arranges the queue: snoozed questions, saved views, urgency."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from hitl import verbs
from hitl.models import Interrupt
from reviewer import arranging
from reviewer.models import SavedView, Snooze
from tests.reviewer.factories import question, questions

pytestmark = pytest.mark.django_db


def of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def desk(ben: User) -> Client:
    return of(ben)


def titles(client: Client, **query: str) -> list[str]:
    return [row.title for row in client.get("/", query).context["rows"]]


class TestSnooze:
    def test_it_leaves_this_persons_queue_alone(self, desk: Client, ana: User) -> None:
        one, _ = questions(2)
        desk.post(f"/questions/{one.id}/snooze/", {"until": "hour"})
        assert titles(desk) == ["Number 2"]
        assert titles(of(ana)) == ["Number 2", "Number 1"]
        assert titles(desk, snoozed="1") == ["Number 1"]

    def test_it_comes_back_by_itself(self, desk: Client) -> None:
        asked = question()
        desk.post(f"/questions/{asked.id}/snooze/", {"until": "hour"})
        Snooze.objects.update(until=timezone.now() - timedelta(seconds=1))
        assert titles(desk) == ["Ship it?"]

    def test_or_by_hand(self, desk: Client) -> None:
        asked = question()
        desk.post(f"/questions/{asked.id}/snooze/", {"until": "tomorrow"})
        desk.post(f"/questions/{asked.id}/snooze/", {"until": ""})
        assert titles(desk) == ["Ship it?"]

    def test_the_times_are_in_the_future_and_mornings_at_eight(self) -> None:
        wednesday = datetime(2026, 11, 25, 23, 30, tzinfo=UTC)
        found = {word: moment for word, (_, moment) in arranging.times(wednesday).items()}
        assert found["hour"] == datetime(2026, 11, 26, 0, 30, tzinfo=UTC)
        assert found["tomorrow"] == datetime(2026, 11, 26, 8, tzinfo=UTC)
        assert found["week"] == datetime(2026, 11, 30, 8, tzinfo=UTC)

    def test_snoozed_it_can_still_be_answered(self, desk: Client) -> None:
        asked = question()
        desk.post(f"/questions/{asked.id}/snooze/", {"until": "week"})
        assert desk.get(f"/questions/{asked.id}/").status_code == 200


class TestViews:
    def save(self, desk: Client, name: str, query: str = "?q=one", **more: Any) -> Any:
        return desk.post(f"/queue/views/{query}", {"name": name, **more})

    def test_a_filter_under_a_name(self, desk: Client) -> None:
        assert self.save(desk, "Mine first", "?mine=1&order=oldest").status_code == 303
        page = desk.get("/?mine=1&order=oldest").content.decode()
        assert 'href="/?mine=1&amp;order=oldest" data-command="View: Mine first" aria-current="true"' in page

    def test_again_under_the_same_name_replaces_it(self, desk: Client) -> None:
        self.save(desk, "A", "?q=one")
        self.save(desk, "A", "?q=two")
        assert SavedView.objects.get().query == "q=two"

    def test_others_see_the_shared_ones(self, desk: Client, ana: User) -> None:
        self.save(desk, "private")
        self.save(desk, "shared", is_shared="on")
        page = of(ana).get("/").content.decode()
        assert "View: shared" in page and "View: private" not in page

    def test_only_ones_own_are_deleted(self, desk: Client, ana: User, cleo: User) -> None:
        self.save(desk, "private")
        self.save(desk, "shared", is_shared="on")
        private, shared = SavedView.objects.order_by("name")
        assert of(cleo).post(f"/queue/views/{private.pk}/delete/").status_code == 404
        assert of(cleo).post(f"/queue/views/{shared.pk}/delete/").status_code == 403
        assert of(ana).post(f"/queue/views/{shared.pk}/delete/").status_code == 303, "who administers tidies up"
        assert desk.post(f"/queue/views/{private.pk}/delete/").status_code == 303
        assert not SavedView.objects.exists()

    def test_a_view_without_a_name_is_asked_for_one(self, desk: Client) -> None:
        response = self.save(desk, " ")
        assert response.status_code == 422
        assert "This field is required" in response.content.decode()

    def test_nonsense_in_the_filter_is_not_kept(self, desk: Client) -> None:
        self.save(desk, "A", "?order=sideways&evil=1&q=one")
        assert SavedView.objects.get().query == "q=one"

    def test_there_is_an_end_to_them(self, desk: Client, ben: User) -> None:
        for number in range(arranging.MOST_VIEWS):
            SavedView.objects.create(owner=ben, name=str(number))
        assert self.save(desk, "one more").status_code == 409
        assert self.save(desk, "1").status_code == 303


class TestUrgency:
    def test_set_on_the_page_and_seen_in_the_row(self, desk: Client) -> None:
        asked = question()
        other = question("Other?")
        desk.post(f"/questions/{asked.id}/triage/", {"priority": "2", "due": "2026-12-24T18:00"})
        asked.refresh_from_db()
        assert (asked.priority, asked.due_at) == (2, datetime(2026, 12, 24, 18, tzinfo=UTC))
        assert titles(desk, order="urgent") == [asked.title, other.title]
        assert "high priority" in desk.get("/").content.decode()

    @pytest.mark.parametrize("due", ["tomorrow", "9999-01-01T00:00"])
    def test_no_time_changes_nothing(self, desk: Client, due: str) -> None:
        asked = question()
        page = desk.post(f"/questions/{asked.id}/triage/", {"priority": "2", "due": due}, follow=True)
        assert "Nothing was changed" in page.content.decode()
        asked.refresh_from_db()
        assert asked.priority == 0

    def test_the_next_question_follows_in_the_order_of_urgency(self, desk: Client) -> None:
        low, high, middle = questions(3)
        verbs.triage(high.id, priority=5, due=None)
        verbs.triage(low.id, priority=-5, due=None)
        posted = {"version": 1, "token": "t", "answer": "yes"}
        response = desk.post(f"/questions/{high.id}/answer/?order=urgent", posted)
        assert response["Location"] == f"/questions/{middle.id}/?order=urgent"


def test_what_was_given_back_can_be_looked_for(desk: Client) -> None:
    fine, back = questions(2)
    Interrupt.objects.filter(id=back.id).update(problem="No such account.")
    assert titles(desk, attention="1") == [back.title]
    assert "needs attention" in desk.get("/").content.decode()
    assert fine.title in titles(desk)
