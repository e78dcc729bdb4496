"""A page whose session has changed behind its back: it says so, and what was typed stays."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from reviewer.demo.people import PASSWORD
from tests.e2e import pages


def sign_in_instead(page: Page, name: str) -> None:
    """In another tab of the same browser."""
    tab = page.context.new_page()
    tab.goto("/")
    if tab.locator("details.menu").count():
        tab.locator("details.menu summary").click()
        tab.get_by_role("button", name="Sign out").click()
    tab.get_by_label("Username").fill(name)
    tab.get_by_label("Password").fill(PASSWORD)
    tab.get_by_label("Password").press("Enter")
    expect(tab.locator("details.menu .who")).to_have_text(name)
    tab.close()


def test_a_lost_token_is_told_in_place(sign_in, ask, journal) -> None:
    question = ask()
    page: Page = sign_in("ben", fresh=True)
    pages.open_question(page, question)
    pages.field(page).fill("long thoughts")
    page.context.clear_cookies()
    pages.send(page)
    expect(page.locator("#flash")).to_contain_text("This page is out of date.")
    expect(page.locator("#flash .notice.bad")).to_be_in_viewport()
    expect(pages.field(page)).to_have_value("long thoughts")
    sign_in_instead(page, "ben")
    pages.send(page)
    pages.expect_answered(page)
    assert [fact.value for fact in journal.facts(question.thread, "answer")] == ["long thoughts"]


def test_a_lost_token_without_javascript_keeps_the_text(sign_in, ask, journal) -> None:
    page: Page = sign_in("ben", fresh=True, java_script_enabled=False)
    question = ask()
    page.goto(question.page)
    pages.field(page).fill("long thoughts")
    page.context.clear_cookies()
    pages.send(page)
    expect(page.get_by_role("heading", name="This page is out of date")).to_be_visible()
    expect(page.locator("textarea")).to_have_value("long thoughts")
    pages.expect_fits(page)


def test_a_page_of_ben_does_not_answer_as_ana(sign_in, ask, journal) -> None:
    question = ask()
    page: Page = sign_in("ben", fresh=True)
    pages.open_question(page, question)
    pages.field(page).fill("as ben")
    sign_in_instead(page, "ana")
    pages.send(page)
    expect(page.locator("#flash")).to_contain_text("This page was opened as ben; you are now signed in as ana.")
    expect(pages.field(page)).to_have_value("as ben")
    assert not journal.facts(question.thread, "answer")
    page.reload()
    pages.give_answer(page, "as ana")
    assert [fact.value for fact in journal.facts(question.thread, "answer")] == ["as ana"]
