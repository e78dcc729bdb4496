"""The pictures that README and docs show: taken from the desk as it is, so they cannot lie.

They are written where one is missing, and anew with HITL_SCREENSHOTS=1; otherwise a test run leaves them be.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import pages
from tests.e2e.journal import Journal, Question
from tests.services.desk import Desk

IMAGES = Path(__file__).resolve().parent.parent.parent / "docs" / "images"
MAX_BYTES = 200_000
LOOKS = {
    "": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "-dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "-narrow": {"viewport": {"width": 360, "height": 740}, "color_scheme": "light", "device_scale_factor": 2},
}
GERMAN = {"locale": "de-DE", "timezone_id": "Europe/Berlin"}
LOOKS |= {f"-german{look}": {**LOOKS[look], **GERMAN} for look in ("", "-narrow")}
SUBJECTS = ("queue", "question", "actions", "together", "run", "fork", "compare", "runs", "start", "settings")
PICTURES = [f"{name}{look}" for name in SUBJECTS for look in LOOKS if "german" not in look]
PICTURES += [f"{name}-german{look}" for name in ("queue", "question") for look in ("", "-narrow")]

MINUTES_AGO = [410, 340, 300, 260, 190, 95, 34, 12, 3, 1]
PAID = "refund-2041"
# When a row was written, in each table that the pages show.
TIMES = {
    "hitl_thread": ("id", ["created_at", "updated_at"]),
    "hitl_run": ("thread_id", ["created_at", "started_at", "ended_at"]),
    "hitl_interrupt": ("thread_id", ["asked_at"]),
    "hitl_checkpoint": ("thread_id", ["created_at", "started_at"]),
}


def wanted(name: str) -> bool:
    return bool(os.environ.get("HITL_SCREENSHOTS")) or not (IMAGES / f"{name}.png").exists()


@pytest.fixture(scope="module")
def asked(new_desk: Desk) -> Question:
    """The demo as `make run` shows it after a while, and a refund that was paid; the question to be shown."""
    journal = Journal(new_desk.home)
    new_desk.manage("demo")
    threads = [row[0] for row in journal.rows("SELECT id FROM hitl_thread ORDER BY created_at, id")]
    for thread, minutes in zip(threads, MINUTES_AGO, strict=True):
        backdate(new_desk, thread, minutes=minutes)
    questions = [journal.question(thread) for thread in threads]
    new_desk.manage("hitl", "start", "refund", "--json", "{}", "--thread", PAID, "--as", "ben")
    paid = journal.question(PAID)
    decision = '{"decision": "approve", "amount": 40}'
    new_desk.manage("hitl", "answer", paid.id, "--version", "1", "--json", decision, "--as", "ana")
    journal.ended(PAID)
    backdate(new_desk, PAID, minutes=48)
    return next(question for question in questions if "Jonas" in question.title)


def backdate(desk: Desk, thread: str, *, minutes: int) -> None:
    """As if all of it had happened so long ago: nobody's morning begins in one second."""
    with closing(sqlite3.connect(desk.home / "hitl.sqlite3", timeout=20)) as database, database:
        for table, (key, columns) in TIMES.items():
            earlier = ", ".join(
                f"{one} = strftime('%Y-%m-%d %H:%M:%f', {one}, '-{minutes} minutes')" for one in columns
            )
            database.execute(f"UPDATE {table} SET {earlier} WHERE {key} = ?", [thread])


def queue(page: Page, asked: Question) -> None:
    page.goto("/")
    expect(page.locator("#queue-list > li")).to_have_count(len(MINUTES_AGO))


def question(page: Page, asked: Question) -> None:
    pages.open_question(page, asked)


def actions(page: Page, asked: Question) -> None:
    """An agent's proposals, one of them being changed."""
    page.goto("/?q=3+actions")
    page.locator("#queue-list > li a").first.click()
    refund = page.locator("[data-action]").nth(1)
    refund.get_by_text("Change it").click()
    refund.get_by_label("Amount").fill("40")
    page.locator("[data-action]").nth(0).get_by_label("Approve").check()
    refund.get_by_text("Change it").scroll_into_view_if_needed()
    page.evaluate("document.activeElement.blur(); scrollBy(0, 200)")


def run(page: Page, asked: Question) -> None:
    page.goto(f"/runs/{PAID}/")
    expect(page.locator(".run-result")).to_be_visible()


def together(page: Page, asked: Question) -> None:
    page.goto("/?q=refund")
    for box in page.locator("#queue-list input[name=pick]").all()[:2]:
        box.check()
    page.get_by_role("button", name="Decide together").click()
    expect(page.get_by_role("heading", name="Decide together")).to_be_visible()


def fork(page: Page, asked: Question) -> None:
    page.goto(f"/runs/{PAID}/")
    page.get_by_role("link", name="Answer otherwise").first.click()
    expect(page.locator("h1")).to_contain_text("Answer otherwise")


def compare(page: Page, asked: Question) -> None:
    page.goto(f"/runs/{PAID}/compare/")


def runs(page: Page, asked: Question) -> None:
    page.goto("/runs/")


def start(page: Page, asked: Question) -> None:
    page.goto("/start/refund/")


def settings(page: Page, asked: Question) -> None:
    page.goto("/accounts/settings/")


SHOWN: dict[str, Callable[[Page, Question], None]] = {
    "queue": queue,
    "question": question,
    "actions": actions,
    "together": together,
    "run": run,
    "fork": fork,
    "compare": compare,
    "runs": runs,
    "start": start,
    "settings": settings,
}


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_there(name: str, request: pytest.FixtureRequest) -> None:
    if wanted(name):
        take(name, request)
    assert 5_000 < (IMAGES / f"{name}.png").stat().st_size < MAX_BYTES


def take(name: str, request: pytest.FixtureRequest) -> None:
    asked, desk = request.getfixturevalue("asked"), request.getfixturevalue("new_desk")
    subject, _, look = name.partition("-")
    sign_in = request.getfixturevalue("sign_in")
    sign_in("ben", at=desk).close()
    page: Page = sign_in("ben", at=desk, **LOOKS[f"-{look}" if look else ""])
    SHOWN[subject](page, asked)
    IMAGES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=IMAGES / f"{name}.png", animations="disabled", caret="hide")
