"""However often it is sent, a question has one answer."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import pages


@pytest.fixture
def expect_one(journal):
    def one(question, value: str = "baz") -> None:
        journal.ended(question.thread)
        assert [fact.value for fact in journal.facts(question.thread, "answer")] == [value]
        assert len(journal.facts(question.thread, "output")) == 1

    return one


def test_a_double_click(sign_in, ask, expect_one) -> None:
    question = ask()
    page = sign_in("ben")
    pages.open_question(page, question)
    pages.field(page).fill("baz")
    page.get_by_role("button", name="Send this answer").dblclick()
    pages.expect_answered(page)
    expect_one(question)


def two_alike(ask, sign_in, name: str):
    """Two questions whose buttons stand in the same places, and the page of the first."""
    first, second = ask("refund", suffix="-1"), ask("refund", suffix="-2")
    page = sign_in("ben")
    page.goto(f"{first.page}?q={name}&order=oldest")
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    return first, second, page


def test_the_second_click_decides_nothing_on_the_next_page(sign_in, ask, journal) -> None:
    first, second, page = two_alike(ask, sign_in, "second-click-decides")
    place = page.get_by_role("button", name="Approve").bounding_box()
    assert place is not None
    x, y = place["x"] + 20, place["y"] + 10
    page.mouse.click(x, y)
    page.wait_for_url(re.compile(re.escape(second.page)), wait_until="commit")
    for _ in range(3):
        page.mouse.click(x, y)
    pages.expect_answered(page)
    expect(page.locator("#flash > div")).to_have_count(1)
    expect(page).to_have_url(re.compile(re.escape(second.page)))
    assert journal.facts(first.thread, "answer") and not journal.facts(second.thread, "answer")


def test_a_key_held_down_decides_once(sign_in, ask, journal) -> None:
    first, second, page = two_alike(ask, sign_in, "key-held-down")
    sent: list[str] = []
    page.on("request", lambda request: sent.extend([request.url] if "/answer/" in request.url else []))
    page.keyboard.down("a")
    page.wait_for_url(re.compile(re.escape(second.page)))
    expect(page.get_by_role("heading", level=1)).to_be_focused()
    # A key that is down already repeats itself.
    for _ in range(3):
        page.keyboard.down("a")
    page.keyboard.up("a")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert len(sent) == 1
    assert journal.facts(first.thread, "answer") and not journal.facts(second.thread, "answer")


def test_a_double_click_where_no_script_guards_the_button(sign_in, ask, expect_one) -> None:
    question = ask()
    page: Page = sign_in("ben", java_script_enabled=False)
    page.goto(question.page)
    pages.field(page).fill("baz")
    page.get_by_role("button", name="Send this answer").dblclick()
    pages.expect_answered(page)
    expect_one(question)


def test_the_same_form_sent_again_after_its_answer_was_lost(sign_in, ask, expect_one) -> None:
    """The server has taken it, but the line broke before it could say so."""
    question = ask()
    page: Page = sign_in("ben")
    pages.open_question(page, question)
    pages.field(page).fill("baz")

    def lose(route) -> None:
        route.fetch()
        route.abort()

    page.route("**/state/**", lambda route: route.fulfill(body=""))
    page.route("**/answer/", lose)
    pages.send(page)
    expect(page.locator("#flash")).to_contain_text("The server did not answer.")
    page.unroute("**/answer/")
    pages.send(page)
    page.wait_for_url(lambda address: question.page not in address)
    expect_one(question)


def test_two_tabs_of_one_person(sign_in, ask, expect_one) -> None:
    question = ask()
    first: Page = sign_in("ben")
    second = first.context.new_page()
    second.route("**/state/**", lambda route: route.fulfill(body=""))
    for page in (first, second):
        pages.open_question(page, question)
    pages.give_answer(first, "baz")
    pages.field(second).fill("another thought")
    pages.send(second)
    expect(second.get_by_role("alert")).to_contain_text("ben answered first.")
    expect_one(question)


def test_back_after_answering_shows_what_stands(sign_in, ask, expect_one) -> None:
    question = ask()
    page: Page = sign_in("ben")
    pages.open_question(page, question)
    pages.give_answer(page, "baz")
    page.go_back()
    expect(page).to_have_url(re.compile(re.escape(question.page)))
    expect(page.locator("#answer")).to_contain_text(re.compile("You answered this|Answered"))
    expect(page.get_by_role("button", name="Send this answer")).to_be_hidden()
    expect_one(question)
