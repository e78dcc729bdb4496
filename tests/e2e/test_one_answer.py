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
    expect(page.locator("#answer")).to_contain_text(re.compile("ben answered this|Answered"))
    expect(page.get_by_role("button", name="Send this answer")).to_be_hidden()
    expect_one(question)
