"""Questions can be answered in the Admin: by the same form and verb, for whoever may, by the version that was seen."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from hitl import codec, verbs
from hitl.models import Interrupt
from hitl.testing import drain
from reviewer.demo.agents import QUESTIONS, SCHEMAS
from tests.reviewer.factories import form_of, question

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


def page(asked: Interrupt, end: str = "answer/") -> str:
    return f"/admin/hitl/interrupt/{asked.pk}/{end}"


def answer(asked: Interrupt) -> Any:
    asked.refresh_from_db()
    return codec.plain(asked.answer) if asked.answer else None


def told(client: Client, asked: Interrupt) -> str:
    html = client.get(page(asked, "change/")).content.decode()
    return " ".join(re.findall(r'<ul class="messagelist">(.*?)</ul>', html, re.DOTALL))


def test_it_is_offered_where_there_is_something_to_answer(admin: Client, ana: User) -> None:
    asked = question("Ship it?")
    offered = f'href="{page(asked)}"'
    assert offered in admin.get(page(asked, "change/")).content.decode()
    verbs.answer(asked.id, "yes", version=1, by=ana)
    assert offered not in admin.get(page(asked, "change/")).content.decode()


def test_it_is_the_same_answer_at_once_and_says_where_it_came_from(admin: Client, ana: User, settings: Any) -> None:
    settings.HITL_UNDO_SECONDS = 60
    asked = question("Ship it?")
    assert "Ship it?" in admin.get(page(asked)).content.decode()
    sent = admin.post(page(asked), form_of(asked, answer="yes"))
    assert sent.status_code == 302
    assert answer(asked) == "yes"
    assert (asked.status, asked.channel, asked.answered_by) == ("answered", "admin", ana)
    assert "Answered: Ship it?" in told(admin, asked)


def test_what_does_not_fit_is_told_at_its_field(admin: Client) -> None:
    asked = question({"question": "How many?"}, schema={"type": "integer", "minimum": 1})
    sent = admin.post(page(asked), form_of(asked, answer="0"))
    assert sent.status_code == 422
    assert list(sent.context["form"].errors) == ["answer"]
    assert answer(asked) is None


def test_a_choice_and_proposed_actions(admin: Client) -> None:
    asked = question({"question": "Ship?", "options": ["ship", "hold"]})
    admin.post(page(asked), form_of(asked, answer="1"))
    assert answer(asked) == "hold"
    asked = question(QUESTIONS["tool_approval"], schema=SCHEMAS["tool_approval"])
    assert 'name="a0.decision" value="reject"' in admin.get(page(asked)).content.decode()
    admin.post(page(asked), form_of(asked, **{"a0.decision": "reject", "a0.message": "No."}))
    assert answer(asked) == {"type": "reject", "message": "No."}
    several = question(QUESTIONS["hitl_request"])
    decided = {f"a{at}.decision": "reject" for at in range(3)}
    assert "3 decisions" in admin.get(page(several)).content.decode()
    admin.post(page(several), form_of(several, **decided))
    assert [one["type"] for one in answer(several)["decisions"]] == ["reject"] * 3


def test_a_list_of_objects_gets_its_rows(admin: Client) -> None:
    line = {"type": "object", "properties": {"item": {"type": "string"}}, "required": ["item"]}
    asked = question("Which?", schema={"type": "array", "items": line})
    more = admin.post(page(asked), form_of(asked, **{"answer.rows": "", "rows": "answer add"}))
    assert more.status_code == 200 and 'name="answer.0.item"' in more.content.decode()
    admin.post(page(asked), form_of(asked, **{"answer.rows": "0", "answer.0.item": "lamp"}))
    assert answer(asked) == [{"item": "lamp"}]


def test_a_stale_page_is_refused(admin: Client, ben: User) -> None:
    asked = question("Ship it?")
    stale = form_of(asked, answer="mine")
    verbs.answer(asked.id, "theirs", version=1, by=ben, hold_seconds=60)
    asked.refresh_from_db()
    verbs.undo(asked.id, version=asked.version, by=ben)
    admin.post(page(asked), stale)
    assert answer(asked) is None
    assert "has changed since you read it" in told(admin, asked)


def test_who_comes_second_is_told(admin: Client, ben: User) -> None:
    asked = question("Ship it?")
    mine = form_of(asked, answer="mine")
    verbs.answer(asked.id, "theirs", version=1, by=ben)
    drain()
    assert admin.post(page(asked), mine).headers["Location"] == page(asked, "change/")
    assert answer(asked) == "theirs"
    assert "This question is no longer open. Your answer was not taken." in told(admin, asked)


@pytest.mark.parametrize(("permissions", "status"), [([], 403), (["view_interrupt"], 403), (["answer_interrupt"], 403)])
def test_it_takes_permission_to_see_and_to_answer(cleo: User, permissions: list[str], status: int) -> None:
    cleo.is_staff = True
    cleo.save()
    cleo.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(cleo)
    asked = question("Ship it?")
    assert client.get(page(asked)).status_code == status
    assert client.post(page(asked), form_of(asked, answer="yes")).status_code == status
    assert answer(asked) is None


def test_both_are_enough(cleo: User) -> None:
    cleo.is_staff = True
    cleo.save()
    cleo.user_permissions.set(Permission.objects.filter(codename__in=["view_interrupt", "answer_interrupt"]))
    client = Client()
    client.force_login(cleo)
    asked = question("Ship it?")
    client.post(page(asked), form_of(asked, answer="yes"))
    assert answer(asked) == "yes"


def test_one_that_is_not_there(admin: Client) -> None:
    assert admin.get("/admin/hitl/interrupt/nowhere/answer/").status_code == 404
