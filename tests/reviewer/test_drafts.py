"""What is typed is kept on the server, per person, until the answer stands."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from hitl import verbs
from hitl.models import Interrupt
from hitl.testing import drain
from reviewer import drafts
from reviewer.models import Draft
from tests.reviewer.factories import form_of, question

pytestmark = pytest.mark.django_db

SCHEMA = {
    "type": "object",
    "properties": {
        "decision": {"enum": ["ship", "hold"], "title": "Decision"},
        "urgent": {"type": "boolean", "title": "Urgent"},
        "secret": {"type": "string", "format": "password", "title": "Secret"},
        "note": {"type": "string", "title": "Note"},
    },
}


@pytest.fixture
def desk(client: Client, ben: User) -> Client:
    client.force_login(ben)
    return client


def save(desk: Client, asked: Interrupt, **fields: Any) -> Any:
    return desk.post(reverse("reviewer:draft", args=[asked.id]), form_of(asked, **fields))


def page(desk: Client, asked: Interrupt) -> str:
    return desk.get(reverse("reviewer:question", args=[asked.id])).content.decode()


def test_what_was_typed_is_there_after_a_reload(desk: Client) -> None:
    asked = question()
    assert "Draft kept" in save(desk, asked, answer="half a sen").content.decode()
    save(desk, asked, answer="half a sentence")
    assert "half a sentence" in page(desk, asked)
    assert Draft.objects.count() == 1
    asked.refresh_from_db()
    assert asked.status == "pending"


def test_in_every_field_of_a_form(desk: Client) -> None:
    asked = question({"question": "Rate"}, schema=SCHEMA)
    fields = {"answer.decision": "1", "answer.urgent": "1", "answer.note": "as it <was>"}
    save(desk, asked, **fields)
    form = desk.get(reverse("reviewer:question", args=[asked.id])).context["form"]
    assert form["answer.decision"].value() == "1"
    assert form["answer.note"].value() == "as it <was>"
    assert not form.errors, "nothing is checked before it is sent"


def test_but_no_password(desk: Client) -> None:
    asked = question({"question": "Rate"}, schema=SCHEMA)
    save(desk, asked, **{"answer.secret": "hunter2", "answer.note": "n"})
    assert "hunter2" not in str(Draft.objects.get().fields)


def test_each_person_has_their_own(desk: Client, ana: User) -> None:
    asked = question()
    save(desk, asked, answer="of ben")
    other = Client()
    other.force_login(ana)
    assert "of ben" not in page(other, asked)


def test_who_may_not_answer_keeps_none(cleo: User) -> None:
    client = Client()
    client.force_login(cleo)
    assert save(client, question(), answer="x").status_code == 403
    assert not Draft.objects.exists()


def test_it_is_what_was_sent_once_the_answer_stands(desk: Client) -> None:
    asked = question()
    save(desk, asked, answer="y")
    desk.post(reverse("reviewer:answer", args=[asked.id]), form_of(asked, answer="yes"))
    assert Draft.objects.get().fields["answer"] == ["yes"], "the workflow may give the answer back"
    assert "What you wrote" not in page(desk, asked)


def test_it_stays_when_a_colleague_was_faster(desk: Client) -> None:
    asked = question()
    save(desk, asked, answer="mine")
    verbs.answer(asked.id, "theirs", version=1, by="ana")
    drain()
    assert save(desk, asked, answer="mine too").status_code == 204
    assert Draft.objects.get().fields["answer"] == ["mine"]


def test_one_begins_again(desk: Client) -> None:
    asked = question()
    save(desk, asked, answer="nonsense")
    response = desk.post(reverse("reviewer:discard_draft", args=[asked.id]), follow=True)
    assert "nonsense" not in response.content.decode()
    assert not Draft.objects.exists()


def test_one_too_long_is_refused_and_the_last_one_stays(desk: Client) -> None:
    asked = question()
    save(desk, asked, answer="short")
    response = save(desk, asked, answer="x" * (drafts.MAX_CHARS + 1))
    assert response.status_code == 422
    assert "Shorten it" in response.content.decode()
    assert Draft.objects.get().fields["answer"] == ["short"]


def test_what_no_database_holds_is_left_out(desk: Client) -> None:
    asked = question()
    assert save(desk, asked, answer="a\x00b").status_code == 200
    assert Draft.objects.get().fields["answer"] == ["ab"]


def test_a_draft_from_before_the_question_changed_says_so(desk: Client) -> None:
    asked = question()
    save(desk, asked, answer="old thoughts")
    Interrupt.objects.filter(id=asked.id).update(version=2)
    told = page(desk, asked)
    assert "old thoughts" in told and "from before the question changed" in told


def test_it_goes_with_its_question(desk: Client) -> None:
    asked = question()
    save(desk, asked, answer="x")
    asked.thread.delete()
    assert not Draft.objects.exists()
