"""What is typed is on the server a moment later, and comes back after whatever happens."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e import pages

TEXT = "Only if the lamp\nreally was broken, and "


def type_draft(page: Page) -> None:
    pages.field(page).press_sequentially(TEXT)
    expect(page.locator("[data-draft]")).to_have_text("Draft kept")


def test_after_a_reload_and_on_another_device(sign_in, ask) -> None:
    question = ask()
    page = sign_in("ben")
    pages.open_question(page, question)
    type_draft(page)
    page.reload()
    expect(pages.field(page)).to_have_value(TEXT)
    phone = sign_in("ben", viewport={"width": 360, "height": 740})
    phone.goto(question.page)
    expect(pages.field(phone)).to_have_value(TEXT)
    phone.get_by_role("button", name="Begin again").click()
    expect(pages.field(phone)).to_have_value("")


def test_after_the_server_was_killed(sign_in, ask, server) -> None:
    question = ask()
    page = sign_in("ben")
    pages.open_question(page, question)
    type_draft(page)
    server.kill()
    server.start()
    pages.open_question(page, question)
    expect(pages.field(page)).to_have_value(TEXT)


def test_while_the_line_is_down_nothing_is_lost(sign_in, ask, line) -> None:
    question = ask()
    page = sign_in("ben", through=line)
    pages.open_question(page, question)
    line.cut()
    pages.field(page).press_sequentially(TEXT)
    line.mend()
    pages.field(page).press_sequentially("more")
    expect(page.locator("[data-draft]")).to_have_text("Draft kept")
    page.reload()
    expect(pages.field(page)).to_have_value(re.compile("more$"))


def test_what_could_not_be_kept_says_so_and_is_kept_later_by_itself(sign_in, ask, line) -> None:
    question = ask()
    page = sign_in("ben", through=line)
    pages.open_question(page, question)
    type_draft(page)
    line.cut()
    pages.field(page).press_sequentially("more")
    expect(page.locator("[data-draft]")).to_have_text("Not kept yet: the server does not answer.")
    expect(page.locator("#flash")).to_be_empty()
    line.mend()
    expect(page.locator("[data-draft]")).to_have_text("Draft kept")
    phone = sign_in("ben")
    phone.goto(question.page)
    expect(pages.field(phone)).to_have_value(f"{TEXT}more")
