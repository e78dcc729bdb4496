"""Times are written and read in the zone of the reader's browser; where that is not known, they name the server's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone, translation

from hitl.models import Interrupt
from reviewer import arranging, times, zone
from reviewer.models import Snooze
from tests.reviewer.factories import question
from tests.reviewer.journal import Journal

pytestmark = pytest.mark.django_db

APIA, ST_JOHNS, BERLIN = "Pacific/Apia", "America/St_Johns", "Europe/Berlin"
NIGHT = "2026-07-01T12:30:00+00:00"


@pytest.fixture
def desk(ben: User) -> Client:
    client = Client()
    client.force_login(ben)
    return client


def at(desk: Client, name: str) -> Client:
    desk.cookies[zone.COOKIE] = name
    return desk


def sleeping() -> Journal:
    journal = Journal("t1")
    journal.add("timer", path="11~1", name="nap", until=NIGHT)
    return journal


@pytest.mark.parametrize(
    ("name", "written"),
    [
        (APIA, "2 Jul 2026, 01:30:00"),
        (ST_JOHNS, "1 Jul 2026, 10:00:00"),
        ("Asia/Kathmandu", "1 Jul 2026, 18:15:00"),
        # Browsers still say the old names of zones.
        ("Asia/Calcutta", "1 Jul 2026, 18:00:00"),
        ("UTC", "1 Jul 2026, 12:30:00"),
    ],
)
def test_a_page_is_in_its_readers_zone(desk: Client, name: str, written: str) -> None:
    sleeping()
    html = at(desk, name).get("/runs/t1/").content.decode()
    assert f">{written}</time>" in html and f'data-zone="{name}"' in html


def test_the_hour_changes_with_the_seasons(desk: Client) -> None:
    journal = sleeping()
    journal.add("timer", path="12~1", name="nap", until="2026-12-01T12:30:00+00:00")
    html = at(desk, ST_JOHNS).get("/runs/t1/").content.decode()
    assert "1 Jul 2026, 10:00:00 -0230" in html and "1 Dec 2026, 09:00:00 -0330" in html


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "Europe", "x" * 5000, "Europe/Berlin\x00"])
def test_without_a_zone_that_there_is_times_name_the_servers(desk: Client, name: str) -> None:
    sleeping()
    html = at(desk, name).get("/runs/t1/").content.decode()
    assert ">1 Jul 2026, 12:30:00 UTC</time>" in html and 'data-zone=""' in html


def test_the_zone_goes_with_the_request(desk: Client) -> None:
    at(desk, APIA).get("/")
    assert timezone.get_current_timezone() is timezone.get_default_timezone()
    with timezone.override(ZoneInfo(BERLIN)):
        desk.get("/")
        assert timezone.get_current_timezone_name() == BERLIN


def test_a_time_that_is_due_is_typed_in_the_readers_zone(desk: Client) -> None:
    asked = question()
    page = at(desk, APIA).get(f"/questions/{asked.id}/").content.decode()
    assert "Times are in" not in page
    desk.post(f"/questions/{asked.id}/triage/", {"priority": "0", "due": "2026-12-24T08:00"})
    due = Interrupt.objects.get(pk=asked.pk).due_at
    assert due == datetime(2026, 12, 23, 19, tzinfo=UTC)
    assert 'value="2026-12-24T08:00"' in desk.get(f"/questions/{asked.id}/").content.decode()


def test_who_has_no_zone_is_told_in_which_a_time_is_taken(desk: Client) -> None:
    asked = question({"question": "When?"}, schema={"type": "string", "format": "date-time"})
    page = desk.get(f"/questions/{asked.id}/").content.decode()
    assert page.count("Times are in UTC.") == 2


def test_a_time_that_the_clocks_pass_over_is_refused_with_its_reason(desk: Client) -> None:
    asked = question()
    answer = at(desk, BERLIN).post(
        f"/questions/{asked.id}/triage/", {"priority": "0", "due": "2027-03-28T02:30"}, follow=True
    )
    assert "interpreted in time zone Europe/Berlin" in answer.content.decode()
    assert Interrupt.objects.get(pk=asked.pk).due_at is None


@pytest.mark.parametrize(
    ("name", "now", "morning"),
    [
        # It is the evening before in St. John's, and the clocks go back on the way to the morning.
        (ST_JOHNS, datetime(2026, 11, 1, 1, tzinfo=UTC), datetime(2026, 11, 1, 11, 30, tzinfo=UTC)),
        (BERLIN, datetime(2027, 3, 27, 12, tzinfo=UTC), datetime(2027, 3, 28, 6, tzinfo=UTC)),
        (APIA, datetime(2026, 12, 31, 12, tzinfo=UTC), datetime(2027, 1, 1, 19, tzinfo=UTC)),
    ],
)
def test_tomorrow_morning_is_the_readers(desk: Client, name: str, now: datetime, morning: datetime) -> None:
    with timezone.override(zone._zone(name)):
        assert arranging.times(now)["tomorrow"][1] == morning


def test_a_snooze_lasts_until_the_readers_morning(ben: User) -> None:
    asked = question()
    with time_machine.travel(datetime(2026, 12, 31, 12, tzinfo=UTC), tick=False):
        desk = Client()
        desk.force_login(ben)
        at(desk, APIA).post(f"/questions/{asked.id}/snooze/", {"until": "tomorrow"})
    assert Snooze.objects.get(person=ben).until == datetime(2027, 1, 1, 19, tzinfo=UTC)


def test_a_row_of_today_says_the_hour_and_another_days_its_date() -> None:
    moment = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
    with time_machine.travel(moment, tick=False):
        for name, shown in ((APIA, "01:30:00"), (ST_JOHNS, "10:00:00")):
            with timezone.override(zone._zone(name)):
                assert times.written(moment, "row") == shown
    with time_machine.travel(datetime(2026, 7, 2, 3, tzinfo=UTC), tick=False):
        with timezone.override(zone._zone(ST_JOHNS)):
            assert times.written(moment, "row") == "01 Jul 10:00"
        with timezone.override(zone._zone(APIA)):
            assert times.written(moment, "row") == "01:30:00"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ["1,234", "2.1 s", "3 d", "Wed 1 Jul 2026, 12:30:00 +0000"]),
        ("de", ["1.234", "2,1 s", "3 Tg.", "Mi, 1. Jul 2026, 12:30:00 +0000"]),
    ],
)
def test_numbers_spans_and_moments_are_written_as_the_language_has_them(language: str, words: list[str]) -> None:
    with translation.override(language), timezone.override(zone._zone("UTC")):
        moment = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)
        said = [times.count(1234), times.duration(2.1), times.age(timedelta(days=3)), times.written(moment, "full")]
    assert said == words


def test_other_pages_of_the_project_keep_their_zone(ana: User, settings: Any) -> None:
    desk = Client()
    desk.force_login(ana)
    question(thread="t1")
    Interrupt.objects.update(asked_at=NIGHT)
    html = at(desk, APIA).get("/admin/hitl/interrupt/").content.decode()
    assert "July 1, 2026, 12:30 p.m." in html


def test_a_form_is_read_in_the_zone_that_it_was_drawn_in(desk: Client, settings: Any) -> None:
    """On the first page of a new browser, or after a journey, the browser tells another zone when it sends the form."""
    asked = question("t1")
    page = desk.get(f"/questions/{asked.id}/").content.decode()
    assert f'<input type="hidden" name="{zone.DRAWN_IN}" value="UTC">' in page
    posted = {"priority": "0", "due": "2030-07-01T12:30"}
    at(desk, BERLIN).post(f"/questions/{asked.id}/triage/", posted | {zone.DRAWN_IN: "UTC"})
    assert Interrupt.objects.get().due_at == datetime(2030, 7, 1, 12, 30, tzinfo=UTC)
    desk.post(f"/questions/{asked.id}/triage/", posted | {zone.DRAWN_IN: "nonsense"})
    assert Interrupt.objects.get().due_at == datetime(2030, 7, 1, 10, 30, tzinfo=UTC)
