"""Cleo may only look: she sees everything, is offered nothing that she cannot do, and is told whom to ask."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e import pages


def test_she_reads_a_question_and_cannot_answer(sign_in, ask) -> None:
    question = ask()
    page = sign_in("cleo")
    page.goto("/?q=reads-a-question")
    page.get_by_role("link", name="Please provide feedback: foo bar").click()
    expect(page.get_by_role("heading", name="Please provide feedback: foo bar")).to_be_visible()
    expect(page.locator("#answer")).to_contain_text("You can read this question, but not answer it.")
    expect(page.locator("#answer")).to_contain_text("Can answer questions")
    expect(page.locator("main").get_by_role("button")).to_have_count(0)
    assert question.page in page.url


def test_she_watches_a_run_live_and_cannot_steer_it(sign_in, ask, journal) -> None:
    question = ask()
    page = sign_in("cleo")
    page.goto(question.run)
    pages.expect_live(page)
    expect(page.get_by_text("Cancel…")).to_have_count(0)
    answering = sign_in("ben")
    pages.open_question(answering, question)
    pages.give_answer(answering, "baz")
    expect(page.locator(".run-result")).to_have_text("foo bar baz qux")
    pages.expect_journal(page, journal, question.thread)


def test_she_sees_the_workflows_and_cannot_start_one(sign_in) -> None:
    page = sign_in("cleo")
    page.goto("/start/")
    expect(page.get_by_role("main")).to_contain_text("You can look, but not start.")
    expect(page.get_by_role("link", name="Graph")).to_have_count(0)
    answer = page.goto("/start/graph/")
    assert answer and answer.status == 403
    expect(page.get_by_role("main")).to_contain_text("Can start workflows")


def test_what_she_sends_all_the_same_is_refused(sign_in, ask, journal) -> None:
    """From a form that stood open when her permission was taken away."""
    question = ask()
    page = sign_in("cleo")
    page.goto("/accounts/settings/")
    token = page.locator("form.narrow [name=csrfmiddlewaretoken]").get_attribute("value") or ""
    form = {"csrfmiddlewaretoken": token, "answer": "baz", "version": "1", "token": "hers"}
    assert page.request.post(f"{question.page}answer/", form=form).status == 403
    assert page.request.post(f"{question.run}cancel/", form=form).status == 403
    assert not journal.facts(question.thread, "answer", "cancel")


def test_ben_answers_but_does_not_administer(sign_in, ask) -> None:
    question = ask()
    page = sign_in("ben")
    page.goto(question.run)
    expect(page.get_by_text("Cancel…")).to_have_count(0)
    expect(page.locator(".menu")).not_to_contain_text("Admin")


def test_who_is_signed_out_meanwhile_is_told(sign_in, ask) -> None:
    """On a page that only watches: the socket is closed, and the page says why."""
    question = ask()
    watching = sign_in("cleo", fresh=True)
    watching.goto(question.run)
    pages.expect_live(watching)
    other = watching.context.new_page()
    other.goto("/")
    other.locator(".menu summary").click()
    other.get_by_role("button", name="Sign out").click()
    expect(other).to_have_url(re.compile("/accounts/login/"))
    expect(watching.locator("[data-live-signed-out]")).to_be_visible()


def test_a_session_that_ended_costs_no_typed_word(sign_in, ask, journal) -> None:
    question = ask()
    page = sign_in("ben", fresh=True)
    pages.open_question(page, question)
    pages.field(page).fill("my long thought")
    page.context.clear_cookies(name="sessionid")
    pages.send(page)
    expect(page.locator("#flash")).to_contain_text("You are signed out")
    with page.expect_popup() as popup:
        page.locator("#flash").get_by_role("link", name="Sign in").click()
    popup.value.get_by_label("Username").fill("ben")
    popup.value.get_by_label("Password").fill("demo")
    popup.value.get_by_role("button", name="Sign in").click()
    expect(popup.value).to_have_title(re.compile("Queue"))
    pages.send(page)
    pages.expect_answered(page)
    assert [fact.value for fact in journal.facts(question.thread, "answer")] == ["my long thought"]
