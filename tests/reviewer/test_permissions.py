"""Who may do what: ana administers, ben starts and answers, cleo may only look, strangers sign in."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import get_resolver, reverse

from hitl.models import Interrupt, Thread
from tests.reviewer.factories import form_of, question

PAGES = ["/", "/queue/changes/", "/runs/", "/start/", "/start/graph/", "/accounts/password/", "/accounts/settings/"]


@pytest.fixture
def asked(db: None) -> Interrupt:
    return question()


def test_every_page_but_signing_in_needs_an_account(client: Client, asked: Interrupt) -> None:
    for pattern in get_resolver("reviewer.urls").url_patterns:
        # Those for machines have tests of their own.
        if pattern.name in ("login", "logout", "healthz", "readyz", "metrics"):
            continue
        given = {"question_id": asked.id, "thread_id": asked.thread_id, "name": "graph", "run_id": "r"}
        given |= {"view_id": 1, "comment_id": 1}
        names = pattern.pattern.converters
        url = reverse(f"reviewer:{pattern.name}", kwargs={name: given[name] for name in names})
        for response in (client.get(url), client.post(url)):
            assert response.status_code in (302, 405), url
            if response.status_code == 302:
                assert response["Location"].startswith("/accounts/login/"), url


def test_after_signing_in_one_is_where_one_wanted_to_be(client: Client, ben: User) -> None:
    response = client.get("/?order=oldest")
    assert response["Location"] == "/accounts/login/?next=/%3Forder%3Doldest"
    response = client.post(response["Location"], {"username": "ben", "password": "ben", "next": "/?order=oldest"})
    assert response["Location"] == "/?order=oldest"


def test_after_a_form_one_is_back_at_the_desk_wherever_it_is(client: Client, asked: Interrupt, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.reviewer.below"
    response = client.post(reverse("reviewer:answer", args=[asked.id]), form_of(asked, answer="yes"))
    assert response["Location"] == "/desk/accounts/login/?next=/desk/"


def test_a_session_that_ended_does_not_turn_a_form_into_a_sign_in_page(client: Client, asked: Interrupt) -> None:
    url = reverse("reviewer:answer", args=[asked.id])
    response = client.post(url, form_of(asked, answer="yes"), headers={"HX-Request": "true"})
    assert response.status_code == 401
    assert response["HX-Retarget"] == "#flash"
    assert "You are signed out" in response.content.decode()


class TestLooking:
    """cleo, who has no permission."""

    @pytest.fixture(autouse=True)
    def sign_in(self, client: Client, cleo: User) -> None:
        client.force_login(cleo)

    def test_sees_the_question_and_which_permission_answering_takes(self, client: Client, asked: Interrupt) -> None:
        page = client.get(reverse("reviewer:question", args=[asked.id])).content.decode()
        assert "Ship it?" in page
        assert "“Can answer questions”" in page
        assert "<textarea" not in page

    def test_cannot_answer(self, client: Client, asked: Interrupt) -> None:
        response = client.post(reverse("reviewer:answer", args=[asked.id]), form_of(asked, answer="yes"))
        assert response.status_code == 403
        assert "hitl.answer_interrupt" in response.content.decode()
        assert Interrupt.objects.get().status == "pending"

    def test_cannot_claim(self, client: Client, asked: Interrupt) -> None:
        assert client.post(reverse("reviewer:assign", args=[asked.id]), {"to": "me"}).status_code == 403

    def test_sees_the_workflows_and_which_permission_starting_takes(self, client: Client) -> None:
        page = client.get("/start/").content.decode()
        assert "Graph" in page
        assert "“Can start workflows”" in page
        assert 'href="/start/graph/"' not in page

    def test_cannot_start(self, client: Client) -> None:
        for response in (client.get("/start/graph/"), client.post("/start/graph/", {"input": "foo", "key": "k"})):
            assert response.status_code == 403
            assert "hitl.start_thread" in response.content.decode()
        assert not Thread.objects.exists()


class TestAssignment:
    """A free question is claimed with the permission to answer; another's takes that to administer."""

    def assign(self, client: Client, user: User, asked: Interrupt, to: str) -> int:
        client.force_login(user)
        return client.post(reverse("reviewer:assign", args=[asked.id]), {"to": to}).status_code

    def test_claim_and_release(self, client: Client, ben: User, asked: Interrupt) -> None:
        assert self.assign(client, ben, asked, "me") == 303
        asked.refresh_from_db()
        assert asked.assignee == ben
        assert self.assign(client, ben, asked, "") == 303
        asked.refresh_from_db()
        assert asked.assignee is None

    def test_another_persons_question(self, client: Client, ana: User, ben: User, asked: Interrupt) -> None:
        self.assign(client, ana, asked, "me")
        assert self.assign(client, ben, asked, "me") == 403
        assert self.assign(client, ben, asked, "") == 403
        asked.refresh_from_db()
        assert asked.assignee == ana

    def test_an_administrator_takes_over(self, client: Client, ana: User, ben: User, asked: Interrupt) -> None:
        self.assign(client, ben, asked, "me")
        assert self.assign(client, ana, asked, "me") == 303
        asked.refresh_from_db()
        assert asked.assignee == ana

    def test_htmx_gets_the_assignment_alone(self, client: Client, ben: User, asked: Interrupt) -> None:
        client.force_login(ben)
        url = reverse("reviewer:assign", args=[asked.id])
        page = client.post(url, {"to": "me"}, headers={"HX-Request": "true"}).content.decode()
        assert page.lstrip().startswith('<div id="assignment"')
        assert "Release" in page
