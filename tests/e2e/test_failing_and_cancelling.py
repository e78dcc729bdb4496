"""A run that failed shows why and goes on after a retry; a run that is cancelled asks first and says by whom."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e import pages


def test_a_failed_run_tells_why_and_a_retry_keeps_what_was_done(sign_in, start, open_gate, journal) -> None:
    thread = start("stocktaking", input="depot")
    page = sign_in("ana")
    page.goto(f"/runs/{thread}/")
    state = page.locator("#run-state")
    expect(state).to_have_attribute("data-state", "failed")
    expect(state).to_contain_text("RuntimeError: the stock list is locked by another program")
    page.get_by_role("link", name="Tracebacks").click()
    expect(page.locator("pre").first).to_contain_text("count_stock")
    page.get_by_role("link", name="← Run").click()

    open_gate("depot-mended")
    page.get_by_text("Retry…").click()
    page.get_by_role("button", name="Retry the run").click()
    expect(page.locator("#flash")).to_contain_text("The run goes on from its last finished step.")
    expect(page.locator(".run-result")).to_have_text("12 lamps in stock")
    expect(page.locator("#events")).to_contain_text("ana retried the run")
    pages.expect_journal(page, journal, thread)
    results = [fact.name for fact in journal.facts(thread, "task")]
    assert results == ["open_warehouse", "count_stock"]


def test_a_retry_that_fails_again(sign_in, start, journal) -> None:
    thread = start("stocktaking", input="never-mended")
    page = sign_in("ana")
    page.goto(f"/runs/{thread}/")
    expect(page.locator("#run-state")).to_have_attribute("data-state", "failed")
    page.get_by_text("Retry…").click()
    page.get_by_role("button", name="Retry the run").click()
    expect(page.locator("#events > li[data-kind=failed]")).to_have_count(2)
    expect(page.locator("#run-state")).to_have_attribute("data-state", "failed")
    pages.expect_journal(page, journal, thread)


def test_a_failure_comes_live(sign_in, start, journal) -> None:
    """To a page that was open when the run began."""
    page = sign_in("ana")
    thread = start("stocktaking", input="live")
    page.goto(f"/runs/{thread}/")
    pages.expect_live(page)
    expect(page.get_by_text("Retry…")).to_be_visible()
    pages.expect_journal(page, journal, thread)


def test_cancelling_asks_first_and_keeps_the_reason(sign_in, ask, journal) -> None:
    question = ask()
    page, watching = sign_in("ana"), sign_in("ben")
    watching.goto(question.run)
    pages.expect_live(watching)
    page.goto(question.run)
    page.get_by_text("Cancel…").click()
    cancel = page.get_by_role("button", name="Cancel the run")
    expect(cancel).to_be_visible()
    assert not journal.facts(question.thread, "cancel")
    page.get_by_label("Reason").fill("ordered twice")
    cancel.click()
    expect(page.locator("#flash")).to_contain_text("The run is cancelled.")
    for one in (page, watching):
        expect(one.locator("#run-state")).to_have_attribute("data-state", "cancelled")
        expect(one.locator("#events")).to_contain_text(re.compile("ana cancelled the run.*ordered twice", re.DOTALL))
        expect(one.get_by_text("Cancel…")).to_be_hidden()
    pages.expect_journal(watching, journal, question.thread)
    page.goto(question.page)
    expect(page.locator(".settled")).to_contain_text("Cancelled")


def test_a_run_that_works_can_be_cancelled(sign_in, start, open_gate, journal) -> None:
    thread = start("relay", input="called-off")
    page = sign_in("ana")
    page.goto(f"/runs/{thread}/")
    expect(page.locator("#events")).to_contain_text("lap 1 begins")
    page.get_by_text("Cancel…").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator("#run-state")).to_have_attribute("data-state", "cancelled")
    open_gate("called-off-1")
    page.reload()
    expect(page.locator("#run-state")).to_have_attribute("data-state", "cancelled")
    assert not journal.facts(thread, "task")


def test_a_cancel_that_comes_too_late_says_so(sign_in, ask, server) -> None:
    question = ask()
    page = sign_in("ana")
    page.route_web_socket(re.compile("/ws/"), lambda socket: None)
    page.goto(question.run)
    server.manage("hitl", "cancel", question.thread)
    page.get_by_text("Cancel…").click()
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.locator("#run-state")).to_have_attribute("data-state", "cancelled")
