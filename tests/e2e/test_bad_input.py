"""Wrong addresses, too much text, a server or a database that is away: a clear word, and nothing lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.e2e import pages
from tests.e2e.journal import eventually


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/questions/ffffffffffffffffffffffffffffffff/", "There is no such question."),
        ("/runs/no-such-thread/", "There is no such thread."),
        ("/start/no-such-workflow/", "There is no such workflow here."),
        ("/no/such/page/", "mistyped"),
    ],
    ids=["question", "thread", "workflow", "page"],
)
def test_what_is_not_there(sign_in, path: str, said: str) -> None:
    page = sign_in("ben")
    answer = page.goto(path)
    assert answer and answer.status == 404
    expect(page.get_by_role("main")).to_contain_text(said)
    page.get_by_role("link", name="To the queue").click()
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()


def test_five_megabytes_are_refused_and_stay_in_their_field(sign_in, ask, journal) -> None:
    question = ask()
    page = sign_in("ben")
    pages.open_question(page, question)
    long = "0123456789" * 500_000
    pages.field(page).evaluate("(field, text) => { field.value = text; }", long)
    pages.send(page)
    expect(page.locator("#flash")).to_contain_text("This is too large")
    assert pages.field(page).evaluate("field => field.value.length") == len(long)
    assert not journal.facts(question.thread, "answer")
    pages.give_answer(page, "baz")


def test_an_answer_over_the_limit_of_a_value(sign_in, ask, journal) -> None:
    question = ask()
    page = sign_in("ben")
    pages.open_question(page, question)
    pages.field(page).evaluate("field => { field.value = 'x'.repeat(1_200_000); }")
    pages.send(page)
    expect(page.locator("#answer .errors")).to_be_visible()
    assert pages.field(page).evaluate("field => field.value.length") == 1_200_000
    assert not journal.facts(question.thread, "answer")


def test_a_server_that_is_away_costs_no_typed_word(sign_in, ask, server, journal) -> None:
    question = ask()
    page = sign_in("ben")
    pages.open_question(page, question)
    pages.expect_live(page)
    pages.field(page).fill("my long thought")
    server.kill()
    expect(page.locator("[data-live-banner]")).to_be_visible()
    pages.send(page)
    expect(page.locator("#flash")).to_contain_text("The server did not answer.")
    expect(pages.field(page)).to_have_value("my long thought")
    server.start()
    pages.send(page)
    pages.expect_answered(page)
    assert [fact.value for fact in journal.facts(question.thread, "answer")] == ["my long thought"]


def test_a_database_that_is_locked_for_a_while(sign_in, ask, server, journal) -> None:
    question = ask()
    page, reading = sign_in("ben"), sign_in("cleo")
    pages.open_question(page, question)
    pages.field(page).fill("baz")
    with closing(sqlite3.connect(server.home / "hitl.sqlite3", isolation_level=None)) as database:
        database.execute("BEGIN IMMEDIATE")
        with page.expect_request("**/answer/"):
            pages.send(page)
        expect(page.get_by_role("button", name="Send this answer")).to_be_disabled()
        # Who only reads is not kept waiting.
        reading.goto(question.run)
        expect(reading.locator("#run-state")).to_have_attribute("data-state", "waiting")
        assert not journal.facts(question.thread, "answer")
        database.execute("ROLLBACK")
    pages.expect_answered(page)
    assert len(journal.facts(question.thread, "answer")) == 1


def test_an_answer_is_shown_as_it_was_typed(sign_in, ask, journal) -> None:
    question = ask()
    page = sign_in("ben")
    pages.open_question(page, question)
    text = "<b>tags</b> & “quotes”\n\n  indented, 日本語, \U0001f3ee, {{ braces }} 'and' \\slashes\\"
    pages.give_answer(page, text)
    assert eventually(lambda: [fact.value for fact in journal.facts(question.thread, "answer")]) == [text]
    page.goto(question.run)
    expect(page.locator(".run-output")).to_contain_text("<b>tags</b> & “quotes”")
    expect(page.locator("main b")).to_have_count(0)
