"""Deciding in a real browser: refused, overtaken, pressed twice, by keyboard alone, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.services.desk import Desk

SignIn = Callable[..., Page]


@pytest.fixture
def ask(server: Desk, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Starts a thread of the test's own and gives its id, once it waits for an answer."""

    def start(workflow: str = "graph", value: str = "foo", *, suffix: str = "") -> str:
        thread = f"{request.node.name}{suffix}"
        form = "--input" if workflow == "graph" else "--json"
        server.manage("hitl", "start", workflow, form, value, "--thread", thread)
        return thread

    return start


def open_question(page: Page, thread: str) -> None:
    """From the run to its question, once it is asked."""
    page.goto(f"/runs/{thread}/")
    page.get_by_role("link", name=re.compile("^Answer: ")).click()
    expect(page.locator("#answer form")).to_be_visible()


def test_from_the_start_page_to_the_end_of_the_run(sign_in: SignIn) -> None:
    page = sign_in("ben")
    page.goto("/")
    page.get_by_role("link", name="Start", exact=True).click()
    page.get_by_role("link", name="Graph").click()
    page.get_by_label("Input").fill("foo")
    page.get_by_role("button", name="Start Graph").click()
    page.get_by_role("link", name="Answer: Please provide feedback: foo bar").click()
    page.get_by_label("Your answer").fill("baz")
    page.get_by_role("button", name="Send this answer").click()
    expect(page.get_by_text("Answered “Please provide feedback: foo bar”.")).to_be_visible()
    page.get_by_role("link", name="Watch the run").click()
    expect(page.get_by_text("foo bar baz qux").first).to_be_visible()


def test_a_refused_answer_shows_its_errors_and_loses_nothing(sign_in: SignIn, ask: Callable[..., str]) -> None:
    page = sign_in("ben")
    open_question(page, ask("refund", "{}"))
    page.get_by_label("Amount to refund").fill("41")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("#answer .errors")).to_contain_text("at most 40")
    expect(page.get_by_label("Amount to refund")).to_have_value("41")
    expect(page.get_by_label("Amount to refund")).to_be_focused()
    page.get_by_label("Amount to refund").fill("40")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text(re.compile("^Answered “Refund"))).to_be_visible()


def test_the_cursor_lands_on_the_first_error(sign_in: SignIn, ask: Callable[..., str]) -> None:
    page = sign_in("ben")
    open_question(page, ask())
    page.get_by_role("button", name="Send this answer").click()
    expect(page.get_by_text("Write an answer first.")).to_be_visible()
    expect(page.get_by_label("Your answer")).to_be_focused()


def test_who_comes_second_is_told_in_place_and_keeps_the_text(sign_in: SignIn, ask: Callable[..., str]) -> None:
    thread = ask()
    first, second = sign_in("ana"), sign_in("ben")
    for page in (first, second):
        open_question(page, thread)
    # Ben's page has not heard of it yet.
    second.route("**/state/**", lambda route: route.fulfill(body=""))
    second.get_by_label("Your answer").fill("my long thought")
    first.get_by_label("Your answer").fill("baz")
    first.get_by_role("button", name="Send this answer").click()
    expect(first.get_by_text(re.compile("^Answered"))).to_be_visible()
    second.get_by_role("button", name="Send this answer").click()
    expect(second.get_by_role("alert")).to_contain_text("ana answered first.")
    expect(second.locator(".settled")).to_contain_text("baz")
    expect(second.locator(".kept textarea").first).to_have_value("my long thought")


def test_a_page_learns_that_a_colleague_was_first_before_it_is_sent(sign_in: SignIn, ask: Callable[..., str]) -> None:
    thread = ask()
    first, second = sign_in("ana"), sign_in("ben")
    for page in (first, second):
        open_question(page, thread)
    second.get_by_label("Your answer").fill("my thought")
    first.get_by_label("Your answer").fill("baz")
    first.get_by_role("button", name="Send this answer").click()
    expect(second.locator("#answer-state")).to_contain_text("ana answered this")
    expect(second.get_by_label("Your answer")).to_have_value("my thought")
    expect(second.get_by_role("button", name="Send this answer")).to_be_hidden()


def test_a_double_click_is_one_answer(sign_in: SignIn, ask: Callable[..., str], server: Desk) -> None:
    thread = ask()
    page = sign_in("ben")
    open_question(page, thread)
    page.get_by_label("Your answer").fill("baz")
    page.get_by_role("button", name="Send this answer").dblclick()
    expect(page.get_by_text(re.compile("^Answered"))).to_be_visible()
    page.goto(f"/runs/{thread}/")
    expect(page.get_by_text("foo bar baz qux").first).to_be_visible()
    assert server.manage("hitl", "show", thread).count("baz") >= 1


def test_the_buttons_of_a_choice_send_it(sign_in: SignIn, ask: Callable[..., str]) -> None:
    page = sign_in("ben")
    thread = ask("import", '{"rows": 40, "batches": 2, "seconds_per_batch": 0}')
    open_question(page, thread)
    page.get_by_role("button", name="Keep both").click()
    expect(page.get_by_text(re.compile("^Answered"))).to_be_visible()


def test_enter_in_a_field_approves_nothing(sign_in: SignIn, ask: Callable[..., str]) -> None:
    page = sign_in("ben")
    open_question(page, ask("refund", "{}"))
    page.get_by_label("Amount to refund").press("Enter")
    page.get_by_label("Why, in words for the customer").fill("Too late.")
    expect(page.locator("#answer form")).to_be_visible()
    page.get_by_label("Why, in words for the customer").press("Control+Enter")
    expect(page.get_by_text(re.compile("^Answered “Refund"))).to_be_visible()


def test_by_keyboard_alone(sign_in: SignIn, ask: Callable[..., str]) -> None:
    ask()
    page = sign_in("ben")
    page.goto("/runs/")
    page.keyboard.press("g")
    page.keyboard.press("i")
    expect(page).to_have_title(re.compile("Queue"))
    page.keyboard.press("/")
    expect(page.get_by_label("Search")).to_be_focused()
    page.keyboard.type("test_by_keyboard")
    page.keyboard.press("Enter")
    expect(page.locator("#queue-list li")).to_have_count(1)
    page.keyboard.press("j")
    expect(page.locator("#queue-list a")).to_be_focused()
    page.keyboard.press("o")
    expect(page.get_by_role("heading", level=1)).to_have_text("Please provide feedback: foo bar")
    page.keyboard.press("u")
    expect(page.locator("#queue-list a")).to_be_focused()
    page.keyboard.press("Enter")
    page.get_by_label("Your answer").focus()
    page.keyboard.type("j is a letter here")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(re.compile("^Answered"))).to_be_visible()


def test_single_keys_can_be_switched_off(sign_in: SignIn) -> None:
    page = sign_in("ben", fresh=True)
    page.goto("/")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.get_by_role("link", name="Switch single keys off").click()
    page.get_by_label("Single keys act").uncheck()
    page.get_by_role("button", name="Save settings").click()
    expect(page.get_by_text("Saved for this browser.")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_without_javascript(sign_in: SignIn, ask: Callable[..., str]) -> None:
    thread = ask()
    open_question(sign_in("ana"), thread)  # by now it waits
    page = sign_in("ben", java_script_enabled=False)
    page.goto("/?q=test_without_javascript")
    page.get_by_role("link", name="Please provide feedback: foo bar").click()
    page.get_by_role("button", name="Send this answer").click()
    expect(page.get_by_text("Write an answer first.")).to_be_visible()
    page.get_by_label("Your answer").fill("baz")
    page.get_by_role("button", name="Send this answer").click()
    expect(page.get_by_text(re.compile("^Answered"))).to_be_visible()
    page.goto(f"/runs/{thread}/")
    expect(page.get_by_text("baz").first).to_be_visible()


def test_a_queue_that_stays_open(sign_in: SignIn, ask: Callable[..., str]) -> None:
    """New questions are announced without moving a row; settled ones say so and leave."""
    ask(suffix="-1")
    watching, working = sign_in("ana"), sign_in("ben")
    watching.goto("/?q=stays_open")
    row = watching.locator("#queue-list li")
    expect(row).to_have_count(1)
    thread = ask(suffix="-2")
    expect(watching.locator("#queue-new")).to_have_text("1 new")
    expect(row).to_have_count(1)
    expect(watching.locator("#queue-count")).to_have_text("2 waiting")
    watching.locator("#queue-new").click()
    expect(row).to_have_count(2)
    # A settled row stays as long as the pointer is on the list.
    watching.mouse.move(0, 0)
    open_question(working, thread)
    working.get_by_label("Your answer").fill("baz")
    working.get_by_role("button", name="Send this answer").click()
    expect(watching.locator("#queue-list .is-gone")).to_contain_text("Answered by ben")
    expect(row).to_have_count(1, timeout=15_000)


def test_a_server_that_is_gone_costs_no_typed_word(sign_in: SignIn, ask: Callable[..., str]) -> None:
    page = sign_in("ben")
    open_question(page, ask())
    page.get_by_label("Your answer").fill("my long thought")
    page.route("**/answer/", lambda route: route.abort())
    page.get_by_role("button", name="Send this answer").click()
    expect(page.locator("#flash")).to_contain_text("The server did not answer.")
    expect(page.get_by_label("Your answer")).to_have_value("my long thought")
    page.unroute("**/answer/")
    page.get_by_role("button", name="Send this answer").click()
    expect(page.get_by_text(re.compile("^Answered"))).to_be_visible()


def test_a_session_that_ended_costs_no_typed_word(sign_in: SignIn, ask: Callable[..., str]) -> None:
    page = sign_in("ben", fresh=True)
    open_question(page, ask())
    page.get_by_label("Your answer").fill("my long thought")
    page.context.clear_cookies(name="sessionid")
    page.get_by_role("button", name="Send this answer").click()
    expect(page.locator("#flash")).to_contain_text("You are signed out")
    with page.expect_popup() as popup:
        page.locator("#flash").get_by_role("link", name="Sign in").click()
    popup.value.get_by_label("Username").fill("ben")
    popup.value.get_by_label("Password").fill("demo")
    popup.value.get_by_role("button", name="Sign in").click()
    expect(popup.value).to_have_title(re.compile("Queue"))
    page.get_by_role("button", name="Send this answer").click()
    expect(page.get_by_text(re.compile("^Answered"))).to_be_visible()


def test_the_theme_is_drawn_at_once_and_remembered(sign_in: SignIn) -> None:
    page = sign_in("ben", fresh=True)
    page.goto("/")
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(background)
    for _ in range(2):  # auto, light, dark
        page.get_by_role("button", name=re.compile("^Theme")).click()
    assert page.evaluate(background) != light
    page.reload()
    assert page.evaluate(background) != light


@pytest.mark.parametrize("path", ["/", "/runs/", "/start/", "/start/refund/", "/accounts/settings/"])
def test_nothing_sticks_out_of_a_narrow_screen(sign_in: SignIn, path: str) -> None:
    page = sign_in("ben", viewport={"width": 360, "height": 740})
    page.goto(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
