"""Deciding about what an agent proposes: an edit with its differences, three actions at once, a phone, no scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import pages
from tests.e2e.journal import Journal, Question

PHONE = {"viewport": {"width": 360, "height": 740}, "has_touch": True}


def button(page: Page, name: str) -> Locator:
    return page.locator("#answer .bar").get_by_role("button", name=name)


def action(page: Page, number: int) -> Locator:
    return page.locator("[data-action]").nth(number - 1)


def answer_of(journal: Journal, question: Question) -> Any:
    (given,) = journal.facts(question.thread, "hold", "answer")
    return given.value


@pytest.fixture
def asked(ask) -> Any:
    return lambda kind: ask("agent", suffix=f"-{kind}", input=kind)


# The places of the demo's kinds in the start form of its workflow.
HUMAN, BATCH, TOOL, ELICITATION = "1", "2", "3", "4"


def test_an_edit_shows_what_is_changed_from_the_first_key(sign_in, asked, journal) -> None:
    question = asked(TOOL)
    page = sign_in("ben")
    pages.open_question(page, question)
    button(page, "Edit").click()
    to = page.get_by_label("To", exact=True)
    expect(to).to_be_focused()
    to.press("Home")
    to.press("X")
    diff = page.locator(".field", has=to).locator(".diff")
    expect(diff.locator("ins")).to_have_text("Xana")
    expect(diff.locator("del")).to_have_text("ana")
    expect(button(page, "Send email to ana@example.com")).to_be_disabled()
    expect(button(page, "Send 1 change")).to_have_class(re.compile("primary"))
    to.press("Backspace")
    expect(diff).to_be_hidden()
    expect(button(page, "Send email to ana@example.com")).to_be_enabled()

    to.fill("bob@example.com")
    page.locator("#answer").get_by_label("Priority").fill("9")
    button(page, "Send 2 changes").click()
    expect(page.get_by_text("This must be at most 5.")).to_be_visible()
    expect(page.locator(".field", has=to).locator(".diff")).to_contain_text("anabob@example.com")
    page.locator("#answer").get_by_label("Priority").fill("3")
    button(page, "Send 2 changes").click()
    pages.expect_answered(page)
    edited = answer_of(journal, question)["edited_action"]["args"]
    assert (edited["to"], edited["priority"], "cc" in edited) == ("bob@example.com", 3, False)

    page.goto(question.page)
    expect(page.locator(".record")).to_contain_text("approved with changes")
    expect(page.locator(".record del").first).to_have_text("ana")


def test_three_actions_are_one_answer(sign_in, asked, journal) -> None:
    question = asked(BATCH)
    page = sign_in("ben")
    pages.open_question(page, question)
    progress = page.locator("[data-progress]")
    expect(progress).to_have_text("0/3 decided")
    action(page, 3).get_by_label("Reject").check()
    expect(progress).to_have_text("1/3 decided")
    action(page, 3).get_by_label("Your words").fill("Keep the offer.")
    action(page, 2).get_by_text("Change it").click()
    action(page, 2).get_by_label("Amount").fill("12")
    expect(action(page, 2).get_by_label("Edit")).to_be_checked()
    expect(progress).to_have_text("2/3 decided")
    button(page, "Send 3 decisions").click()
    expect(page.get_by_text("Decide about this.")).to_have_count(1)
    expect(action(page, 3).get_by_label("Your words")).to_have_value("Keep the offer.")
    button(page, "Approve the rest and send").click()
    pages.expect_answered(page)
    first, second, third = answer_of(journal, question)["decisions"]
    assert first == {"type": "approve"}
    assert second["edited_action"]["args"] == {"customer": "Ana Lindqvist", "amount": 12, "lines": ["lamp", "shipping"]}
    assert third == {"type": "reject", "message": "Keep the offer."}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone(sign_in, asked, journal, scheme: str) -> None:
    question = asked(HUMAN)
    page = sign_in("ben", color_scheme=scheme, **PHONE)
    pages.open_question(page, question)
    pages.expect_fits(page)
    for name in ("Send email to ana@example.com", "Edit", "Respond", "Ignore"):
        expect(button(page, name)).to_be_in_viewport(ratio=1)
    button(page, "Edit").tap()
    body = page.get_by_label("Body")
    body.fill("Dear Ana,\n\nit comes on Monday.\n\nThe team")
    pages.expect_fits(page)
    body.scroll_into_view_if_needed()
    button(page, "Send 1 change").tap()
    pages.expect_answered(page)
    assert answer_of(journal, question)[0]["args"]["args"]["body"] == "Dear Ana,\n\nit comes on Monday.\n\nThe team"
    for address in (question.page, asked(BATCH).page, asked(ELICITATION).page):
        page.goto(address)
        pages.expect_fits(page)


def test_respond_asks_for_words_first(sign_in, asked, journal) -> None:
    question = asked(TOOL)
    page = sign_in("ben")
    pages.open_question(page, question)
    button(page, "Respond").click()
    words = page.get_by_label("Your words")
    expect(words).to_be_focused()
    words.fill("It is sent already.")
    button(page, "Respond").click()
    pages.expect_answered(page)
    assert answer_of(journal, question) == {"type": "respond", "message": "It is sent already."}


def test_a_draft_of_an_edit_comes_back_with_its_differences(sign_in, asked) -> None:
    question = asked(TOOL)
    page = sign_in("ben")
    pages.open_question(page, question)
    button(page, "Edit").click()
    page.get_by_label("Subject").fill("Your order B-7")
    expect(page.get_by_text("Draft kept")).to_be_visible()
    again = sign_in("ben", java_script_enabled=False)
    again.goto(question.page)
    expect(again.get_by_label("Subject")).to_have_value("Your order B-7")
    expect(again.locator(".diff:visible ins").first).to_have_text("B")
    expect(button(again, "Send 1 change")).to_be_visible()


def test_without_javascript(sign_in, asked, journal) -> None:
    question = asked(TOOL)
    page = sign_in("ben", java_script_enabled=False)
    page.goto(question.page)
    page.get_by_text("Change it").click()
    page.get_by_label("To", exact=True).fill("bob@example.com")
    button(page, "Send email to ana@example.com").click()
    expect(page.get_by_text("You changed something, and this decision would lose it.")).to_be_visible()
    expect(page.locator(".diff:visible")).to_contain_text("anabob@example.com")
    button(page, "Send 1 change").click()
    pages.expect_answered(page)
    assert answer_of(journal, question)["edited_action"]["args"]["to"] == "bob@example.com"


def test_a_server_asks_for_values(sign_in, asked, journal) -> None:
    question = asked(ELICITATION)
    page = sign_in("ben")
    pages.open_question(page, question)
    button(page, "Send").click()
    expect(page.get_by_text("This field is required.")).to_have_count(2)
    page.get_by_label("Name of the guest").fill("Ana")
    page.get_by_label("Email").fill("ana@example.com")
    page.get_by_label("Vegetarian").check()
    button(page, "Send").click()
    pages.expect_answered(page)
    content = {"name": "Ana", "email": "ana@example.com", "guests": 2, "meal": "veg"}
    assert answer_of(journal, question) == {"action": "accept", "content": content}
