"""Each reader has the desk in their own language and time zone, live too, and nothing moves for it."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import pages

GERMAN = {"locale": "de-DE", "timezone_id": "Pacific/Apia"}
TIMES = "times => times.map(time => [time.textContent, time.title])"
SHIFTS = """() => {
    window.shifted = 0;
    new PerformanceObserver((list) => {
      for (const one of list.getEntries()) if (!one.hadRecentInput) window.shifted += one.value;
    }).observe({ type: "layout-shift", buffered: true });
}"""


def written(page: Page) -> list[list[str]]:
    return page.locator("#events > li > time").evaluate_all(TIMES)


@pytest.fixture
def german(sign_in) -> Page:
    sign_in("ben").close()
    return sign_in("ben", **GERMAN)


def test_two_people_follow_one_run_each_in_their_language_and_zone(german, sign_in, start, open_gate) -> None:
    thread = start("relay", input="babel")
    english = sign_in("cleo", timezone_id="America/St_Johns")
    for page in (german, english):
        page.goto(f"/runs/{thread}/")
        pages.expect_live(page)
    open_gate("babel-1")
    open_gate("babel-2")
    expect(german.locator("#events")).to_contain_text("wartet auf eine Antwort")
    expect(german.locator("#run-state")).to_contain_text("Wartet auf eine Antwort")
    expect(english.locator("#events")).to_contain_text("waits for an answer")
    expect(german.locator("html")).to_have_attribute("lang", "de")
    # What came over the socket is written as the server writes it for this reader.
    for page, zone in ((german, "Pacific/Apia"), (english, "America/St_Johns")):
        live = written(page)
        page.reload()
        pages.expect_live(page)
        assert written(page) == live
        moment = page.locator("#events > li > time").first.get_attribute("datetime")
        local = datetime.fromisoformat(moment).astimezone(ZoneInfo(zone))
        assert live[0][0] == f"{local:%H:%M:%S}" and live[0][1].endswith(f"{local:%H:%M:%S %z}")


def test_the_first_page_of_a_new_browser_is_mended(sign_in, ask) -> None:
    question = ask()
    sign_in("ben").close()
    page = sign_in("ben", timezone_id="Asia/Kathmandu")
    page.context.clear_cookies(name="desk_zone")
    page.goto(question.page)
    expect(page.locator("#texts")).to_have_attribute("data-zone", "")
    first = written(page)
    assert all("UTC" not in text for text, _ in first)
    page.add_init_script(f"({SHIFTS})()")
    page.reload()
    pages.expect_live(page)
    expect(page.locator("#texts")).to_have_attribute("data-zone", "Asia/Katmandu")
    assert written(page) == first
    assert page.evaluate("window.shifted") < 0.05


def test_a_time_is_due_where_the_reader_is(german, ask, journal) -> None:
    question = ask()
    german.goto("/")  # where the browser tells its zone
    german.goto(question.page)
    german.locator("summary", has_text="Dringlichkeit").click()
    german.get_by_label("Fällig").fill("2027-01-04T09:30")
    german.get_by_role("button", name="Dringlichkeit setzen").click()
    expect(german.get_by_text(re.compile("^fällig in"))).to_be_visible()
    ((due,),) = journal.rows(f"SELECT due_at FROM hitl_interrupt WHERE id = '{question.id}'")
    assert due.startswith("2027-01-03 20:30")


def test_scripts_speak_the_language_of_the_page(german, start, journal) -> None:
    question = journal.question(start("agent", input="3"))
    german.goto(question.page)
    german.get_by_text("Ändern", exact=True).first.click()
    german.locator("[data-edit] :is(input, textarea)").first.fill("7")
    expect(german.get_by_role("button", name="1 Änderung senden")).to_be_visible()
    german.keyboard.press("Escape")
    german.keyboard.press("?")
    expect(german.get_by_role("heading", name="Tasten")).to_be_visible()
    german.keyboard.press("Escape")
    theme = german.get_by_role("button", name=re.compile("^Farben"))
    theme.click()
    expect(theme).to_have_attribute("title", "Farben: hell")


def test_a_choice_of_language_overrides_the_browsers(german) -> None:
    german.goto("/accounts/settings/")
    german.get_by_label("Sprache").select_option("English")
    german.get_by_role("button", name="Einstellungen speichern").click()
    expect(german.get_by_text("Saved for this browser.")).to_be_visible()
    expect(german.locator("html")).to_have_attribute("lang", "en")
    german.get_by_label("Language").select_option("As the browser")
    german.get_by_role("button", name="Save settings").click()
    expect(german.get_by_text("Für diesen Browser gespeichert.")).to_be_visible()


def test_without_javascript_times_name_their_zone(sign_in, ask) -> None:
    question = ask()
    page = sign_in("ben", java_script_enabled=False)
    page.context.clear_cookies(name="desk_zone")
    page.goto(question.page)
    expect(page.locator("#events > li > time").first).to_have_text(re.compile(r"\d UTC$"))
    expect(page.get_by_text("Times are in UTC.")).to_be_attached()


@pytest.mark.parametrize("width", [320, 1280])
def test_long_words_break_no_page(sign_in, journal, start, width: int) -> None:
    question = journal.question(start("agent", input="2"))
    sign_in("ana").close()
    page = sign_in("ana", locale="de-DE", viewport={"width": width, "height": 740})
    for path in (
        *("/", "/?q=nichts&mine=1", question.page, f"/runs/{question.thread}/", "/runs/", "/start/", "/start/agent/"),
        *(f"/runs/{question.thread}/compare/", "/accounts/settings/", "/accounts/password/", "/queue/together/"),
    ):
        page.goto(path)
        expect(page.locator("html")).to_have_attribute("lang", "de")
        pages.expect_fits(page)
