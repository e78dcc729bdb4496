"""Two people beside one question: each sees who looks and who types, and what the other says, as it happens."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e import pages


def both(sign_in: Any, question: Any) -> tuple[Page, Page]:
    ana, ben = sign_in("ana"), sign_in("ben")
    for page in (ana, ben):
        pages.open_question(page, question)
        pages.expect_live(page)
    return ana, ben


def row_of(page: Page, question: Any) -> Any:
    return page.locator(f"#q-{question.id}")


def test_who_looks_and_who_types_on_the_page_and_in_the_row(sign_in, ask) -> None:
    question = ask()
    queue = sign_in("cleo")
    queue.goto("/")
    pages.expect_live(queue)
    ana, ben = both(sign_in, question)
    expect(ana.locator("#people")).to_contain_text("ben looks")
    expect(ben.locator("#people")).to_contain_text("ana looks")
    expect(row_of(queue, question)).to_contain_text("ana looks")
    expect(row_of(queue, question)).to_contain_text("ben looks")
    pages.field(ana).press_sequentially("hm")
    expect(ben.locator("#people")).to_contain_text("ana has been answering")
    expect(row_of(queue, question)).to_contain_text("ana is answering")
    ben.get_by_role("button", name="Take over").click()
    expect(ana.locator("#people")).to_contain_text("ben took this over while you typed; your text is kept")
    expect(pages.field(ana)).to_have_value("hm")
    expect(row_of(queue, question)).to_contain_text("ben is answering")
    ben.close()
    expect(row_of(queue, question)).not_to_contain_text("ben looks")


def test_a_question_back_and_its_reply_arrive_as_they_are_written(sign_in, ask) -> None:
    question = ask()
    queue = sign_in("cleo")
    queue.goto("/")
    pages.expect_live(queue)
    ana, ben = both(sign_in, question)
    ben.keyboard.press("q")
    expect(ben.get_by_label("Your question")).to_be_focused()
    ben.keyboard.type("Which one?")
    ben.get_by_label("Ask whom").fill("ana")
    ben.keyboard.press("Control+Enter")
    expect(ben.locator("#said li")).to_be_focused()
    expect(ana.locator("#said")).to_contain_text("Which one?")
    expect(ana.locator("#said-news")).to_have_text("ben commented")
    expect(row_of(queue, question)).to_contain_text("waiting for ana")
    pages.field(ana).fill("half an answer")
    ana.keyboard.press("Escape")
    ana.keyboard.press("n")
    ana.keyboard.type("The red one.")
    ana.keyboard.press("Control+Enter")
    expect(ben.locator("#said")).to_contain_text("The red one.")
    expect(ben.locator("#said")).to_contain_text("ana replied")
    expect(row_of(queue, question)).not_to_contain_text("waiting for")
    expect(pages.field(ana)).to_have_value("half an answer")


def test_a_colleague_answers_first_while_one_types(sign_in, ask) -> None:
    question = ask()
    ana, ben = both(sign_in, question)
    pages.field(ben).fill("only the blue lamp")
    pages.give_answer(ana, "only the red lamp")
    expect(ben.locator("#answer-state")).to_contain_text("ana answered this")
    expect(pages.field(ben)).to_have_value("only the blue lamp")
    ben.get_by_role("button", name="Compare with what you wrote").click()
    expect(ben.locator(".sides del")).to_have_text("red")
    expect(ben.locator(".sides ins")).to_have_text("blue")
    ben.get_by_role("button", name="Add mine as a comment").click()
    expect(ben.locator("#said")).to_contain_text("only the blue lamp")


def test_a_comment_survives_a_lost_connection(sign_in, ask, line) -> None:
    question = ask()
    page = sign_in("ben", through=line)
    pages.open_question(page, question)
    pages.expect_live(page)
    page.keyboard.press("n")
    page.keyboard.type("half a")
    line.cut()
    pages.expect_cut_off(page)
    page.keyboard.type(" thought")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#flash")).to_contain_text("The server did not answer.")
    line.mend()
    pages.expect_live(page)
    expect(page.get_by_label("Comment", exact=True)).to_have_value("half a thought")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#said")).to_contain_text("half a thought")


def test_without_javascript(sign_in, ask) -> None:
    question = ask()
    page = sign_in("ben", java_script_enabled=False)
    page.goto(question.page)
    page.locator("summary", has_text="Comment").click()
    page.get_by_label("Comment", exact=True).fill("by hand")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("#said")).to_contain_text("by hand")


def test_on_a_phone_in_the_dark(sign_in, ask) -> None:
    question = ask()
    page = sign_in("ben", viewport={"width": 320, "height": 700}, color_scheme="dark")
    pages.open_question(page, question)
    page.locator("summary", has_text="Ask back").click()
    pages.expect_fits(page)


def test_assigning_on_a_phone(sign_in, ask) -> None:
    question = ask()
    page = sign_in("ana", viewport={"width": 320, "height": 700})
    pages.open_question(page, question)
    page.locator("#assignment summary").click()
    pages.expect_fits(page)


def test_who_administers_gives_a_question_to_a_colleague(sign_in, ask) -> None:
    question = ask()
    page = sign_in("ana")
    pages.open_question(page, question)
    page.locator("#assignment summary").click()
    page.get_by_label("Assign to").fill("b")
    expect(page.locator("#assign-names option")).to_have_count(1)
    page.get_by_label("Assign to").fill("ben")
    page.get_by_label("Assign to").press("Enter")
    expect(page.locator("#assignment")).to_contain_text("ben")
    page.locator("#assignment summary").click()
    page.get_by_label("Assign to").fill("cleo")
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.locator("#flash")).to_contain_text("Nobody of that name may answer questions.")
