"""On a telephone of 360 px, light and dark: nothing sticks out, and the choices stay under the thumb."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import pages
from tests.e2e.journal import Question

NARROW = {"viewport": {"width": 360, "height": 740}, "has_touch": True}
PAGES = [
    "/",
    "/?q=nothing-like-this",
    "/runs/",
    "/start/",
    "/start/graph/",
    "/start/refund/",
    "/start/article/",
    "/start/import/",
    "/accounts/settings/",
    "/accounts/password/",
    "/nowhere/",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_scrolls_sideways(sign_in, ask, scheme: str) -> None:
    question = ask()
    page = sign_in("ana", color_scheme=scheme, **NARROW)
    for path in [*PAGES, question.page, question.run]:
        page.goto(path)
        pages.expect_fits(page)
    answer_and_look_again(page, question)


def answer_and_look_again(page: Page, question: Question) -> None:
    pages.open_question(page, question)
    pages.send(page)
    expect(page.get_by_text("Write an answer first.")).to_be_visible()
    pages.expect_fits(page)
    pages.give_answer(page, "baz")
    pages.expect_fits(page)
    for path in (question.page, question.run):
        page.goto(path)
        pages.expect_fits(page)


def test_the_widest_question_fits(sign_in, ask) -> None:
    question = ask("wide", input="x")
    page = sign_in("ben", **NARROW)
    for path in (question.page, question.run, "/?q=widest-question", "/runs/"):
        page.goto(path)
        pages.expect_fits(page)


def test_the_sign_in_page_fits(open_browser) -> None:
    page = open_browser(**NARROW).new_page()
    page.goto("/accounts/login/")
    pages.expect_fits(page)


@pytest.mark.parametrize("height", [740, 400])
def test_the_choices_stay_in_sight(sign_in, ask, height: int) -> None:
    """At the top, at the foot and in between, also where a keyboard takes half of the screen."""
    question = ask("refund")
    page = sign_in("ben", viewport={"width": 360, "height": height}, has_touch=True)
    pages.open_question(page, question)
    choice = page.locator("#answer .bar button").first
    for place in ("0", "document.body.scrollHeight / 2", "document.body.scrollHeight"):
        page.evaluate(f"scrollTo(0, {place})")
        expect(choice).to_be_in_viewport(ratio=1)
    choice.click()
    pages.expect_answered(page)


def test_the_last_field_is_not_hidden_by_the_choices(sign_in, ask) -> None:
    question = ask("refund")
    page = sign_in("ben", **NARROW)
    pages.open_question(page, question)
    last = page.locator("#answer :is(textarea, input:not([type=hidden]))").last
    last.focus()
    last.scroll_into_view_if_needed()
    bar = page.locator("#answer .bar").bounding_box()
    box = last.bounding_box()
    assert bar and box
    assert box["y"] + box["height"] <= bar["y"]


def brightness(page: Page) -> float:
    """Of the page's ground, from 0 to 255."""
    colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    parts = [float(part) for part in re.findall(r"[\d.]+", colour)[:3]]
    return sum(parts) / 3


def test_dark_follows_the_system_and_the_button_wins(sign_in) -> None:
    page = sign_in("ben", color_scheme="dark", fresh=True)
    page.goto("/")
    assert brightness(page) < 60
    theme = page.get_by_role("button", name=re.compile("^Theme"))
    theme.click()  # auto, light, dark
    assert brightness(page) > 200
    page.reload()
    assert brightness(page) > 200
    theme.click()
    assert brightness(page) < 60


def test_no_motion_where_none_is_wanted(sign_in) -> None:
    page = sign_in("ben", reduced_motion="reduce")
    page.goto("/start/graph/")
    moving = page.evaluate(
        """[...document.querySelectorAll("*")].filter(one => parseFloat(getComputedStyle(one).transitionDuration) > 0
            || parseFloat(getComputedStyle(one).animationDuration) > 0).length"""
    )
    assert moving == 0


def test_nothing_lies_over_what_is_read_at_400_percent(sign_in, ask) -> None:
    """A window of 1280 by 1024, of which a quarter each way is left."""
    question = ask("refund")
    page = sign_in("ben", viewport={"width": 320, "height": 256})
    page.goto(question.page)
    page.get_by_label("Why, in words for the customer").focus()
    over = """() => [...Array(256).keys()].filter((y) => {
        const bar = document.elementFromPoint(160, y).closest(".top, .bar");
        return bar && getComputedStyle(bar).position !== "static";
    })"""
    assert page.evaluate(over) == []
    pages.expect_fits(page)
