"""No page takes more than eight queries."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from tests.reviewer.factories import questions

PAGES = [
    "/",
    "/?q=number",
    "/queue/changes/",
    "/questions/{question}/",
    "/questions/{question}/state/?version=1",
    "/questions/{question}/precedents/",
    "/questions/{question}/around/",
    "/runs/",
    "/runs/{thread}/",
    "/runs/{thread}/events/?after=0",
    "/runs/{thread}/comments/",
    "/runs/{thread}/waterfall/",
    "/runs/{thread}/compare/",
    "/runs/{thread}/tracebacks/",
    "/start/",
    "/accounts/settings/",
    "/accounts/password/",
    "/nowhere/",
]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_takes_at_most_eight_queries(
    client: Client, ana: User, django_assert_max_num_queries: DjangoAssertNumQueries, path: str
) -> None:
    asked = questions(6)[0]
    client.force_login(ana)
    with django_assert_max_num_queries(8):
        answer = client.get(path.format(question=asked.id, thread=asked.thread_id))
    assert answer.status_code in ((404,) if path == "/nowhere/" else (200, 204))
