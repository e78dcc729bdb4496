"""A list of objects is filled in row by row: with the keyboard alone, and without JavaScript."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e import pages
from tests.e2e.journal import Journal, Question, eventually


def button(page: Page, name: str, at: int = 0) -> Any:
    return page.locator(".rows").get_by_role("button", name=name).nth(at)


def expect_sent(journal: Journal, question: Question, lines: list[Any]) -> None:
    eventually(lambda: bool(journal.facts(question.thread, "answer")))
    assert journal.facts(question.thread, "answer")[0].value["lines"] == lines


def test_with_the_keyboard(sign_in, ask, journal) -> None:
    question = ask("ordering")
    page = sign_in("ben")
    pages.open_question(page, question)
    item, count = page.get_by_label("Item"), page.get_by_label("Count")
    item.fill("lamp")
    page.keyboard.press("Tab")
    page.keyboard.type("2")
    button(page, "Add").focus()
    page.keyboard.press("Enter")
    expect(item.nth(1)).to_be_focused()
    expect(item.nth(0)).to_have_value("lamp")
    page.keyboard.type("desk")
    page.keyboard.press("Tab")
    page.keyboard.type("0")
    page.keyboard.press("Control+Enter")
    expect(count.nth(1)).to_be_focused()
    expect(count.nth(1)).to_have_attribute("aria-invalid", "true")
    expect(count.nth(0)).not_to_have_attribute("aria-invalid", "true")
    count.nth(1).fill("1")
    # Enter in a field sends; it never takes a row away.
    page.keyboard.press("Enter")
    expect_sent(journal, question, [{"item": "lamp", "count": 2}, {"item": "desk", "count": 1}])


def test_rows_are_there_again_after_a_reload_and_go_one_by_one(sign_in, ask, journal) -> None:
    question = ask("ordering")
    page = sign_in("ben")
    pages.open_question(page, question)
    item = page.get_by_label("Item")
    for at, name in enumerate(("lamp", "desk", "chair")):
        if at:
            button(page, "Add").click()
        item.nth(at).fill(name)
        page.get_by_label("Count").nth(at).fill(str(at + 1))
    expect(page.get_by_text("Draft kept")).to_be_visible()
    page.reload()
    expect(item).to_have_count(3)
    button(page, "Remove", at=1).click()
    expect(item).to_have_count(2)
    expect(button(page, "Add")).to_be_focused()
    expect(item.nth(1)).to_have_value("chair")
    pages.expect_fits(page)
    pages.send(page)
    expect_sent(journal, question, [{"item": "lamp", "count": 1}, {"item": "chair", "count": 3}])


def test_rows_without_javascript(sign_in, ask, journal) -> None:
    question = ask("ordering")
    page = sign_in("ben", java_script_enabled=False)
    page.goto(question.page)
    page.get_by_label("Item").fill("lamp")
    page.get_by_label("Count").fill("2")
    button(page, "Add").click()
    expect(page.get_by_label("Item")).to_have_count(2)
    button(page, "Remove", at=1).click()
    expect(page.get_by_label("Item")).to_have_value("lamp")
    pages.send(page)
    expect_sent(journal, question, [{"item": "lamp", "count": 2}])
