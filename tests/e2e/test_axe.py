"""Every page of the desk by axe-core: light and dark, wide and at 320 px (which is also 1280 px at 400 % zoom).

Each page is loaded once and looked at four times. Beside axe's own rules (target sizes of 24 px among them), nothing
may stick out at the side, and what has the focus must not lie under the sticky bars.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from reviewer.demo.people import PASSWORD
from reviewer.demo.threads import FIRST
from tests.e2e import pages
from tests.e2e.journal import Journal, Question
from tests.services.desk import Desk
from tests.services.visitor import Visitor

WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 320, "height": 640}
RULES = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "rules": {"target-size": {"enabled": True}},
}
MOST_STOPS = 150
# Of all rules, only this one looks at colours.
COLOURS = {"resultTypes": ["violations"], "runOnly": {"type": "rule", "values": ["color-contrast"]}}
LOOKS = [("light", WIDE, RULES), ("dark", WIDE, COLOURS), ("dark", NARROW, COLOURS), ("light", NARROW, RULES)]
ALIKE = "One of two"
REPORTED = ("report-1", "report-2")
ASKED = ("answered", "overtaken", "told", "aside")


@dataclass(frozen=True)
class Stage:
    """The demo, some more runs in each state, and where they are."""

    demo: dict[str, Question]
    asked: dict[str, Question]

    def path(self, name: str) -> str:
        return self.demo[name].page


@pytest.fixture(scope="module")
def stage(new_desk: Desk) -> Stage:
    new_desk.manage("demo")
    journal, ben = Journal(new_desk.home), Visitor(new_desk.url)
    ben.sign_in("ben", password=PASSWORD)
    threads = [row[0] for row in journal.rows("SELECT id FROM hitl_thread ORDER BY created_at, id")]
    names = [value if workflow == "agent" else workflow for _, workflow, value in FIRST]
    demo = {name: journal.question(thread) for name, thread in zip(names, threads, strict=True)}
    for thread in ("alike-1", "alike-2"):
        ben.post("/start/graph/", input=ALIKE, key=thread, thread=thread)
    for thread in REPORTED:
        ben.post("/start/graph/", input="One to report", key=thread, thread=thread)
    for thread in (*ASKED, "broken"):
        ben.post("/start/graph/", input=f"the {thread} one", key=thread, thread=thread)
    ben.post("/start/undoable/", input="the parcel", key="held", thread="held")
    ben.post("/start/ordering/", input="Ana", key="order", thread="order")
    ben.post("/start/stocktaking/", input="failed", key="failed", thread="failed")
    ben.post("/start/relay/", input="running", key="running", thread="running")
    asked = {name: journal.question(name) for name in (*ASKED, *REPORTED, "held", "order", "broken")}
    journal.spoil(asked["broken"])
    return Stage(demo, asked)


# What is looked at: how to come to each page and each state of it.

Visit = Callable[[Page, Stage], Any]


def at(path: str) -> Visit:
    return lambda page, stage: page.goto(path)


def kind(name: str) -> Visit:
    return lambda page, stage: page.goto(stage.path(name))


def views_open(page: Page, stage: Stage) -> None:
    page.goto("/?q=refund")
    page.locator(".views summary").click()


def save_view(page: Page, stage: Stage) -> None:
    views_open(page, stage)
    page.locator(".views form").first.evaluate("one => { one.noValidate = true; one.requestSubmit(); }")
    expect(page.get_by_role("heading", name="Save this view")).to_be_visible()


def together(page: Page, stage: Stage) -> None:
    page.goto("/")
    for row in page.locator("input.pick").all()[:2]:
        row.check()
    page.get_by_role("button", name=re.compile("^Decide together")).click()
    page.wait_for_url("**/together/**")


def grouped(page: Page, stage: Stage) -> None:
    page.goto("/?grouped=1")
    expect(page.get_by_text("2 alike").first).to_be_visible()


def members(page: Page, stage: Stage) -> None:
    grouped(page, stage)
    page.get_by_role("link", name=ALIKE).click()
    expect(page.get_by_text("Decide on all of them together")).to_be_visible()


def group_together(page: Page, stage: Stage) -> None:
    members(page, stage)
    page.get_by_text("Decide on all of them together").click()
    page.locator("summary", has_text="Each of them").click()


def report(page: Page, stage: Stage) -> None:
    """Two answered together."""
    picks = "&".join(f"pick={stage.asked[name].id}:1" for name in REPORTED)
    page.goto(f"/queue/together/?{picks}")
    pages.field(page).fill("both")
    page.get_by_role("button", name="Send to all selected").click()
    expect(page.get_by_role("heading", name="2 of 2 answered")).to_be_visible()


def report_of_problems(page: Page, stage: Stage) -> None:
    """Two that need a reason each, which nobody has given."""
    page.goto("/?workflow=refund")
    for row in page.locator("input.pick").all()[:2]:
        row.check()
    page.get_by_role("button", name=re.compile("^Decide together")).click()
    page.get_by_role("button", name="Refuse: all selected").click()
    expect(page.get_by_role("heading", name="0 of 2 answered")).to_be_visible()


def broken(page: Page, stage: Stage) -> None:
    """A question that nobody can draw."""
    answer = page.goto(stage.asked["broken"].page)
    assert answer and answer.status == 500


def cancelling_in_the_admin(page: Page, stage: Stage) -> None:
    page.goto("/admin/hitl/thread/?q=aside")
    page.locator("input.action-select").first.check()
    page.locator("select[name=action]").select_option("cancel")
    page.get_by_role("button", name=re.compile("Run|Go")).click()
    expect(page.get_by_label("Reason, for the record")).to_be_visible()


def menus_open(page: Page, stage: Stage) -> None:
    """The menus beside a question, and the form to ask back."""
    pages.open_question(page, stage.asked["aside"])
    for summary in page.locator("main details > summary").all():
        summary.evaluate("one => one.parentElement.open = true")


def changing(page: Page, stage: Stage) -> None:
    """An edit with its difference."""
    page.goto(stage.path("hitl_request"))
    action = page.locator("[data-action]").nth(1)
    action.get_by_text("Change it").click()
    action.get_by_label("Amount").fill("40")


def invalid(page: Page, stage: Stage) -> None:
    pages.open_question(page, stage.asked["aside"])
    pages.send(page)
    expect(page.get_by_text("Write an answer first.")).to_be_visible()


def with_rows(page: Page, stage: Stage) -> None:
    """A list of objects, with a row too many, which is told."""
    pages.open_question(page, stage.asked["order"])
    page.locator(".rows").get_by_role("button", name="Add").click()
    expect(page.get_by_label("Item")).to_have_count(2)
    pages.send(page)
    expect(page.locator(".errors").first).to_be_visible()


def answered(page: Page, stage: Stage) -> None:
    page.goto(stage.asked["answered"].page)
    if page.locator("#answer form").count():
        pages.give_answer(page, "baz")
    page.goto(stage.asked["answered"].page)


def ended(page: Page, stage: Stage) -> None:
    answered(page, stage)
    page.goto("/runs/answered/")
    expect(page.locator(".run-result")).to_be_visible()


def of_ended(path: str) -> Visit:
    def visit(page: Page, stage: Stage) -> None:
        ended(page, stage)
        page.goto(f"/runs/answered/{path}")

    return visit


def held(page: Page, stage: Stage) -> None:
    page.goto(stage.asked["held"].page)
    page.context.add_cookies([{"name": "desk_undo", "value": "60", "url": page.url}])
    if page.locator("#answer form").count():
        pages.give_answer(page, "it waits")
    page.goto(stage.asked["held"].page)
    expect(page.locator("form.held")).to_be_visible()


def answer_elsewhere(page: Page, stage: Stage, name: str) -> None:
    pages.open_question(page, stage.asked[name])
    pages.expect_live(page)
    pages.field(page).fill("mine, too late")
    other = page.context.new_page()
    pages.open_question(other, stage.asked[name])
    pages.give_answer(other, "mine, from another tab")
    other.close()


def told(page: Page, stage: Stage) -> None:
    """Somebody has answered while this page was open."""
    answer_elsewhere(page, stage, "told")
    expect(page.locator("#answer-state .decided")).to_be_visible()


def overtaken(page: Page, stage: Stage) -> None:
    """Sent before the page has heard that somebody answered (409)."""
    page.route("**/state/**", lambda route: route.fulfill(body=""))
    answer_elsewhere(page, stage, "overtaken")
    pages.send(page)
    expect(page.get_by_role("alert")).to_contain_text("answered first")


def pressed(key: str, dialog: str) -> Visit:
    def visit(page: Page, stage: Stage) -> None:
        page.goto("/")
        page.keyboard.press(key)
        expect(page.locator(dialog)).to_be_visible()

    return visit


VISITS: dict[str, Visit] = {
    "queue": at("/"),
    "queue with nothing": at("/?mine=1"),
    "queue filtered": at("/?q=refund"),
    "queue grouped": grouped,
    "members of a group": members,
    "views": views_open,
    "save view": save_view,
    "together": together,
    "together, a group": group_together,
    "together, the report": report,
    "together, what could not be done": report_of_problems,
    **{f"question {name}": kind(name) for name in dict.fromkeys(v if w == "agent" else w for _, w, v in FIRST)},
    "question with menus": menus_open,
    "question being changed": changing,
    "question invalid": invalid,
    "question with rows": with_rows,
    "question answered": answered,
    "question overtaken": overtaken,
    "question told": told,
    "question held": held,
    "precedents": lambda page, stage: page.goto(f"{stage.path('graph')}precedents/"),
    "runs": at("/runs/"),
    "runs filtered": at("/runs/?status=failed&workflow=graph"),
    "run ended": ended,
    "run failed": at("/runs/failed/"),
    "run waiting": at("/runs/aside/"),
    "run running": at("/runs/running/"),
    "run comments": at("/runs/aside/comments/"),
    "fork": of_ended("fork/?seq=3"),
    "compare": of_ended("compare/"),
    "tracebacks": at("/runs/failed/tracebacks/"),
    "start": at("/start/"),
    "start graph": at("/start/graph/"),
    "start refund": at("/start/refund/"),
    "start article": at("/start/article/"),
    "settings": at("/accounts/settings/"),
    "password": at("/accounts/password/"),
    "not found": at("/nowhere/"),
    "broken": broken,
    "permission denied": at("/queue/together/"),
    "question to read only": lambda page, stage: page.goto(stage.asked["aside"].page),
    "cancelling in the Admin": cancelling_in_the_admin,
    "answering in the Admin": lambda page, stage: page.goto(f"/admin/hitl/interrupt/{stage.asked['aside'].id}/answer/"),
    "help": pressed("?", "#help"),
    "palette": pressed("Control+k", "#palette"),
}


# Who looks, where that is not Ana.
BY = {"permission denied": "cleo", "question to read only": "cleo"}


@pytest.mark.parametrize("name", VISITS)
def test_axe_finds_nothing(sign_in, new_desk: Desk, stage: Stage, name: str) -> None:
    page = sign_in(BY.get(name, "ana"), at=new_desk, viewport=WIDE, reduced_motion="reduce")
    VISITS[name](page, stage)
    # What stands around it in the Admin is Django's own.
    expect_clean(page, within="#content" if "/admin/" in page.url else "html")


def test_axe_finds_nothing_on_the_sign_in_page(open_browser, new_desk: Desk) -> None:
    page = open_browser(home=new_desk.url, viewport=WIDE).new_page()
    page.goto("/accounts/login/")
    expect_clean(page)
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password").fill("nothing")
    page.get_by_label("Password").press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    expect_clean(page)


def expect_clean(page: Page, *, within: str = "html") -> None:
    page.evaluate(Axe().axe_script)
    found = []
    for scheme, size, rules in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size(size)
        found += [f"{scheme} {size['width']}: {each}" for each in violations(page, rules, within)]
    assert not found, f"{page.url}\n" + "\n".join(found)
    pages.expect_fits(page)


def violations(page: Page, rules: dict[str, Any], within: str) -> list[str]:
    result = page.evaluate("([within, rules]) => axe.run(within, rules)", [within, rules])
    return [
        f"{rule['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for rule in result["violations"]
        for node in rule["nodes"]
    ]


FOCUSED = """() => {
    const one = document.activeElement, box = one.getBoundingClientRect(), places = [0.1, 0.5, 0.9];
    const points = places.flatMap(x => places.map(y => [box.x + x * box.width, box.y + y * box.height]));
    const isSeenAt = ([x, y]) => {
        const top = document.elementFromPoint(x, y);
        return top && (one.contains(top) || top.contains(one));
    };
    const hasRing = at => at && getComputedStyle(at).outlineStyle !== "none";
    const wasHere = "wasHere" in one.dataset;
    one.dataset.wasHere = "";
    return {
        text: `${one.tagName} ${one.className} ${one.textContent.trim().slice(0, 40)}`,
        isOver: wasHere || one === document.body,
        isSeen: points.some(isSeenAt),
        hasRing: [one, one.closest(".ask")].some(hasRing),
    };
}"""


@pytest.mark.parametrize("name", ["queue", "question hitl_request", "question graph", "run ended"])
def test_the_focus_is_seen_at_every_stop(sign_in, new_desk: Desk, stage: Stage, name: str) -> None:
    """By Tab through the whole page, on a telephone: no stop lies under a sticky bar, or has no ring around it."""
    page = sign_in("ana", at=new_desk, viewport=NARROW, reduced_motion="reduce")
    VISITS[name](page, stage)
    stops = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop.pop("isOver"):
            break
        stops.append(stop)
    assert len(stops) > 5
    assert [stop for stop in stops if not (stop["isSeen"] and stop["hasRing"])] == []
