"""An answer given on the desk is held for a while, can be undone on every page, and then stands (rule 22)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hitl import conf, registry, verbs
from hitl.func import entrypoint
from hitl.models import Interrupt
from hitl.sweep import sweep
from hitl.testing import drain
from hitl.types import interrupt
from reviewer import context
from tests.reviewer.factories import form_of, question

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def five_seconds(settings: Any) -> Any:
    settings.HITL_UNDO_SECONDS = 5
    conf.reset()
    yield
    conf.reset()


@pytest.fixture
def desk(client: Client, ben: User) -> Client:
    client.force_login(ben)
    return client


def answer(desk: Client, asked: Interrupt, **fields: Any) -> Any:
    return desk.post(reverse("reviewer:answer", args=[asked.id]), form_of(asked, **fields))


def undo(desk: Client, asked: Interrupt) -> Any:
    asked.refresh_from_db()
    return desk.post(reverse("reviewer:undo", args=[asked.id]), {"version": asked.version}, follow=True)


def pass_time(asked: Interrupt) -> None:
    """The window is over: the row is what the sweep looks at."""
    Interrupt.objects.filter(id=asked.id).update(release_at=timezone.now() - timedelta(seconds=1))


def test_an_answer_is_held_and_the_run_waits(desk: Client) -> None:
    asked = question()
    assert answer(desk, asked, answer="yes").status_code == 303
    drain()
    asked.refresh_from_db()
    assert (asked.status, asked.thread.status) == ("held", "interrupted")
    assert asked.release_at is not None and asked.release_at - timezone.now() > timedelta(seconds=2)


def test_every_page_offers_to_undo_it(desk: Client) -> None:
    asked = question()
    answer(desk, asked, answer="yes")
    for name in ("queue", "runs", "start"):
        assert f'action="/questions/{asked.id}/undo/"' in desk.get(reverse(f"reviewer:{name}")).content.decode()


def test_nobody_else_is_offered_it_or_may(desk: Client, cleo: User) -> None:
    asked = question()
    answer(desk, asked, answer="yes")
    other = Client()
    other.force_login(cleo)
    assert "undo/" not in other.get("/").content.decode()
    assert undo(other, asked).status_code == 403
    asked.refresh_from_db()
    assert asked.status == "held"


def test_undone_it_waits_again_with_what_was_typed(desk: Client) -> None:
    asked = question()
    answer(desk, asked, answer="yes, but")
    page = undo(desk, asked).content.decode()
    asked.refresh_from_db()
    assert (asked.status, asked.version) == ("pending", 2)
    assert "yes, but" in page and "Taken back" in page
    assert answer(desk, asked, token="another", answer="no").status_code == 303


def test_the_submit_of_the_undone_answer_is_burnt(desk: Client) -> None:
    asked = question()
    posted = form_of(asked, token="one", answer="yes")
    url = reverse("reviewer:answer", args=[asked.id])
    desk.post(url, posted)
    undo(desk, asked)
    assert desk.post(url, posted).status_code == 409


def test_after_the_window_the_answer_stands(desk: Client) -> None:
    asked = question()
    answer(desk, asked, answer="yes")
    pass_time(asked)
    sweep()
    drain()
    asked.refresh_from_db()
    asked.thread.refresh_from_db()
    assert (asked.status, asked.thread.status) == ("answered", "idle")
    assert "Too late to undo" in undo(desk, asked).content.decode()


def test_a_workflow_can_have_its_own_window(desk: Client) -> None:
    @entrypoint(name="tests.undo.never", undo_seconds=0)
    def never(_: int) -> Any:
        return interrupt("Sure?")

    @entrypoint(name="tests.undo.long", undo_seconds=300)
    def long(_: int) -> Any:
        return interrupt("Sure?")

    from hitl import verbs

    found = []
    for workflow in (never, long):
        registry.register(workflow)
        run = verbs.start(workflow.name, 1)
        drain()
        asked = Interrupt.objects.get(thread_id=run.thread_id)
        answer(desk, asked, answer="yes")
        asked.refresh_from_db()
        found.append(asked)
    assert found[0].status == "answered"
    assert found[1].release_at is not None and found[1].release_at - timezone.now() > timedelta(seconds=250)


@pytest.mark.parametrize(("wanted", "least"), [("20", 15), ("60", 50)])
def test_a_person_can_have_longer(desk: Client, wanted: str, least: int) -> None:
    desk.cookies["desk_undo"] = wanted
    asked = question()
    answer(desk, asked, answer="yes")
    asked.refresh_from_db()
    assert asked.release_at is not None and asked.release_at - timezone.now() > timedelta(seconds=least)


def test_or_none(desk: Client) -> None:
    desk.cookies["desk_undo"] = "0"
    asked = question()
    answer(desk, asked, answer="yes")
    asked.refresh_from_db()
    assert asked.status == "answered"


def test_a_second_answer_hears_who_holds_it(desk: Client, cleo: User) -> None:
    asked = question()
    answer(desk, asked, answer="yes")
    other = Client()
    other.force_login(cleo)
    grant(cleo)
    response = other.post(reverse("reviewer:answer", args=[asked.id]), form_of(asked, token="2", answer="no"))
    assert response.status_code == 409
    assert "ben answered first" in response.content.decode()


def test_a_second_undo_does_not_say_that_the_run_went_on(desk: Client) -> None:
    asked = question()
    answer(desk, asked, answer="yes")
    asked.refresh_from_db()
    url, seen = reverse("reviewer:undo", args=[asked.id]), {"version": asked.version}
    desk.post(url, seen)
    page = desk.post(url, seen, follow=True).content.decode()
    assert "was taken back before" in page and "Too late" not in page


def held(desk: Client, count: int) -> list[Interrupt]:
    asked = [question("Sure?") for _ in range(count)]
    for one in asked:
        answer(desk, one, answer="yes", token=one.id)
        one.refresh_from_db()
    return asked


def test_each_of_many_can_be_undone_from_every_page(desk: Client) -> None:
    asked = held(desk, 7)
    page = desk.get(reverse("reviewer:runs")).content.decode()
    assert all(f'action="/questions/{one.id}/undo/"' in page for one in asked)
    assert "7 answers can be undone" in page and "The 4 before" in page


def test_and_all_of_them_at_once(desk: Client) -> None:
    asked = held(desk, 3)
    pass_time(asked[0])
    sweep()
    drain()
    picks = [f"{one.id}:{one.version}" for one in asked]
    page = desk.post(reverse("reviewer:undo_all"), {"pick": [*picks, "x:1"]}, follow=True).content.decode()
    assert "Taken back: 2 answers." in page and "Too late to undo" in page
    assert [Interrupt.objects.get(id=one.id).status for one in asked] == ["answered", "pending", "pending"]


def test_also_those_that_are_too_many_to_stand_on_a_page(
    desk: Client, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "MOST_HELD", 2)
    asked = held(desk, 4)
    page = desk.get(reverse("reviewer:runs")).content.decode()
    assert "4 answers can be undone" in page and page.count("data-held=") == 2
    until = re.search(r'name="until" value="([^"]+)"', page)
    assert until
    (later,) = held(desk, 1)
    others = question("Sure?")
    verbs.answer(others.id, "yes", version=1, by=ana, hold_seconds=60)
    picks = re.findall(r'name="pick" value="([^"]+)"', page)
    page = desk.post(reverse("reviewer:undo_all"), {"pick": picks, "until": until[1]}, follow=True).content.decode()
    assert "Taken back: 4 answers." in page
    stand = [Interrupt.objects.get(id=one.id).status for one in (*asked, later, others)]
    assert stand == ["pending"] * 4 + ["held"] * 2, "what was given after the page was drawn stays, and others' too"


@pytest.mark.parametrize("until", ["", "x", "2026-01-01T00:00:00", "9999-12-31T23:59:59-23:59"])
def test_a_time_that_makes_no_sense_takes_nothing_back(desk: Client, until: str) -> None:
    asked = held(desk, 1)[0]
    desk.post(reverse("reviewer:undo_all"), {"until": until})
    asked.refresh_from_db()
    assert asked.status == "held"


def test_but_nobody_elses(desk: Client, ana: User) -> None:
    asked = held(desk, 1)[0]
    other = Client()
    other.force_login(ana)
    other.post(reverse("reviewer:undo_all"), {"pick": f"{asked.id}:{asked.version}"})
    asked.refresh_from_db()
    assert asked.status == "held"


def grant(user: User) -> None:
    from django.contrib.auth.models import Permission

    user.user_permissions.add(Permission.objects.get(codename="answer_interrupt"))
