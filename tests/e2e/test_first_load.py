"""What a page costs on its first load: at most 100 kB over the wire, and nothing moves when its live parts arrive."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import pages
from tests.e2e.journal import Question, eventually

MOST_BYTES = 100_000
# Less than this is what stands at the right end of the top bar, drawn before the name beside it had been read.
WATCH = """
    window.shifts = [];
    new PerformanceObserver(list => {
        for (const entry of list.getEntries()) {
            const what = entry.sources.map(one => one.node?.outerHTML?.slice(0, 120) ?? "?");
            if (!entry.hadRecentInput && entry.value >= 5e-4) window.shifts.push(`${entry.value.toFixed(4)}: ${what}`);
        }
    }).observe({ type: "layout-shift", buffered: true });
"""
TWO_FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))"
SIZES = [{"width": 1280, "height": 800}, {"width": 360, "height": 740}]


def wire_bytes(page: Page, path: str) -> dict[str, int]:
    """Bytes of each answer, headers included, of a browser with an empty cache."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    names: dict[str, str] = {}
    sizes: dict[str, int] = {}
    session.on("Network.responseReceived", lambda event: names.update({event["requestId"]: event["response"]["url"]}))
    session.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    page.goto(path, wait_until="networkidle")
    session.detach()
    return {names.get(one, one): int(size) for one, size in sizes.items()}


def test_the_first_load_of_a_page_is_light(sign_in, ask) -> None:
    question = ask("refund")
    page = sign_in("ana")
    for path in ("/", question.page, question.run, "/runs/", "/start/refund/", "/accounts/settings/"):
        sizes = wire_bytes(page, path)
        heaviest = sorted(((size, name) for name, size in sizes.items()), reverse=True)[:6]
        assert 20_000 < sum(sizes.values()) <= MOST_BYTES, f"{path}: {sum(sizes.values())} bytes, {heaviest}"


@pytest.mark.parametrize("size", SIZES, ids=["wide", "narrow"])
def test_nothing_moves_when_live_parts_arrive(sign_in, ask, start, journal, size) -> None:
    before = ask("graph", suffix="-before")
    answer(sign_in("ben"), before)
    question = ask("graph", suffix="-now")
    page = sign_in("ana", viewport=size)
    page.add_init_script(WATCH)
    for path in (question.page, question.run, "/"):
        page.goto(path, wait_until="networkidle")
        pages.expect_live(page)
        page.evaluate(TWO_FRAMES)
        assert page.evaluate("shifts") == [], path
    journal.question(start("graph", suffix="-later"))
    expect(page.locator("#queue-new")).to_contain_text("new")
    page.evaluate(TWO_FRAMES)
    assert page.evaluate("shifts") == []


def answer(page: Page, question: Question) -> None:
    pages.open_question(page, question)
    pages.give_answer(page, "baz")


@pytest.mark.parametrize("size", SIZES, ids=["wide", "narrow"])
def test_a_running_run_grows_at_its_end(sign_in, start, journal, open_gate, size) -> None:
    thread = start("relay", input=f"shift{size['width']}")
    page = sign_in("ben", viewport=size)
    page.add_init_script(WATCH)
    # It stands at its first gate: nothing comes while the page is still being drawn.
    eventually(lambda: journal.facts(thread, "leg"))
    page.goto(f"/runs/{thread}/", wait_until="networkidle")
    pages.expect_live(page)
    for lap in (1, 2):
        open_gate(f"shift{size['width']}-{lap}")
    journal.question(thread)
    pages.expect_journal(page, journal, thread)
    page.evaluate(TWO_FRAMES)
    assert page.evaluate("shifts") == []
