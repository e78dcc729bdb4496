"""An answer that does not fit is refused at its fields (422), and nothing that was typed is lost."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e import pages


def test_errors_stand_at_their_fields_and_the_cursor_in_the_first(sign_in, ask) -> None:
    page = sign_in("ben")
    question = ask("refund")
    pages.open_question(page, question)
    page.get_by_label("Amount to refund").fill("4000")
    page.get_by_label("Why, in words for the customer").fill("half a sentence, kept")
    with page.expect_response("**/answer/") as answer:
        page.get_by_role("button", name="Approve").click()
    assert answer.value.status == 422
    amount = page.get_by_label("Amount to refund")
    expect(amount).to_be_focused()
    expect(amount).to_have_value("4000")
    expect(amount).to_have_attribute("aria-invalid", "true")
    described = amount.get_attribute("aria-describedby") or ""
    assert any(page.locator(f"[id='{one}'].errors").count() for one in described.split())
    expect(page.get_by_label("Why, in words for the customer")).to_have_value("half a sentence, kept")
    expect(page).to_have_url(re.compile(re.escape(question.page)))


def test_mended_it_is_taken(sign_in, ask, journal) -> None:
    page = sign_in("ben")
    question = ask("article")
    pages.open_question(page, question)
    change = page.get_by_role("button", name="Ask for a change")
    change.click()
    expect(page.locator("#answer .errors")).to_be_visible()
    expect(page.get_by_label("What should change")).to_be_focused()
    assert not journal.facts(question.thread, "answer")
    page.get_by_label("What should change").fill("shorter")
    change.click()
    pages.expect_answered(page)
    assert [fact.value for fact in journal.facts(question.thread, "answer")] == [
        {"verdict": "change", "wish": "shorter"}
    ]


def test_an_empty_answer_says_so(sign_in, ask) -> None:
    page = sign_in("ben")
    pages.open_question(page, ask())
    pages.send(page)
    expect(page.get_by_text("Write an answer first.")).to_be_visible()
    expect(pages.field(page)).to_be_focused()
    # The errors have come into a page that stayed: its timeline and its socket are the old ones.
    pages.expect_live(page)
    pages.give_answer(page, "baz")


def test_a_start_that_does_not_fit(sign_in) -> None:
    page = sign_in("ben")
    page.goto("/start/import/")
    page.get_by_label("Source").fill("suppliers.csv")
    page.get_by_label("Rows").fill("3")
    page.get_by_role("button", name="Start Import rows").click()
    expect(page.get_by_label("Rows")).to_be_focused()
    expect(page.get_by_label("Rows")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Source")).to_have_value("suppliers.csv")
    page.get_by_label("Rows").fill("40")
    page.get_by_label("Seconds per batch").fill("0")
    page.get_by_role("button", name="Start Import rows").click()
    expect(page).to_have_url(re.compile("/runs/"))


def test_a_field_that_was_pulled_larger_breaks_no_policy(sign_in, ask) -> None:
    """The browser notes the size that somebody gave a field in a style of its own, which must not be copied."""
    page = sign_in("ben")
    pages.open_question(page, ask())
    box = pages.field(page).bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] - 4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + box["height"] + 90, steps=4)
    page.mouse.up()
    assert "height" in (pages.field(page).get_attribute("style") or "")
    pages.send(page)
    expect(page.get_by_text("Write an answer first.")).to_be_visible()
    pages.give_answer(page, "baz")
