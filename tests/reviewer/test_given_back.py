"""An answer that the workflow gives back stands in the form again, with the error."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from hitl import registry, verbs
from hitl.func import entrypoint
from hitl.models import Interrupt
from hitl.testing import drain
from hitl.types import interrupt
from tests.reviewer.factories import form_of

pytestmark = pytest.mark.django_db

SCHEMA = {
    "type": "object",
    "properties": {"amount": {"type": "integer", "title": "Amount"}, "note": {"type": "string", "title": "Note"}},
    "required": ["amount"],
}
QUESTIONS: dict[str, dict[str, Any]] = {
    "text": {"value": "How many?"},
    "choice": {"value": {"question": "How many?", "options": ["none", "one", "many"]}},
    "data": {"value": {"question": "How many?", "of": "lamps"}},
    "schema": {"value": {"question": "How many?"}, "response_schema": SCHEMA},
}


@entrypoint(name="tests.never_content", title="Never content")
def never_content(kind: str) -> Any:
    """Gives every answer back."""
    interrupt(**QUESTIONS[kind])
    raise ValueError("That is too much.")


registry.register(never_content)


def given_back(kind: str, answer: Any, *, by: Any = None) -> Interrupt:
    run = verbs.start("tests.never_content", kind)
    drain()
    asked = Interrupt.objects.get(thread_id=run.thread_id)
    verbs.answer(asked.id, answer, version=1, by=by)
    drain()
    asked.refresh_from_db()
    assert asked.problem and asked.status == "pending"
    return asked


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, asked: Interrupt) -> Any:
    return client.get(reverse("reviewer:question", args=[asked.id]))


@pytest.mark.parametrize(
    ("kind", "answer", "fields"),
    [
        ("text", "a thousand", {"answer": "a thousand"}),
        ("choice", "many", {"answer": "2"}),
        ("data", "a thousand", {"answer": "a thousand", "mode": "text"}),
        ("data", {"n": 1000}, {"answer": '{\n  "n": 1000\n}', "mode": "json"}),
        ("schema", {"amount": 1000, "note": "all"}, {"answer.amount": 1000, "answer.note": "all"}),
    ],
)
def test_whoever_gave_it_from_wherever(ben: User, kind: str, answer: Any, fields: dict[str, Any]) -> None:
    response = page(client_of(ben), given_back(kind, answer))
    assert "That is too much." in response.content.decode()
    form = response.context["form"]
    assert {name: form[name].value() for name in fields} == fields


def test_what_was_posted_on_the_desk_stands_there_for_colleagues_too(ben: User, ana: User) -> None:
    run = verbs.start("tests.never_content", "text")
    drain()
    asked = Interrupt.objects.get(thread_id=run.thread_id)
    client_of(ben).post(reverse("reviewer:answer", args=[asked.id]), form_of(asked, answer="a thousand"))
    drain()
    asked.refresh_from_db()
    for user in (ben, ana):
        assert page(client_of(user), asked).context["form"]["answer"].value() == "a thousand"


def test_one_typed_something_else_already(ben: User) -> None:
    asked = given_back("text", "a thousand")
    client = client_of(ben)
    client.post(reverse("reviewer:draft", args=[asked.id]), form_of(asked, answer="two"))
    assert page(client, asked).context["form"]["answer"].value() == "two"


def test_the_row_says_it_and_the_queue_can_be_filtered_by_it(ben: User) -> None:
    asked = given_back("text", "a thousand")
    html = client_of(ben).get(reverse("reviewer:queue"), {"attention": "1"}).content.decode()
    assert asked.title in html and "needs attention" in html
