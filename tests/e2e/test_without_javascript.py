"""Without JavaScript: start, find, be refused, decide, and see the end."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e import pages


def test_the_whole_path(open_browser, journal) -> None:
    page: Page = open_browser(java_script_enabled=False).new_page()
    page.goto("/")
    page.get_by_label("Username").fill("ben")
    page.get_by_label("Password").fill("demo")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Start", exact=True).click()
    page.get_by_role("link", name="Graph").click()
    page.get_by_label("Input").fill("by hand")
    page.get_by_role("button", name="Start Graph").click()
    expect(page).to_have_url(re.compile("/runs/"))
    thread = page.url.rstrip("/").rpartition("/")[2]
    journal.question(thread)

    page.get_by_role("link", name="Queue").click()
    page.get_by_label("Search").fill(thread)
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name="Please provide feedback: by hand bar").click()
    pages.send(page)
    expect(page.get_by_text("Write an answer first.")).to_be_visible()
    pages.give_answer(page, "baz")

    journal.ended(thread)
    page.get_by_role("link", name="Watch the run").click()
    expect(page.locator(".run-result")).to_have_text("by hand bar baz qux")


def test_a_running_run_comes_again_by_itself(sign_in, start, open_gate) -> None:
    thread = start("relay", input="no-script")
    page = sign_in("ben", java_script_enabled=False)
    page.goto(f"/runs/{thread}/")
    expect(page.locator("#run-state")).to_have_attribute("data-state", re.compile("queued|running"))
    for number in (1, 2):
        open_gate(f"no-script-{number}")
    expect(page.locator("#run-state")).to_have_attribute("data-state", "waiting")


def test_who_comes_second_is_told(sign_in, ask, server) -> None:
    question = ask()
    page = sign_in("ben", java_script_enabled=False)
    page.goto(question.page)
    pages.field(page).fill("my long thought")
    server.manage("hitl", "answer", question.id, "--version", "1", "--input", "baz", "--as", "cleo")
    pages.send(page)
    expect(page.get_by_role("alert")).to_contain_text("cleo answered first.")
    expect(page.locator(".kept textarea").first).to_have_value("my long thought")
