"""Many decisions in a row, with the keyboard alone."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e import pages
from tests.e2e.journal import eventually

MOST_PRESSES = 25


def test_ten_decisions_in_at_most_twenty_five_key_presses(sign_in, ask, journal) -> None:
    asked = [ask("refund", suffix=f"-{number}") for number in range(10)]
    page = sign_in("ben")
    page.goto("/?q=ten-decisions-in&order=oldest")
    expect(page.locator("#queue-count")).to_have_text("10 waiting")
    presses = 0

    def press(key: str) -> None:
        nonlocal presses
        presses += 1
        page.wait_for_load_state("domcontentloaded")
        page.keyboard.press(key)

    press("j")
    press("Enter")
    for number, question in enumerate(asked):
        expect(page).to_have_url(re.compile(re.escape(question.page)))
        expect(page.get_by_role("heading", level=1)).to_be_focused()
        press("a" if number % 2 == 0 else "d")
        if number % 2:
            # A refusal needs its reason: the cursor stands in the field.
            expect(page.get_by_label("Why, in words for the customer")).to_be_focused()
            page.keyboard.insert_text("Too late.")
            press("Control+Enter")
    expect(page.get_by_text("None left.")).to_be_visible()
    assert presses <= MOST_PRESSES
    decisions = [journal.facts(one.thread, "answer")[0].value["decision"] for one in asked]
    assert decisions == ["approve", "refuse"] * 5


def test_everything_by_its_words(sign_in, ask, journal) -> None:
    question = ask("refund")
    page = sign_in("ben")
    page.goto(question.page)
    page.keyboard.press("Control+k")
    palette = page.get_by_role("dialog", name="Commands")
    expect(palette.get_by_role("combobox")).to_be_focused()
    page.keyboard.type("approve")
    expect(palette.get_by_role("option")).to_have_count(1)
    page.keyboard.press("Enter")
    eventually(lambda: bool(journal.facts(question.thread, "answer")))
    expect(page).not_to_have_url(re.compile(question.page))
    page.wait_for_load_state("domcontentloaded")

    page.keyboard.press("Control+k")
    page.keyboard.type("runs")
    page.keyboard.press("Enter")
    expect(page).to_have_title(re.compile("^Runs"))
    page.wait_for_load_state("domcontentloaded")
    page.keyboard.press("Control+k")
    page.keyboard.press("ArrowDown")
    expect(palette.locator("[aria-selected=true]")).to_have_count(1)
    page.keyboard.type("no such thing")
    expect(palette.get_by_text("Nothing is called that")).to_be_visible()
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


def test_a_few_rows_decided_together(sign_in, ask, journal) -> None:
    asked = [ask("refund", suffix=f"-{number}") for number in range(3)]
    page = sign_in("ben")
    page.goto("/?q=a-few-rows&order=oldest")
    expect(page.locator("#queue-selected")).to_be_hidden()
    for key in ("j", "x", "Shift+J"):
        page.keyboard.press(key)
    expect(page.locator("[data-chosen]")).to_have_text("2")
    page.keyboard.press("Shift+D")
    expect(page).to_have_title(re.compile("^Decide together"))
    page.wait_for_load_state("domcontentloaded")
    everyone = page.get_by_role("checkbox", name="2 alike")
    expect(everyone).to_be_checked()
    page.locator("summary", has_text="Each of them").click()
    members = page.locator("input[name=pick]")
    members.first.uncheck()
    assert everyone.evaluate("box => box.indeterminate")
    everyone.check()
    expect(members.first).to_be_checked()
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="2 of 2 answered")).to_be_focused()
    assert [len(journal.facts(one.thread, "answer")) for one in asked] == [1, 1, 0]


def test_a_group_is_opened_and_decided_as_one_row(sign_in, ask, journal) -> None:
    first, second = (ask("refund", suffix=f"-{number}") for number in range(2))
    page = sign_in("ben")
    page.goto("/?q=a-group-is-opened")
    page.get_by_role("link", name="Group them").click()
    row = page.locator("#queue-list > li")
    expect(row).to_have_count(1)
    expect(row).to_contain_text("2 alike")
    pages.expect_live(page)
    third = ask("refund", suffix="-2")
    expect(row).to_contain_text("3 alike")

    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.locator("#queue-list > li")).to_have_count(3)
    page.keyboard.press("u")
    expect(row).to_contain_text("3 alike")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-chosen]")).to_have_text("3")
    page.keyboard.press("Shift+D")
    expect(page).to_have_title(re.compile("^Decide together"))
    page.wait_for_load_state("domcontentloaded")
    page.keyboard.press("a")
    expect(page.get_by_role("heading", name="3 of 3 answered")).to_be_focused()
    assert [len(journal.facts(one.thread, "answer")) for one in (first, second, third)] == [1, 1, 1]
