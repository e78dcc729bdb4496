"""What a start may say beside its input, behind *More*: by keyboard, in the reader's time zone, once."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from playwright.sync_api import expect

from tests.e2e import pages

TOKYO = "Asia/Tokyo"


def soon() -> str:
    """The minute after the next one, as a reader in Tokyo writes it."""
    return (datetime.now(ZoneInfo(TOKYO)) + timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M")


def test_a_start_for_later_is_sent_once_and_waits_for_its_time(sign_in, journal) -> None:
    page = sign_in("ben", timezone_id=TOKYO)
    page.goto("/")  # where the browser tells its zone
    page.goto("/start/graph/")
    page.get_by_label("Input").fill("foo")
    page.get_by_text("More", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"In the time zone {TOKYO}")).to_be_visible()
    page.get_by_label("Thread").first.fill("for-later")
    page.get_by_label("Not before").fill(moment := soon())
    pages.expect_fits(page)
    page.get_by_role("button", name="Start Graph").dblclick()
    page.wait_for_url("**/runs/for-later/")
    expect(page.locator("#run-state")).to_have_attribute("data-state", "new")
    expect(page.locator("#run-state")).to_contain_text(f"{moment[-5:]}: foo")
    assert [fact.value for fact in journal.facts("for-later", "enqueue")] == ["foo"]


def test_a_refusal_is_told_at_the_thread_and_a_strategy_helps(sign_in, ask, journal) -> None:
    question = ask()
    page = sign_in("ben")
    page.goto(f"/start/graph/?thread={question.thread}")
    page.get_by_label("Input").fill("other")
    page.get_by_role("button", name="Start Graph").click()
    expect(page.locator("#id_thread_error")).to_contain_text("waits for an answer")
    expect(page.get_by_label("Thread").first).to_be_focused()
    expect(page.get_by_label("Thread").first).to_have_value(question.thread)
    expect(page.get_by_label("Input")).to_have_value("other")
    page.get_by_label("If that thread has an open turn").select_option("enqueue")
    page.get_by_role("button", name="Start Graph").press("Enter")
    page.wait_for_url(f"**{question.run}")
    expect(page.locator(".run-starts")).to_contain_text("other")
    assert len(journal.facts(question.thread, "enqueue")) == 1
