"""From the sign-in to the end of a run: the path that a newcomer takes."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e import pages


def test_foo_is_answered_with_baz_and_ends_as_foo_bar_baz_qux(page: Page) -> None:
    page.goto("/")
    page.get_by_label("Username").fill("ben")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Sign in").click()

    page.get_by_role("link", name="Start", exact=True).click()
    page.get_by_role("link", name="Graph").click()
    page.get_by_label("Input").fill("foo")
    page.get_by_role("button", name="Start Graph").click()

    # The run's page tells by itself, without a reload, how far it has come.
    page.wait_for_url("**/runs/*/")
    run = page.url
    expect(page.locator("#run-state")).to_have_attribute("data-state", "waiting")
    expect(page.locator("#events")).to_contain_text("Please provide feedback: foo bar")

    page.get_by_role("link", name="Queue").click()
    page.get_by_role("link", name="Please provide feedback: foo bar").first.click()
    pages.give_answer(page, "baz")

    page.get_by_role("link", name="Watch the run").click()
    expect(page).to_have_url(run)
    expect(page.locator(".run-result")).to_have_text("foo bar baz qux")
    expect(page.locator("#events > li[data-kind=output]")).to_contain_text("foo bar baz qux")


def test_the_end_comes_live_to_who_watches_the_run(sign_in, ask, journal) -> None:
    question = ask()
    watching, answering = sign_in("ana"), sign_in("ben")
    watching.goto(question.run)
    pages.expect_live(watching)
    pages.open_question(answering, question)
    pages.give_answer(answering, "baz")
    expect(watching.locator(".run-result")).to_have_text("foo bar baz qux")
    pages.expect_journal(watching, journal, question.thread)
