"""A reload, a dropped line, a killed server in the middle of a run: no event is lost and none comes twice."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.e2e import pages

BANNER = "[data-live-banner]"


@pytest.fixture
def half_run(request, start, open_gate, sign_in, line):
    """A page that watches a relay in its second lap, the thread, and how the laps of this test go on."""
    name = request.node.originalname
    thread = start("relay", input=name)
    page: Page = sign_in("ben", through=line)
    page.goto(f"/runs/{thread}/")
    open_gate(f"{name}-1")
    expect(page.locator("#events")).to_contain_text("lap 2 begins")
    pages.expect_live(page)
    return page, thread, lambda number: open_gate(f"{name}-{number}")


def test_a_reload_in_the_middle(half_run, journal) -> None:
    page, thread, open_lap = half_run
    page.reload()
    pages.expect_live(page)
    open_lap(2)
    expect(page.locator("#run-state")).to_have_attribute("data-state", "waiting")
    pages.expect_journal(page, journal, thread)
    page.reload()
    pages.expect_journal(page, journal, thread)


def test_what_happens_while_the_line_is_down_is_there_when_it_is_back(half_run, journal, line) -> None:
    page, thread, open_lap = half_run
    line.cut()
    page.context.set_offline(True)
    expect(page.locator(BANNER)).to_be_visible()
    before = pages.seqs(page)
    open_lap(2)
    journal.question(thread)
    assert pages.seqs(page) == before
    line.mend()
    page.context.set_offline(False)
    expect(page.locator(BANNER)).to_be_hidden()
    expect(page.locator("#run-state")).to_have_attribute("data-state", "waiting")
    pages.expect_journal(page, journal, thread)


def test_a_socket_that_breaks_again_and_again(half_run, journal, line) -> None:
    page, thread, open_lap = half_run
    for _ in range(3):
        line.cut()
        pages.expect_cut_off(page)
        line.mend()
        pages.expect_live(page)
    open_lap(2)
    expect(page.locator("#run-state")).to_have_attribute("data-state", "waiting")
    pages.expect_journal(page, journal, thread)


def test_a_server_killed_in_the_middle_of_a_run(half_run, journal, server) -> None:
    page, thread, open_lap = half_run
    server.kill()
    expect(page.locator(BANNER)).to_be_visible()
    open_lap(2)
    server.start()
    expect(page.locator(BANNER)).to_be_hidden()
    expect(page.locator("#run-state")).to_have_attribute("data-state", "waiting")
    pages.expect_journal(page, journal, thread)
    # The first lap was in the journal: it did not run again. The second was under way: it did.
    said = [fact.value for fact in journal.facts(thread, "event")]
    assert said.count("lap 1 begins") == said.count("lap 1 ends") == said.count("lap 2 ends") == 1
    results = [fact.value for fact in journal.facts(thread, "task")]
    assert results == ["lap 1 run", "lap 2 run"]


def test_a_server_that_is_deployed_anew(half_run, journal, server) -> None:
    page, thread, open_lap = half_run
    server.restart()
    pages.expect_live(page)
    open_lap(2)
    expect(page.locator("#run-state")).to_have_attribute("data-state", "waiting")
    pages.expect_journal(page, journal, thread)


def test_a_run_that_ends_while_its_page_is_away(half_run, journal, line, sign_in) -> None:
    page, thread, open_lap = half_run
    line.cut()
    page.context.set_offline(True)
    for number in (2, 3, 4):
        open_lap(number)
    answering = sign_in("ana")
    pages.open_question(answering, journal.question(thread))
    pages.give_answer(answering, "Dora")
    journal.ended(thread)
    line.mend()
    page.context.set_offline(False)
    expect(page.locator(".run-result")).to_have_text("won by Dora")
    pages.expect_journal(page, journal, thread)


def test_a_socket_that_has_died_unnoticed(start, open_gate, journal, sign_in) -> None:
    """What the first socket is sent never arrives, as after a router's restart: silence is noticed."""
    thread = start("relay", input="unnoticed")
    page = sign_in("ben")
    sockets: list[WebSocketRoute] = []

    def connect(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        if len(sockets) > 1:
            socket.connect_to_server()

    page.route_web_socket(re.compile("/ws/"), connect)
    page.goto(f"/runs/{thread}/")
    open_gate("unnoticed-1")
    expect(page.locator("#events")).to_contain_text("lap 2 begins")
    assert len(sockets) > 1
    open_gate("unnoticed-2")
    expect(page.locator("#run-state")).to_have_attribute("data-state", "waiting")
    pages.expect_journal(page, journal, thread)


def test_where_no_socket_can_be_opened_the_page_asks(start, open_gate, journal, sign_in) -> None:
    thread = start("relay", input="asks")
    page = sign_in("ben")
    page.route_web_socket(re.compile("/ws/"), lambda socket: socket.close())
    page.goto(f"/runs/{thread}/")
    for number in (1, 2):
        open_gate(f"asks-{number}")
    expect(page.locator("#run-state")).to_have_attribute("data-state", "waiting")
    pages.expect_journal(page, journal, thread)
    expect(page.locator(BANNER)).to_be_hidden()
