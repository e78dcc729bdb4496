"""What people do on the pages, in their own words."""

from __future__ import annotations

import re

from playwright.sync_api import Locator, Page, expect

from tests.e2e.journal import Journal, Question, eventually

ANSWERED = re.compile("^Answered “")


def open_question(page: Page, question: Question) -> None:
    """Go to the question's page; its form is there."""
    page.goto(question.page)
    expect(page.locator("#answer form")).to_be_visible()


def field(page: Page) -> Locator:
    """Where a question's text is answered."""
    return page.get_by_label("Your answer")


def send(page: Page) -> None:
    page.get_by_role("button", name="Send this answer").click()


def give_answer(page: Page, text: str) -> None:
    """Type an answer and send it; it is taken."""
    field(page).fill(text)
    send(page)
    expect_answered(page)


def expect_answered(page: Page) -> None:
    expect(page.locator("#flash").get_by_text(ANSWERED)).to_be_visible()


def expect_live(page: Page) -> None:
    """The page's socket is open and has caught up, so what comes now comes through it."""
    expect(page.locator("html[data-live=on]")).to_be_attached()


def expect_cut_off(page: Page) -> None:
    """The page knows that its socket is gone."""
    expect(page.locator("html[data-live=on]")).not_to_be_attached()


def seqs(page: Page) -> list[int]:
    """The seq of each line of the timeline, from top to bottom."""
    texts = page.locator("#events > li").evaluate_all("lines => lines.map(line => line.dataset.seq)")
    return [int(text) for text in texts]


def expect_journal(page: Page, journal: Journal, thread: str) -> None:
    """Every event of the journal stands on the page once, in order, and nothing else does."""
    try:
        eventually(lambda: seqs(page) == journal.seqs(thread))
    except AssertionError:
        assert seqs(page) == journal.seqs(thread)  # for pytest's comparison
    ids = page.locator("#events > li").evaluate_all("lines => lines.map(line => line.id)")
    assert len(ids) == len(set(ids))


def expect_fits(page: Page) -> None:
    """Nothing sticks out at the side."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    sticking_out = page.evaluate(
        """width => [...document.querySelectorAll("body *")]
            .filter(one => one.checkVisibility() && one.getBoundingClientRect().right > width + 0.5)
            .filter(one => !one.closest("pre, .hidden-text, .skip"))
            .map(one => `${one.tagName} ${one.className}`).slice(0, 5)""",
        width,
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{page.url}: {sticking_out}"
