"""A run in a real browser while it happens: everybody sees the same, and nobody is disturbed by it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.services.desk import Desk

SignIn = Callable[..., Page]
SLOW_MS = 20_000


@pytest.fixture
def importing(server: Desk, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Starts an import that is still running when this returns, and gives its thread's id."""

    def start(*, batches: int = 12, seconds_per_batch: float = 0.3) -> str:
        thread = str(request.node.name)
        wanted = {"batches": batches, "seconds_per_batch": seconds_per_batch}
        server.manage("hitl", "start", "import", "--json", json.dumps(wanted), "--thread", thread)
        return thread

    return start


def events(page: Page) -> list[str]:
    return page.locator("#events > li[data-kind=event]").all_inner_texts()


def batches(page: Page) -> list[int]:
    """The numbers of the batches that the page shows, in its order."""
    return [int(found[1]) for text in events(page) if (found := re.search(r"batch (\d+) read", text))]


def state(page: Page, word: str) -> Locator:
    return page.locator(f"#run-state[data-state={word}]")


def wait(page: Page, word: str) -> None:
    expect(state(page, word)).to_be_visible(timeout=SLOW_MS)


def wait_for_batch(page: Page, number: int) -> None:
    batch = page.locator("#events > li", has_text=f"batch {number} read")
    expect(batch).to_be_visible(timeout=SLOW_MS)


def test_two_browsers_see_the_same_run_that_a_command_started(sign_in: SignIn, importing: Callable[..., str]) -> None:
    thread = importing()
    ana, cleo = sign_in("ana"), sign_in("cleo")
    for page in (ana, cleo):
        page.goto(f"/runs/{thread}/")
    for page in (ana, cleo):
        wait(page, "waiting")
        wait_for_batch(page, 6)
    assert batches(ana) == batches(cleo) == [1, 2, 3, 4, 5, 6]


def test_signing_out_elsewhere_is_said_on_the_page(sign_in: SignIn, importing: Callable[..., str]) -> None:
    page = sign_in("ben", fresh=True)
    page.goto(f"/runs/{importing(batches=2, seconds_per_batch=0)}/")
    wait(page, "waiting")
    other = page.context.new_page()
    other.goto("/")
    other.locator("details.menu > summary").click()
    other.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You were signed out")).to_be_visible(timeout=SLOW_MS)


def test_cancelling_while_it_runs_is_seen_by_everybody(sign_in: SignIn, importing: Callable[..., str]) -> None:
    thread = importing(batches=40)
    ana, cleo = sign_in("ana"), sign_in("cleo")
    for page in (ana, cleo):
        page.goto(f"/runs/{thread}/")
    wait_for_batch(cleo, 1)
    ana.get_by_text("Cancel…").click()
    ana.get_by_label("Reason").fill("the wrong list")
    ana.get_by_role("button", name="Cancel the run").click()
    wait(cleo, "cancelled")
    expect(cleo.get_by_text("the wrong list")).to_be_visible()
    assert not cleo.get_by_text("Cancel…").is_visible()


def test_what_a_reader_has_unfolded_stays_unfolded(sign_in: SignIn, importing: Callable[..., str]) -> None:
    page = sign_in("ana")
    page.goto(f"/runs/{importing(batches=20)}/")
    page.get_by_text("Cancel…").click()
    wait_for_batch(page, 3)
    page.get_by_label("Reason").fill("half typed")
    wait_for_batch(page, 6)
    assert page.get_by_label("Reason").input_value() == "half typed"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_sticks_out_of_a_narrow_run_page(sign_in: SignIn, importing: Callable[..., str], scheme: str) -> None:
    page = sign_in("ana", viewport={"width": 360, "height": 780}, color_scheme=scheme)
    page.goto(f"/runs/{importing(batches=2, seconds_per_batch=0)}/")
    wait(page, "waiting")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
