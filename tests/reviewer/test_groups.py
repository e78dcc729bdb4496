"""Questions that are alike to the letter: one row of the queue, which opens to them, and is decided as a whole."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hitl import codec, verbs
from hitl.models import Interrupt
from reviewer import arranging, groups, together
from reviewer.forms.queue import cursor_of
from reviewer.live import watch
from reviewer.views import queue as view
from tests.reviewer.factories import question

pytestmark = pytest.mark.django_db
TOGETHER = "/queue/together/"
GROUPED = "/?grouped=1"


@pytest.fixture
def desk(client: Client, ben: User) -> Client:
    client.force_login(ben)
    return client


def alike(count: int, text: str = "Ship it?") -> list[Interrupt]:
    return [question({"question": text, "options": ["ship", "hold"]}) for _ in range(count)]


def rows(client: Client, url: str = GROUPED) -> list[tuple[str, int]]:
    """Each row's title, and for how many questions it stands."""
    found = client.get(url).context["rows"]
    return [(row.title, row.group.count if row.group else 1) for row in found]


def mark(client: Client) -> str:
    found = re.search(r'name="group" value="([^"]+)"', client.get(GROUPED).content.decode())
    assert found
    return found[1]


def changes(client: Client, *marks: str, since: Interrupt) -> str:
    given = {"since": cursor_of(since), "group": marks}
    return client.get(reverse("reviewer:queue_changes"), given).content.decode()


def answered(asked: list[Interrupt]) -> list[Any]:
    found = [Interrupt.objects.get(id=one.id) for one in asked]
    return [codec.plain(one.answer) if one.answer else None for one in found]


class TestRows:
    def test_a_row_stands_for_all_that_are_alike(self, desk: Client) -> None:
        alike(3)
        question("Another?")
        assert rows(desk) == [("Another?", 1), ("Ship it?", 3)]
        assert "4 waiting" in desk.get(GROUPED).content.decode()

    def test_it_stands_where_the_first_of_them_in_this_order_would(self, desk: Client) -> None:
        alike(1)
        question("Between?")
        alike(1)
        assert rows(desk) == [("Ship it?", 2), ("Between?", 1)]
        assert rows(desk, "/?grouped=1&order=oldest") == [("Ship it?", 2), ("Between?", 1)]

    def test_it_opens_to_its_members(self, desk: Client) -> None:
        asked = alike(2)
        question("Another?")
        page = desk.get(GROUPED).content.decode()
        members = f"/?grouped=1&amp;alike={asked[0].likeness}"
        assert f'class="ask-title" href="{members}"' in page
        assert rows(desk, members.replace("amp;", "")) == [("Ship it?", 1), ("Ship it?", 1)]

    def test_it_is_offered_where_it_helps(self, desk: Client) -> None:
        alike(1)
        question("Another?")
        assert "Group them" not in desk.get("/").content.decode()
        alike(1)
        page = desk.get("/?order=oldest").content.decode()
        assert rows(desk, "/") == [("Ship it?", 1), ("Another?", 1), ("Ship it?", 1)]
        assert 'href="/?order=oldest&amp;grouped=1">Group them' in page
        assert "Group them" not in desk.get(GROUPED).content.decode()

    def test_what_somebody_has_taken_stands_for_itself(self, desk: Client, ana: User) -> None:
        asked = alike(3)
        verbs.assign(asked[1].id, to=ana, by=ana)
        assert sorted(rows(desk)) == [("Ship it?", 1), ("Ship it?", 2)]
        assert rows(desk, "/?mine=1&grouped=1") == []

    def test_only_what_passes_the_filter_is_counted(self, desk: Client, ben: User) -> None:
        asked = alike(3)
        arranging.snooze(asked[2], ben, until=timezone.now() + timedelta(hours=1))
        assert rows(desk) == [("Ship it?", 2)]
        assert rows(desk, f"/?grouped=1&q={asked[0].thread_id}") == [("Ship it?", 1)]

    @pytest.mark.parametrize("order", ["", "oldest", "urgent"])
    def test_pages_hold_every_group_once(self, desk: Client, monkeypatch: pytest.MonkeyPatch, order: str) -> None:
        monkeypatch.setattr(view, "PAGE", 2)
        for _ in range(3):
            for number in range(5):
                alike(1, f"Number {number}?")
        seen, url = [], f"/?grouped=1&order={order}"
        while url:
            seen += rows(desk, url)
            following = re.search(r'rel="next" href="([^"]*)"', desk.get(url).content.decode())
            url = following[1].replace("&amp;", "&") if following else ""
        assert sorted(seen) == [(f"Number {number}?", 3) for number in range(5)]

    def test_the_first_that_is_due_is_told(self, desk: Client, ana: User) -> None:
        asked = alike(2)
        verbs.triage(asked[0].id, priority=0, due=timezone.now() - timedelta(hours=3), by=ana)
        assert "3 h late" in desk.get(GROUPED).content.decode()


class TestLive:
    def test_a_row_says_how_many_there_are_when_members_come_and_go(self, desk: Client, ana: User) -> None:
        asked = alike(3)
        seen = mark(desk)
        assert "alike" not in changes(desk, seen, since=asked[-1])
        verbs.answer(asked[2].id, "ship", version=1, by=ana)
        html = changes(desk, seen, since=asked[-1])
        assert f'id="n-{asked[0].likeness}"' in html and "2 alike" in html
        alike(3)
        html = changes(desk, seen, since=asked[-1])
        assert "5 alike" in html
        assert "new</a>" not in html, "they are told in the row that stands there"

    def test_a_row_of_which_none_is_left_says_so(self, desk: Client, ana: User) -> None:
        asked = alike(2)
        seen = mark(desk)
        for one in asked:
            verbs.answer(one.id, "ship", version=1, by=ana)
        html = changes(desk, seen, since=asked[-1])
        assert f'<li id="g-{asked[0].likeness}" class="ask is-gone"' in html

    def test_a_socket_hears_of_a_member_that_the_page_does_not_show(self, desk: Client, ana: User) -> None:
        asked = alike(3)
        found = groups.Group.read(mark(desk))
        assert found
        place = (asked[-1].asked_at, asked[-1].id)
        mine = watch.Watch.parse({"since": "", "shown": [], "groups": [found.mark]}, user_id=ana.pk)
        mine.since = place
        (before,) = watch.compare([mine])
        verbs.answer(asked[0].id, "ship", version=1, by=ana)
        (after,) = watch.compare([mine])
        assert (before.gone, before.groups) == (0, (3,))
        assert (after.gone, after.groups) == (1, (2,))


class TestDeciding:
    def test_a_group_is_selected_as_a_whole_and_listed_before_it_is_decided(self, desk: Client) -> None:
        asked = alike(3)
        page = desk.get(TOGETHER, {"pick": asked[0].likeness})
        assert [one.count for one in page.context["sets"]] == [3]
        values = re.findall(r'name="pick" value="([^"]+)"', page.content.decode())
        assert values == [f"{one.id}:1" for one in asked]
        report = desk.post(TOGETHER, {"pick": values, "choice": "ship", "token": "t"}).content.decode()
        assert "3 of 3 answered" in report
        assert answered(asked) == ["ship"] * 3

    def test_what_joins_after_it_was_listed_is_not_decided(self, desk: Client) -> None:
        asked = alike(2)
        listed = [f"{one.id}:1" for one in asked]
        late = alike(1)
        desk.post(TOGETHER, {"pick": listed, "choice": "ship", "token": "t"})
        assert answered([*asked, *late]) == ["ship", "ship", None]

    def test_a_bare_likeness_decides_nothing(self, desk: Client) -> None:
        asked = alike(2)
        desk.post(TOGETHER, {"pick": [asked[0].likeness], "choice": "ship", "token": "t"})
        assert answered(asked) == [None, None]

    def test_only_what_the_filter_showed_is_listed(self, desk: Client) -> None:
        asked = alike(3)
        page = desk.get(TOGETHER, {"pick": asked[0].likeness, "q": asked[1].thread_id})
        assert [pick.question.id for pick in page.context["picks"]] == [asked[1].id]

    def test_a_group_and_one_of_its_members_are_no_more_than_the_group(self, desk: Client) -> None:
        asked = alike(2)
        page = desk.get(TOGETHER, {"pick": [asked[0].likeness, f"{asked[1].id}:1"]})
        assert sorted(pick.question.id for pick in page.context["picks"]) == sorted(one.id for one in asked)

    def test_there_is_an_end_to_it_which_is_told(self, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(together, "MOST", 2)
        asked = alike(3)
        page = desk.get(TOGETHER, {"pick": asked[0].likeness})
        assert [pick.question.id for pick in page.context["picks"]] == [one.id for one in asked[:2]]
        assert page.context["left_out"] == 1
        assert "1 more" in page.content.decode()
