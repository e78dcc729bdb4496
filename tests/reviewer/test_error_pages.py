"""Every error is a page that says what to do, and nothing typed is lost."""

from __future__ import annotations

import runpy
import sys
from types import ModuleType
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import RequestDataTooBig
from django.db import OperationalError
from django.http import HttpRequest
from django.test import Client, RequestFactory
from django.urls import reverse
from pytest_django import Settings

from hitl.errors import JournalUnreachable, RunFailed
from hitl.models import Interrupt, Thread
from reviewer import root_urls
from reviewer.middleware import ReviewerMiddleware
from reviewer.views import errors
from reviewer.views import question as view
from tests.reviewer.factories import form_of, question

HTMX = {"HX-Request": "true"}


@pytest.fixture
def desk(client: Client, ben: User) -> Client:
    client.force_login(ben)
    return client


@pytest.mark.parametrize(
    "url", ["/questions/nope/", "/questions/nope/state/", "/runs/nope/", "/start/nope/", "/no/such/page/"]
)
def test_what_does_not_exist_is_a_404_that_leads_on(desk: Client, url: str) -> None:
    response = desk.get(url)
    page = response.content.decode()
    assert response.status_code == 404
    assert "There is nothing here" in page
    assert 'href="/">To the queue</a>' in page


def test_an_unknown_address_has_the_same_page_while_debugging(
    desk: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEBUG = True
    urls = ModuleType("debugging_urls")
    vars(urls).update(runpy.run_path(root_urls.__file__))
    monkeypatch.setitem(sys.modules, urls.__name__, urls)
    settings.ROOT_URLCONF = urls.__name__
    response = desk.get("/no/such/page", follow=True)
    assert response.status_code == 404
    assert "There is nothing here" in response.content.decode()
    assert desk.get("/runs", follow=True).status_code == 200
    assert "There is nothing here" not in desk.get("/static/nope/").content.decode()


def test_an_answer_to_a_question_that_does_not_exist(desk: Client) -> None:
    assert desk.post("/questions/nope/answer/", {"version": 1, "token": "t", "answer": "x"}).status_code == 404


class TestTooLarge:
    """A form of 5 MB."""

    POSTED = "answer=" + "x" * 5_000_000

    @pytest.fixture
    def asked(self) -> Interrupt:
        return question()

    def post(self, client: Client, asked: Interrupt, **options: Any) -> Any:
        url = reverse("reviewer:answer", args=[asked.id])
        return client.post(url, self.POSTED, content_type="application/x-www-form-urlencoded", **options)

    @pytest.mark.parametrize("checks", [True, False], ids=["csrf checked", "csrf not checked"])
    def test_is_a_413_that_says_the_limit(self, desk: Client, asked: Interrupt, checks: bool) -> None:
        desk.handler.enforce_csrf_checks = checks
        response = self.post(desk, asked)
        assert response.status_code == 413
        assert "up to 2.5" in response.content.decode()
        assert response["Content-Security-Policy"]

    def test_over_htmx_the_form_stays(self, desk: Client, asked: Interrupt) -> None:
        response = self.post(desk, asked, headers=HTMX)
        assert response.status_code == 413
        assert response["HX-Retarget"] == "#flash"

    def test_where_the_middleware_comes_first_it_answers_itself(self, rf: RequestFactory) -> None:
        def never(request: HttpRequest) -> Any:
            raise RequestDataTooBig

        request = rf.post("/start/graph/", self.POSTED, content_type="application/x-www-form-urlencoded")
        response: Any = ReviewerMiddleware(never)(request)
        assert response.status_code == 413


class TestUnreachable:
    """The database is locked or gone."""

    @pytest.fixture(autouse=True, params=[OperationalError("database is locked"), JournalUnreachable("gone")])
    def gone(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*args: Any, **options: Any) -> None:
            raise request.param

        monkeypatch.setattr(view.verbs, "answer", fail)

    def test_the_page_carries_what_was_typed_to_be_sent_again(self, desk: Client) -> None:
        asked = question()
        response = desk.post(
            reverse("reviewer:answer", args=[asked.id]), form_of(asked, token="mine", answer="my <text>")
        )
        page = response.content.decode()
        assert response.status_code == 503
        assert "The database does not answer" in page
        assert "my &lt;text&gt;" in page
        assert '<input type="hidden" name="token" value="mine">' in page

    def test_over_htmx_the_form_stays(self, desk: Client) -> None:
        asked = question()
        url = reverse("reviewer:answer", args=[asked.id])
        response = desk.post(url, form_of(asked, answer="x"), headers=HTMX)
        assert response.status_code == 503
        assert response["HX-Retarget"] == "#flash"
        assert "<html" not in response.content.decode()


def test_a_password_is_never_sent_back(rf: RequestFactory) -> None:
    request = rf.post("/accounts/login/", {"username": "ben", "password": "s3cret"})
    page = errors.page(request, OperationalError()).content.decode()
    assert "s3cret" not in page


def test_an_engine_error_has_its_own_status(rf: RequestFactory) -> None:
    assert errors.page(rf.get("/"), RunFailed("x")).status_code == 500


def test_an_unexpected_error_shows_nothing_of_the_inside(desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **options: Any) -> None:
        raise RuntimeError("secret detail")

    asked = question()
    monkeypatch.setattr(view.access, "question", fail)
    desk.raise_request_exception = False
    response = desk.get(reverse("reviewer:question", args=[asked.id]))
    page = response.content.decode()
    assert response.status_code == 500
    assert "Something went wrong" in page
    assert "secret detail" not in page


class TestOutdated:
    """A form from before the last sign-in."""

    @pytest.fixture
    def strict(self, ben: User) -> Client:
        client = Client(enforce_csrf_checks=True)
        client.force_login(ben)
        return client

    def test_the_page_says_so_and_keeps_what_was_typed(self, strict: Client) -> None:
        asked = question()
        response = strict.post(reverse("reviewer:answer", args=[asked.id]), form_of(asked, answer="my <text>"))
        page = response.content.decode()
        assert response.status_code == 403
        assert "This page is out of date" in page
        assert "my &lt;text&gt;" in page
        assert f'href="/questions/{asked.id}/">Open the page again</a>' in page
        # It may as well have come from another site, and would be sent on with a token.
        assert "Send it again" not in page

    def test_over_htmx_the_form_stays(self, strict: Client) -> None:
        asked = question()
        url = reverse("reviewer:answer", args=[asked.id])
        response = strict.post(url, form_of(asked, answer="x"), headers=HTMX)
        page = response.content.decode()
        assert response.status_code == 403
        assert response["HX-Retarget"] == "#flash"
        assert "<html" not in page
        assert "send it again here" in page

    def test_a_form_from_another_address_is_told_apart(self, strict: Client) -> None:
        response = strict.post("/start/graph/", {"input": "foo"}, headers={"Origin": "https://elsewhere.example"})
        page = response.content.decode()
        assert response.status_code == 403
        assert "CSRF_TRUSTED_ORIGINS" in page
        assert "foo" not in page


class TestOpenedByAnother:
    """The page was drawn for ana, and ben has signed in since."""

    SAID = "This page was opened as ana; you are now signed in as ben."

    @pytest.mark.parametrize("name", ["answer", "assign"])
    def test_over_htmx_the_form_stays(self, desk: Client, name: str) -> None:
        asked = question()
        url = reverse(f"reviewer:{name}", args=[asked.id])
        response = desk.post(url, form_of(asked, answer="x", to="me", page_of="ana"), headers=HTMX)
        assert response.status_code == 409
        assert response["HX-Retarget"] == "#flash"
        assert self.SAID in response.content.decode()
        asked.refresh_from_db()
        assert (asked.status, asked.assignee) == (Interrupt.Status.PENDING, None)

    def test_the_page_keeps_what_was_typed(self, desk: Client) -> None:
        asked = question()
        url = reverse("reviewer:answer", args=[asked.id])
        response = desk.post(url, form_of(asked, answer="my text", page_of="ana"))
        page = response.content.decode()
        assert response.status_code == 409
        assert self.SAID in page
        assert "my text" in page
        assert "Send it again" not in page

    def test_nothing_starts(self, desk: Client) -> None:
        response = desk.post("/start/graph/", {"input": "foo", "key": "k", "page_of": "ana"})
        assert response.status_code == 409
        assert not Thread.objects.exists()

    def test_every_form_says_whose_page_it_is_on(self, desk: Client) -> None:
        asked = question()
        mark = '<input type="hidden" name="page_of" value="ben">'
        page = desk.get(reverse("reviewer:question", args=[asked.id])).content.decode()
        # All but the one that signs out, which anybody may.
        assert page.count(mark) == page.count('method="post"') - 1 >= 2
        assert mark in desk.get("/start/graph/").content.decode()
