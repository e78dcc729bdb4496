"""While reading: on to the next question and back to the previous one, in the order of the queue it was opened from."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from hitl import verbs
from tests.reviewer.factories import question, questions

pytestmark = pytest.mark.django_db


@pytest.fixture
def desk(client: Client, cleo: User) -> Client:
    """Who may only look reads on, too."""
    client.force_login(cleo)
    return client


def leads_to(client: Client, question_id: str, step: str, query: str = "") -> str:
    return client.get(f"/questions/{question_id}/{step}/{query}").headers["Location"]


def test_in_the_order_of_the_queue(desk: Client) -> None:
    first, second, third = questions(3)
    assert leads_to(desk, second.id, "next") == f"/questions/{first.id}/"
    assert leads_to(desk, second.id, "previous") == f"/questions/{third.id}/"
    assert leads_to(desk, second.id, "next", "?order=oldest") == f"/questions/{third.id}/?order=oldest"
    assert leads_to(desk, second.id, "previous", "?order=oldest") == f"/questions/{first.id}/?order=oldest"


def test_the_most_urgent_first(desk: Client, ana: User) -> None:
    first, _second, third = questions(3)
    verbs.triage(third.id, priority=5, due=None, by=ana)
    assert leads_to(desk, third.id, "next", "?order=urgent") == f"/questions/{first.id}/?order=urgent"
    assert leads_to(desk, first.id, "previous", "?order=urgent") == f"/questions/{third.id}/?order=urgent"


def test_only_what_passes_the_filter(desk: Client) -> None:
    one, _, other = question("Pay?"), question("Burn?"), question("Pay?")
    assert leads_to(desk, one.id, "previous", "?q=pay") == f"/questions/{other.id}/?q=pay"


def test_at_either_end_the_page_stays_and_says_so(desk: Client) -> None:
    first, second = questions(2)
    assert leads_to(desk, first.id, "next") == f"/questions/{first.id}/"
    assert "This is the last one of the queue." in desk.get(f"/questions/{first.id}/").content.decode()
    desk.get(f"/questions/{second.id}/previous/")
    assert "This is the first question of the queue." in desk.get(f"/questions/{second.id}/").content.decode()


def test_from_one_that_was_answered_meanwhile(desk: Client, ana: User) -> None:
    first, second, third = questions(3)
    verbs.answer(second.id, "a", version=1, by=ana)
    assert leads_to(desk, second.id, "next") == f"/questions/{first.id}/"
    assert leads_to(desk, second.id, "previous") == f"/questions/{third.id}/"


def test_it_takes_few_queries(desk: Client, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    first, *_ = questions(3)
    with django_assert_max_num_queries(8):
        desk.get(f"/questions/{first.id}/next/")
