"""An answer can be undone until the server releases it, whatever becomes of the browser."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import pages
from tests.e2e.journal import eventually


@pytest.fixture
def held(sign_in, ask, request):
    """A question that Ben has just answered, and his page."""
    question = ask(getattr(request, "param", "undoable"))
    page = sign_in("ben")
    pages.open_question(page, question)
    pages.give_answer(page, "yes, all of it")
    return question, page


def kinds(journal, question) -> list[str]:
    return [fact.kind for fact in journal.facts(question.thread, "hold", "undo", "release", "answer", "output")]


def toast(page: Page):
    return page.get_by_role("region", name="Answers that can be undone")


def test_undo_in_the_last_second(held, journal) -> None:
    question, page = held
    expect(toast(page)).to_contain_text(re.compile(r"\b1 s"))
    page.keyboard.press("z")
    expect(page.get_by_text("Taken back")).to_be_visible()
    assert kinds(journal, question) == ["hold", "undo"]
    # What was typed is there again.
    expect(pages.field(page)).to_have_value("yes, all of it")


def test_nobody_there_and_the_run_goes_on(held, journal) -> None:
    question, page = held
    page.context.close()
    eventually(lambda: kinds(journal, question) == ["hold", "release", "output"])


def test_a_killed_server_keeps_it_held(held, journal, server) -> None:
    question, _ = held
    server.kill()
    assert kinds(journal, question) == ["hold"]
    server.start()
    eventually(lambda: kinds(journal, question) == ["hold", "release", "output"])


def test_it_leaves_when_the_time_is_over(held) -> None:
    _, page = held
    expect(toast(page).get_by_role("button", name="Undo")).to_be_visible()
    expect(toast(page).get_by_role("button", name="Undo")).to_be_hidden()


@pytest.mark.parametrize("held", ["unhurried"], indirect=True)
def test_on_the_page_that_one_goes_back_to(held, journal) -> None:
    question, page = held
    page.go_back()
    stands = page.locator("#answer-state")
    expect(stands).to_contain_text("You answered this")
    stands.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Taken back")).to_be_visible()
    assert kinds(journal, question) == ["hold", "undo"]


@pytest.mark.parametrize("held", ["unhurried"], indirect=True)
def test_on_another_device(held, sign_in, journal) -> None:
    question, _ = held
    other = sign_in("ben", viewport={"width": 360, "height": 740})
    other.goto(question.page)
    other.get_by_role("button", name="Undo").last.click()
    expect(other.get_by_text("Taken back")).to_be_visible()
    assert kinds(journal, question) == ["hold", "undo"]
