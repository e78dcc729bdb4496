"""A queue that stays open: new questions are announced, settled ones leave, and no row moves under a hand."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.e2e import pages

# How long a settled row stays to be read, and more.
LEAVING_MS = 8000


def tops(rows: Locator) -> list[float]:
    return rows.evaluate_all("rows => rows.map(row => row.querySelector('a').getBoundingClientRect().top)")


def watched(sign_in, search: str) -> tuple[Page, Locator]:
    page: Page = sign_in("ana")
    page.clock.install()
    page.goto(f"/?q={search}")
    pages.expect_live(page)
    return page, page.locator("#queue-list > li")


def test_new_questions_are_counted_without_moving_a_row(sign_in, ask) -> None:
    ask(suffix="-1")
    ask(suffix="-2")
    page, rows = watched(sign_in, "counted-without")
    expect(rows).to_have_count(2)
    rows.first.hover()
    before = tops(rows)
    ask(suffix="-3")
    expect(page.locator("#queue-new")).to_have_text("1 new")
    assert tops(rows) == before
    ask(suffix="-4")
    expect(page.locator("#queue-new")).to_have_text("2 new")
    expect(page.locator("#queue-count")).to_have_text("4 waiting")
    expect(rows).to_have_count(2)
    assert tops(rows) == before
    page.locator("#queue-new").click()
    expect(rows).to_have_count(4)
    expect(page.locator("#queue-new")).to_have_text("")


def test_the_first_question_takes_the_word_of_an_empty_queue_back(sign_in, ask) -> None:
    page, rows = watched(sign_in, "takes-the-word")
    expect(page.get_by_text("Nothing that waits matches.")).to_be_visible()
    ask(suffix="-1")
    expect(page.locator("#queue-count")).to_have_text("1 waiting")
    expect(page.get_by_text("Nothing that waits matches.")).to_be_hidden()
    page.get_by_role("link", name="Show what waits").click()
    expect(rows).to_have_count(1)


def test_an_answered_question_says_so_and_leaves(sign_in, ask) -> None:
    ask(suffix="-1")
    question = ask(suffix="-2")
    page, rows = watched(sign_in, "says-so-and-leaves")
    expect(rows).to_have_count(2)
    answering = sign_in("ben")
    pages.open_question(answering, question)
    pages.give_answer(answering, "baz")
    expect(page.locator("#queue-list > .is-gone")).to_contain_text("Answered by ben")
    expect(page.locator("#queue-count")).to_have_text("1 waiting")
    page.clock.run_for(LEAVING_MS)
    expect(rows).to_have_count(1)


def test_a_row_under_the_hand_stays_until_the_hand_is_gone(sign_in, ask, server) -> None:
    question = ask()
    page, rows = watched(sign_in, "under-the-hand")
    rows.first.hover()
    server.manage("hitl", "answer", question.id, "--version", "1", "--input", "baz", "--as", "cleo")
    gone = page.locator("#queue-list > .is-gone")
    expect(gone).to_contain_text("Answered by cleo")
    expect(gone.get_by_role("link")).to_have_count(0)
    page.clock.run_for(LEAVING_MS)
    assert gone.count() == 1
    page.mouse.move(0, 0)
    page.clock.run_for(LEAVING_MS)
    expect(rows).to_have_count(0)


def test_who_is_not_concerned_is_not_disturbed(sign_in, ask) -> None:
    page, rows = watched(sign_in, "something-that-nobody-asks")
    expect(page.locator("#queue-count")).to_have_text("Nothing matches")
    everything, _ = watched(sign_in, "")
    ask()
    expect(everything.locator("#queue-new")).to_contain_text("new")
    expect(page.locator("#queue-new")).to_have_text("")
    expect(rows).to_have_count(0)
