"""The demo asks a question of every kind, each of which the command line and the page can answer."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from hitl import codec, questions, verbs
from hitl.answers import asked, schema_of
from hitl.commands.follow import how_to_answer
from hitl.models import Interrupt
from hitl.testing import drain
from reviewer.demo import people, threads
from tests.hitl.command import hitl

pytestmark = pytest.mark.django_db


@pytest.fixture
def demo(db: None) -> Iterator[dict[str, Interrupt]]:
    people.create()
    for username, workflow, value in threads.FIRST:
        verbs.start(workflow, value, by=User.objects.get(username=username))
    drain()
    yield {question.kind: question for question in Interrupt.objects.pending()}


def test_one_of_each_kind_waits(demo: dict[str, Interrupt]) -> None:
    assert demo.keys() == {kind.name for kind in questions.kinds()}


def test_each_is_answered_from_the_command_line(demo: dict[str, Interrupt]) -> None:
    written = {"text": "Sorry.", "data": {"right": True}, "schema": {"decision": "refuse", "reason": "no"}}
    for kind, question in demo.items():
        if kind == "schema" and "ready to be published" in question.title:
            written["schema"] = {"verdict": "accept"}
        example = questions.get(kind).example(asked(question), schema_of(question))
        answer = written[kind] if example is None else example
        given = ("--input", answer) if isinstance(answer, str) else ("--json", json.dumps(answer))
        result = hitl("answer", question.id, "--version", "1", *given, "--as", "ben")
        assert result.code == 0, (kind, result.err)
        question.refresh_from_db()
        assert codec.plain(question.answer or "null") == answer


def test_what_does_not_fit_is_refused_there(demo: dict[str, Interrupt]) -> None:
    for kind in demo.keys() - {"text", "data"}:
        result = hitl("answer", demo[kind].id, "--version", "1", "--json", '{"type": "nonsense"}')
        assert (result.code, "does not fit" in result.err) == (5, True), kind


def test_a_command_that_is_right_for_the_question_is_suggested(demo: dict[str, Interrupt]) -> None:
    assert how_to_answer(demo["text"]) == "--input TEXT"
    assert how_to_answer(demo["schema"]) == "--json JSON"
    assert how_to_answer(demo["tool_approval"]) == """--json '{"type": "approve"}'"""


def test_each_has_a_page(demo: dict[str, Interrupt], client: Client) -> None:
    client.force_login(User.objects.get(username="ben"))
    for question in demo.values():
        page = client.get(reverse("reviewer:question", args=[question.id])).content.decode()
        assert "data-answer" in page
