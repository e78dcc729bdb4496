"""A colleague answers first (409): who, what and when stand in place, and what was typed stays."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e import pages


def test_the_page_says_so_before_anything_is_sent(sign_in, ask) -> None:
    question = ask()
    first, second = sign_in("ana"), sign_in("ben")
    for page in (first, second):
        pages.open_question(page, question)
        pages.expect_live(page)
    pages.field(second).fill("my thought")
    pages.give_answer(first, "baz")
    expect(second.locator("#answer-state")).to_contain_text(re.compile(r"ana answered this \d+ s ago"))
    expect(pages.field(second)).to_have_value("my thought")
    expect(second.get_by_role("button", name="Send this answer")).to_be_hidden()
    second.get_by_role("link", name="See what stands now").click()
    expect(second.locator(".settled")).to_contain_text("baz")


def test_who_sends_at_the_same_moment_is_told_who_what_and_when(sign_in, ask, journal) -> None:
    question = ask()
    first, second = sign_in("ana"), sign_in("ben")
    for page in (first, second):
        pages.open_question(page, question)
    # Ben's page does not hear of it in time.
    second.route("**/state/**", lambda route: route.fulfill(body=""))
    pages.field(second).fill("my long thought")
    pages.give_answer(first, "baz")
    with second.expect_response("**/answer/") as answer:
        pages.send(second)
    assert answer.value.status == 409
    expect(second.get_by_role("alert")).to_contain_text("ana answered first.")
    expect(second.get_by_role("alert")).to_be_focused()
    settled = second.locator(".settled")
    expect(settled).to_contain_text("baz")
    expect(settled).to_contain_text("ana")
    expect(settled).to_contain_text(re.compile(r"\d+ s ago"))
    expect(second.locator(".kept textarea:visible")).to_have_value("my long thought")
    assert [fact.value for fact in journal.facts(question.thread, "answer")] == ["baz"]


def test_the_same_answer_from_both_leaves_nothing_to_do(sign_in, ask) -> None:
    question = ask()
    first, second = sign_in("ana"), sign_in("ben")
    for page in (first, second):
        pages.open_question(page, question)
    second.route("**/state/**", lambda route: route.fulfill(body=""))
    pages.field(second).fill("baz")
    pages.give_answer(first, "baz")
    pages.send(second)
    expect(second.get_by_role("alert")).to_contain_text("ana answered first, the same as you.")
    expect(second.locator(".kept")).to_have_count(0)


def test_a_choice_that_came_second_is_named(sign_in, ask) -> None:
    question = ask("import", **{"input.rows": "40", "input.batches": "2", "input.seconds_per_batch": "0"})
    first, second = sign_in("ana"), sign_in("ben")
    for page in (first, second):
        pages.open_question(page, question)
    second.route("**/state/**", lambda route: route.fulfill(body=""))
    first.get_by_role("button", name="Keep both").click()
    pages.expect_answered(first)
    second.get_by_role("button", name="Skip them").click()
    expect(second.get_by_role("alert")).to_contain_text("ana answered first.")
    expect(second.locator(".settled")).to_contain_text("Keep both")
    expect(second.locator(".kept")).to_contain_text("Skip them")


def test_a_run_that_is_cancelled_meanwhile(sign_in, ask, server) -> None:
    question = ask()
    page = sign_in("ben")
    pages.open_question(page, question)
    pages.expect_live(page)
    pages.field(page).fill("my thought")
    server.manage("hitl", "cancel", question.thread)
    expect(page.locator("#answer-state")).to_contain_text("This question is no longer open.")
    expect(pages.field(page)).to_have_value("my thought")
