"""The queue: what waits, in which order, and what has changed since."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from hitl import verbs
from hitl.models import Interrupt
from reviewer import cursor
from reviewer.forms.queue import cursor_of
from reviewer.views import queue as view
from tests.reviewer.factories import question, questions

QUEUE = "/"


@pytest.fixture
def desk(client: Client, ben: User) -> Client:
    client.force_login(ben)
    return client


def titles(client: Client, url: str = QUEUE) -> list[str]:
    return re.findall(r'class="ask-title" href="[^"]*">([^<]*)<', client.get(url).content.decode())


def changes(client: Client, since: Interrupt, *seen: Interrupt, **filters: Any) -> str:
    given = {"since": cursor_of(since), "seen": [one.id for one in seen], **filters}
    return client.get(reverse("reviewer:queue_changes"), given).content.decode()


def test_newest_first_unless_oldest_first_is_asked_for(desk: Client) -> None:
    questions(3)
    assert titles(desk) == ["Number 3", "Number 2", "Number 1"]
    assert titles(desk, "/?order=oldest") == ["Number 1", "Number 2", "Number 3"]


def test_a_row_says_what_from_where_since_when_and_whose(desk: Client, ana: User) -> None:
    asked = question("Ship it?")
    verbs.assign(asked.id, to=ana, by=ana)
    page = desk.get(QUEUE).content.decode()
    row = page[page.index(f'id="q-{asked.id}"') :]
    assert f'href="/questions/{asked.id}/"' in row
    assert "<span>Ask" in row
    assert "<time" in row
    assert '<span class="ask-who">ana</span>' in row


def test_what_is_settled_is_not_in_the_queue(desk: Client, ana: User) -> None:
    first, second, _third = questions(3)
    verbs.answer(first.id, "a", version=1, by=ana)
    verbs.cancel(second.thread_id, by=ana)
    assert titles(desk) == ["Number 3"]


def test_by_workflow(desk: Client) -> None:
    question()
    assert titles(desk, "/?workflow=tests.ask") == ["Ship it?"]
    assert titles(desk, "/?workflow=refund") == []
    assert titles(desk, "/?workflow=gone.since") == [], "also one that is not registered any more"


def test_assigned_to_me(desk: Client, ben: User, ana: User) -> None:
    first, second, _ = questions(3)
    verbs.assign(first.id, to=ben, by=ana)
    verbs.assign(second.id, to=ana, by=ana)
    assert titles(desk, "/?mine=1") == ["Number 1"]


def test_search_wants_every_word_somewhere(desk: Client) -> None:
    question("Refund Ana", thread="order-17")
    question("Refund Ben")
    assert titles(desk, "/?q=refund+ANA") == ["Refund Ana"]
    assert titles(desk, "/?q=order-17") == ["Refund Ana"]
    assert titles(desk, "/?q=refund+zoe") == []


def test_an_empty_search_says_so_and_leads_on(desk: Client) -> None:
    question()
    page = desk.get("/?q=zzz").content.decode()
    assert "Nothing that waits matches." in page
    assert "Looked for: “zzz”" in page


def test_an_empty_queue_says_what_comes_next(desk: Client) -> None:
    assert "Nothing waits for anybody." in desk.get(QUEUE).content.decode()


def test_what_an_open_page_says_of_an_empty_queue_follows_it(desk: Client, ana: User) -> None:
    first, second = questions(2)
    shown = changes(desk, second, first, second)
    assert "Nothing waits" not in shown and "Show what waits" not in shown, "rows stand there"
    shown = changes(desk, first)
    assert "Show what waits" in shown and "Nothing waits" not in shown, "one came to a page without rows"
    for asked in first, second:
        verbs.answer(asked.id, "a", version=1, by=ana)
    assert "Nothing waits for anybody." in changes(desk, second, first, second), "its last rows have gone"


def test_after_the_last_question_the_rest_is_not_denied(desk: Client) -> None:
    first, _ = questions(2)
    page = desk.get(QUEUE, {"after": cursor_of(first)}).content.decode()
    assert "2 waiting" in page and "Nothing waits" not in page


@pytest.mark.parametrize("order", ["", "oldest"])
def test_pages_hold_every_question_once(desk: Client, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
    monkeypatch.setattr(view, "PAGE", 2)
    questions(5)
    # Two at the same moment: the id decides.
    Interrupt.objects.update(asked_at=Interrupt.objects.values_list("asked_at", flat=True)[0])
    seen, url = [], f"/?order={order}" if order else "/"
    while url:
        seen += titles(desk, url)
        following = re.search(r'rel="next" href="([^"]*)"', desk.get(url).content.decode())
        url = following[1].replace("&amp;", "&") if following else ""
    assert sorted(seen) == [f"Number {number}" for number in range(1, 6)]


def test_the_next_page_starts_where_this_one_ended_though_rows_came_and_went(
    desk: Client, monkeypatch: pytest.MonkeyPatch, ana: User
) -> None:
    monkeypatch.setattr(view, "PAGE", 2)
    asked = questions(4)
    page = desk.get(QUEUE).content.decode()
    following = re.search(r'rel="next" href="([^"]*)"', page)
    assert following is not None
    question("Number 5")
    verbs.answer(asked[3].id, "a", version=1, by=ana)
    assert titles(desk, following[1].replace("&amp;", "&")) == ["Number 2", "Number 1"]


@pytest.mark.parametrize("after", ["", "x", "2026-01-01_abc", "9_9", "2026-01-01T00:00:00+00:00", "_"])
def test_a_cursor_that_makes_no_sense_is_the_first_page(desk: Client, after: str) -> None:
    question()
    response = desk.get(QUEUE, {"after": after})
    assert response.status_code == 200
    assert cursor.read(after) is None


def test_the_number_waiting_stops_at_a_thousand(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    questions(3)
    assert "3 waiting" in desk.get(QUEUE).content.decode()
    monkeypatch.setattr(view, "MOST_COUNTED", 2)
    assert "2+ waiting" in desk.get(QUEUE).content.decode()
    assert view.counted(1001) == "2+"


def test_a_page_takes_at_most_eight_queries_however_many_rows(
    desk: Client, ana: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for asked in questions(6):
        verbs.assign(asked.id, to=ana, by=ana)
    with django_assert_max_num_queries(8):
        desk.get("/?q=number&workflow=tests.ask")


class TestChanges:
    """What a page that stays open asks for."""

    def test_new_questions_are_counted_and_not_put_among_the_rows(self, desk: Client) -> None:
        first, *_ = questions(3)
        html = changes(desk, first, first)
        assert ">2 new</a>" in html
        assert "Number 2" not in html

    def test_nothing_new_is_no_pill(self, desk: Client) -> None:
        asked = question()
        assert '<span id="queue-new" hx-swap-oob="true"></span>' in changes(desk, asked, asked)

    def test_only_what_passes_the_filter_is_new(self, desk: Client) -> None:
        first = question("Number 1")
        question("Pay the invoice")
        question("Number 2")
        assert ">1 new</a>" in changes(desk, first, first, q="invoice")

    def test_the_number_waiting_is_told_again(self, desk: Client) -> None:
        first, *_ = questions(3)
        assert "3 waiting" in changes(desk, first)

    def test_rows_that_are_settled_say_by_whom_in_their_place(self, desk: Client, ana: User) -> None:
        first, second = questions(2)
        verbs.answer(first.id, "a", version=1, by=ana)
        html = changes(desk, second, first, second)
        assert f'<li id="q-{first.id}" class="ask is-gone" hx-swap-oob="true">' in html
        assert "Answered by ana" in html
        assert f'id="q-{second.id}"' not in html
