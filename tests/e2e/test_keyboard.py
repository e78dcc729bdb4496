"""Everything can be done without a mouse, and what has the focus can be seen."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e import pages


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def focus_is_visible(page: Page) -> bool:
    """Whether what has the focus, or the row around it, is outlined."""
    return bool(
        page.evaluate(
            """() => [document.activeElement, document.activeElement.closest("li")].filter(Boolean)
                .filter(one => one.matches(":focus-visible, :has(:focus-visible)"))
                .some(one => getComputedStyle(one).outlineStyle !== "none")"""
        )
    )


def test_from_the_sign_in_to_the_decided_question(page: Page, ask, journal) -> None:
    question, other = ask(suffix="-1"), ask(suffix="-2")
    page.goto("/")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("ben")
    press(page, "Tab")
    page.keyboard.type("demo")
    press(page, "Enter")
    expect(page).to_have_title(re.compile("Queue"))

    press(page, "/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("decided-question")
    press(page, "Enter")
    expect(page.locator("#queue-count")).to_have_text("2 waiting")

    links = page.locator("#queue-list a")
    press(page, "j")
    expect(links.nth(0)).to_be_focused()
    assert focus_is_visible(page)
    press(page, "j")
    expect(links.nth(1)).to_be_focused()
    press(page, "j")
    expect(links.nth(1)).to_be_focused()
    press(page, "k", "ArrowDown", "ArrowUp")
    expect(links.nth(0)).to_be_focused()
    press(page, "o")

    expect(page.locator("#answer form")).to_be_visible()
    opened = page.url
    while not page.evaluate("document.activeElement.matches('#answer textarea')"):
        press(page, "Tab")
        assert focus_is_visible(page)
    page.keyboard.type("j, k and ? are letters here")
    expect(page.get_by_role("dialog")).to_be_hidden()
    press(page, "Control+Enter")
    pages.expect_answered(page)

    # The other question is next, with the cursor on what it asks.
    expect(page).not_to_have_url(opened)
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    answers = [fact.value for one in (question, other) for fact in journal.facts(one.thread, "answer")]
    assert answers == ["j, k and ? are letters here"]


def test_back_and_about(sign_in, ask) -> None:
    page = sign_in("ben")
    pages.open_question(page, ask())
    press(page, "u")
    expect(page).to_have_title(re.compile("Queue"))
    page.wait_for_load_state()
    press(page, "g", "r")
    expect(page).to_have_title(re.compile("Runs"))
    # The title is there before the keys are.
    page.wait_for_load_state()
    press(page, "g", "i")
    expect(page).to_have_title(re.compile("Queue"))


def test_on_to_the_next_question_and_back(sign_in, ask) -> None:
    first, second = ask(suffix="-1"), ask(suffix="-2")
    page = sign_in("ben")
    page.goto(f"{first.page}?q=on-to-the-next")
    press(page, "[")
    expect(page).to_have_url(re.compile(re.escape(second.page)))
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    press(page, "]")
    expect(page).to_have_url(re.compile(re.escape(first.page)))
    press(page, "]")
    expect(page.get_by_text("This is the last one of the queue.")).to_be_visible()
    press(page, "?")
    expect(page.get_by_role("dialog", name="Keys").get_by_text("next question while reading one")).to_be_visible()


def test_back_from_a_run_and_on_to_the_search(sign_in, ask) -> None:
    page = sign_in("ben")
    page.goto(ask().run)
    press(page, "u")
    expect(page).to_have_title(re.compile("^Runs"))
    press(page, "/")
    expect(page).to_have_title(re.compile("Queue"))
    expect(page.get_by_label("Search")).to_be_focused()


def test_help_opens_and_closes(sign_in) -> None:
    page = sign_in("ben")
    page.goto("/")
    press(page, "?")
    help_dialog = page.get_by_role("dialog", name="Keys")
    expect(help_dialog).to_be_visible()
    press(page, "Escape")
    expect(help_dialog).to_be_hidden()
    expect(page).to_have_title(re.compile("Queue"))


def test_single_keys_can_be_switched_off(sign_in, ask) -> None:
    page = sign_in("ben", fresh=True)
    question = ask()
    page.goto("/accounts/settings/")
    page.get_by_label("Single keys act").focus()
    press(page, "Space", "Enter")
    expect(page.get_by_text("Saved for this browser.")).to_be_visible()
    pages.open_question(page, question)
    press(page, "?", "u")
    expect(page.get_by_role("dialog")).to_be_hidden()
    expect(page).to_have_url(re.compile(re.escape(question.page)))
    # Ctrl+Enter is no single key.
    pages.field(page).focus()
    page.keyboard.type("baz")
    press(page, "Control+Enter")
    pages.expect_answered(page)


def test_a_way_past_the_top_of_the_page(sign_in) -> None:
    page = sign_in("ben")
    page.goto("/")
    press(page, "Tab")
    skip = page.get_by_role("link", name="To the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    press(page, "Enter", "Tab")
    assert page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_enter_in_a_field_approves_nothing(sign_in, ask, journal) -> None:
    """A form with several buttons must not take Enter for the first of them."""
    page = sign_in("ben")
    question = ask("refund")
    pages.open_question(page, question)
    page.get_by_label("Amount to refund").press("Enter")
    page.get_by_label("Why, in words for the customer").fill("Too late.")
    expect(page.locator("#answer form")).to_be_visible()
    assert not journal.facts(question.thread, "answer")
    page.get_by_label("Why, in words for the customer").press("Control+Enter")
    pages.expect_answered(page)
    assert [fact.value["decision"] for fact in journal.facts(question.thread, "answer")] == ["refuse"]


def test_a_row_is_snoozed_from_the_queue_and_the_cursor_is_in_the_menu(sign_in, ask) -> None:
    page = sign_in("ben")
    question = ask()
    page.goto(f"/?q={question.thread}")
    press(page, "j", "h")
    expect(page.get_by_role("button", name=re.compile("In an hour"))).to_be_focused()
    press(page, "Enter")
    expect(page.get_by_text("is out of your queue")).to_be_visible()
