"""The served desk: people sign in, nothing comes from elsewhere, and a killed server comes back with its data."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.services.desk import Desk

SignIn = Callable[..., Page]


def test_who_is_not_signed_in_is_asked_to(page: Page) -> None:
    page.goto("/")
    expect(page).to_have_url(re.compile("/accounts/login/"))


@pytest.mark.parametrize("name", ["ana", "ben", "cleo"])
def test_everybody_of_the_demo_can_sign_in(sign_in: SignIn, name: str) -> None:
    page = sign_in(name)
    page.goto("/")
    expect(page.get_by_role("main")).to_be_visible()


def test_static_files_may_be_kept_for_ever(page: Page) -> None:
    """Their names hold a digest of what is in them."""
    with page.expect_response(re.compile(r"\.css$")) as css:
        page.goto("/accounts/login/")
    assert re.search(r"\.[0-9a-f]{12}\.css$", css.value.url)
    assert "immutable" in css.value.headers["cache-control"]


def test_after_a_kill_the_data_are_there_and_so_is_the_session(server: Desk, sign_in: SignIn) -> None:
    server.manage("hitl", "start", "graph", "--input", "killed", "--thread", "killed")
    page = sign_in("ben")
    page.goto("/runs/killed/")
    server.kill()
    server.start()
    page.goto("/runs/killed/")
    expect(page.get_by_text("Please provide feedback: killed bar").first).to_be_visible()
