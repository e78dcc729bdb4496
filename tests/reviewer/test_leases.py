"""Typing an answer takes the question, softly: others see it, and may take it over with one click."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client
from django.urls import reverse

from hitl.models import Interrupt
from reviewer import leases
from reviewer.models import Draft
from tests.reviewer.factories import form_of, question

pytestmark = pytest.mark.django_db


class Reviewer:
    def __init__(self, user: User) -> None:
        self.client = Client()
        self.client.force_login(user)

    def types(self, asked: Interrupt, text: str = "hm") -> None:
        self.client.post(reverse("reviewer:draft", args=[asked.id]), form_of(asked, answer=text))

    def page(self, asked: Interrupt) -> str:
        return self.client.get(reverse("reviewer:question", args=[asked.id])).content.decode()

    def queue(self) -> str:
        return self.client.get(reverse("reviewer:queue")).content.decode()

    def takes_over(self, asked: Interrupt) -> Any:
        return self.client.post(reverse("reviewer:take_over", args=[asked.id]))


@pytest.fixture
def one(ana: User) -> Reviewer:
    return Reviewer(ana)


@pytest.fixture
def other(ben: User) -> Reviewer:
    return Reviewer(ben)


def after(seconds: float) -> None:
    """Let so much time pass for what was typed."""
    Draft.objects.update(
        updated_at=F("updated_at") - timedelta(seconds=seconds), leased_at=F("leased_at") - timedelta(seconds=seconds)
    )


def test_others_see_who_is_answering_in_the_row_and_on_the_page(one: Reviewer, other: Reviewer) -> None:
    asked = question()
    one.types(asked)
    assert "ana is answering" in other.queue()
    assert "ana has been answering" in other.page(asked)
    assert "typing now" in other.page(asked)
    assert "Nobody else is here" in one.page(asked)


def test_it_lasts_two_minutes_and_is_renewed_by_typing(one: Reviewer, other: Reviewer) -> None:
    asked = question()
    one.types(asked)
    after(leases.LEASE_SECONDS - 20)
    assert "ana has been answering" in other.page(asked)
    assert "typing now" not in other.page(asked)
    one.types(asked, "hmm")
    after(leases.LEASE_SECONDS - 20)
    assert "ana is answering" in other.queue()
    after(30)
    assert "ana is answering" not in other.queue()
    assert "ana has been answering" not in other.page(asked)


def test_who_types_second_does_not_have_it(one: Reviewer, other: Reviewer) -> None:
    asked = question()
    one.types(asked)
    other.types(asked)
    assert "ben types" in one.page(asked)
    assert "ben has been answering" not in one.page(asked)
    after(leases.LEASE_SECONDS + 1)
    other.types(asked, "still here")
    assert "ben has been answering" in one.page(asked)


def test_one_click_takes_it_over_and_the_other_is_told(one: Reviewer, other: Reviewer) -> None:
    asked = question()
    one.types(asked, "my long thought")
    assert other.takes_over(asked).status_code == 303
    assert "ben is answering" in other.queue()
    told = one.page(asked)
    assert "ben took this over while you typed; your text is kept" in told
    assert "my long thought" in told
    one.types(asked, "my longer thought")
    assert "ben is answering" in one.queue(), "typing on does not take it back"
    one.takes_over(asked)
    assert "ana took this over" in other.page(asked)
    assert "ben took" not in one.page(asked)


def test_it_keeps_nobody_from_answering(one: Reviewer, other: Reviewer) -> None:
    asked = question()
    one.types(asked)
    other.client.post(reverse("reviewer:answer", args=[asked.id]), form_of(asked, answer="yes"))
    asked.refresh_from_db()
    assert asked.status == "answered"


def test_who_may_not_answer_takes_nothing_over(one: Reviewer, cleo: User) -> None:
    asked = question()
    one.types(asked)
    stranger = Reviewer(cleo)
    assert "Take over</button>" not in stranger.page(asked)[stranger.page(asked).index('id="people"') :][:1500]
    assert stranger.takes_over(asked).status_code == 403
    assert "ana is answering" in stranger.queue()


def test_an_open_page_asks_what_has_changed(one: Reviewer, other: Reviewer) -> None:
    asked = question()
    address = reverse("reviewer:around", args=[asked.id])
    same = {"people": "|||", "said": "0.0.0"}
    assert other.client.get(address, same).status_code == 204
    one.types(asked)
    html = other.client.get(address, same).content.decode()
    assert "ana has been answering" in html and 'id="said"' not in html
