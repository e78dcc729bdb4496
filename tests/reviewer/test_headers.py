"""The one middleware: strict headers on the desk's pages, and hands off everybody else's."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import resolve, reverse

from reviewer.middleware import ReviewerMiddleware
from tests.reviewer.factories import question

INLINE = re.compile(r"""<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:""")


@pytest.fixture
def pages(client: Client, ana: User) -> dict[str, HttpResponse]:
    """Every page of the desk, as ana sees it."""
    client.force_login(ana)
    asked = question("Ship it?")
    urls = [
        "/",
        reverse("reviewer:question", args=[asked.id]),
        "/runs/",
        reverse("reviewer:thread", args=[asked.thread_id]),
        "/start/",
        "/start/graph/",
        "/accounts/settings/",
        "/accounts/password/",
        "/questions/nope/",
        "/no/such/page/",
    ]
    found = {url: client.get(url) for url in urls}
    found["/accounts/login/"] = Client().get("/accounts/login/")
    return found  # type: ignore[return-value]


def test_every_page_has_a_strict_policy(pages: dict[str, HttpResponse]) -> None:
    for url, response in pages.items():
        policy = response["Content-Security-Policy"]
        assert policy.startswith("default-src 'self'"), url
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert response["X-Content-Type-Options"] == "nosniff"
        assert response["Referrer-Policy"] == "same-origin"


def test_no_page_has_anything_inline(pages: dict[str, HttpResponse]) -> None:
    for url, response in pages.items():
        assert not INLINE.search(response.content.decode()), url


def test_no_page_asks_another_site_for_anything(pages: dict[str, HttpResponse]) -> None:
    for url, response in pages.items():
        for address in re.findall(r"""(?:src|href|action)=["']([^"']*)""", response.content.decode()):
            assert not re.match(r"(https?:)?//", address), (url, address)


def test_a_page_can_come_back_with_what_was_typed(pages: dict[str, HttpResponse]) -> None:
    for url, response in pages.items():
        if "login" not in url and "password" not in url:
            assert "no-store" not in response["Cache-Control"], url


class TestInAnotherProject:
    """Requests that are not the desk's pass through untouched."""

    def call(self, rf: RequestFactory, path: str) -> HttpResponse:
        def get_response(request: HttpRequest) -> HttpResponse:
            request.resolver_match = resolve(path)
            return HttpResponse("theirs")

        response: Any = ReviewerMiddleware(get_response)(rf.get(path))
        return response

    def test_their_pages_keep_their_policy(self, rf: RequestFactory) -> None:
        assert "Content-Security-Policy" not in self.call(rf, "/admin/login/")
        assert "Content-Security-Policy" in self.call(rf, "/accounts/login/")

    def test_their_errors_are_theirs(self, rf: RequestFactory) -> None:
        request = rf.get("/admin/")
        request.resolver_match = resolve("/admin/")
        middleware = ReviewerMiddleware(lambda request: HttpResponse())
        assert middleware.process_exception(request, PermissionError()) is None

    async def test_it_works_in_an_asynchronous_chain(self, rf: RequestFactory) -> None:
        async def get_response(request: HttpRequest) -> HttpResponse:
            request.resolver_match = resolve("/accounts/login/")
            return HttpResponse("ours")

        response: Any = await ReviewerMiddleware(get_response)(rf.get("/"))  # type: ignore[misc]
        assert "Content-Security-Policy" in response
