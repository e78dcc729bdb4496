"""Two people watch one run: both see every event, each once, whoever moves it and from wherever."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.e2e import pages
from tests.e2e.journal import Journal


def expect_same(watchers: list[Page], journal: Journal, thread: str) -> None:
    for page in watchers:
        pages.expect_journal(page, journal, thread)
    lines = [page.locator("#events > li").evaluate_all("lines => lines.map(line => line.id)") for page in watchers]
    assert lines[0] == lines[1]


def test_each_event_comes_to_both_while_the_run_moves(sign_in, start, open_gate, journal) -> None:
    thread = start("relay", input="together")
    watchers = [sign_in("ana"), sign_in("cleo")]
    for page in watchers:
        page.goto(f"/runs/{thread}/")
        pages.expect_live(page)
        expect(page.locator("#events")).to_contain_text("lap 1 begins")
    open_gate("together-1")
    for page in watchers:
        expect(page.locator("#events")).to_contain_text("lap 2 begins")
    expect_same(watchers, journal, thread)
    open_gate("together-2")
    for page in watchers:
        expect(page.locator("#run-state")).to_have_attribute("data-state", "waiting")
    expect_same(watchers, journal, thread)


def test_a_run_started_and_answered_on_the_command_line(sign_in, server, journal) -> None:
    server.manage("hitl", "start", "graph", "--input", "foo", "--thread", "by-command", "--as", "cleo")
    watchers = [sign_in("ana"), sign_in("ben")]
    for page in watchers:
        page.goto("/runs/by-command/")
        pages.expect_live(page)
    question = journal.question("by-command")
    for page in watchers:
        expect(page.get_by_role("link", name="Answer: Please provide feedback: foo bar")).to_be_visible()
    server.manage("hitl", "answer", question.id, "--version", "1", "--input", "baz", "--as", "cleo")
    for page in watchers:
        expect(page.locator("#events")).to_contain_text("cleo on the command line: Answer: baz")
        expect(page.locator(".run-result")).to_have_text("foo bar baz qux")
    expect_same(watchers, journal, "by-command")


def test_who_reads_the_question_sees_the_run_move_beside_it(sign_in, ask, open_gate, journal) -> None:
    for number in (1, 2):
        open_gate(f"beside-{number}")
    question = ask("relay", input="beside")
    reading, answering = sign_in("cleo"), sign_in("ben")
    reading.goto(question.page)
    pages.expect_live(reading)
    pages.open_question(answering, question)
    pages.give_answer(answering, "Dora")
    expect(reading.locator("#events")).to_contain_text("lap 3 begins")
    for number in (3, 4):
        open_gate(f"beside-{number}")
    expect(reading.locator("#events > li[data-kind=output]")).to_contain_text("won by Dora")
    pages.expect_journal(reading, journal, question.thread)


def test_what_a_reader_is_about_is_left_alone_by_what_arrives(sign_in, start, open_gate) -> None:
    """An unfolded line stays unfolded, a typed word stays typed, the focus stays where it is."""
    long_name = "a-name-that-is-folded-" + "x" * 200
    thread = start("relay", input=f"about{long_name}"[:120])
    page = sign_in("ana")
    page.goto(f"/runs/{thread}/")
    pages.expect_live(page)
    page.get_by_text("Cancel…").click()
    reason = page.get_by_label("Reason")
    reason.press_sequentially("half ty")
    open_gate(f"about{long_name}"[:120] + "-1")
    expect(page.locator("#events")).to_contain_text("lap 2 begins")
    expect(reason).to_be_focused()
    expect(reason).to_have_value("half ty")
    page.locator("#events summary").first.click()
    open_gate(f"about{long_name}"[:120] + "-2")
    expect(page.locator("#run-state")).to_have_attribute("data-state", "waiting")
    expect(page.locator("#events details").first).to_have_attribute("open", "")
    expect(reason).to_have_value("half ty")
