"""The timeline tells the answer to proposed actions as what was decided, with what was changed as a difference."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from hitl import verbs
from reviewer.demo.agents import QUESTIONS, SCHEMAS
from tests.reviewer.factories import question

pytestmark = pytest.mark.django_db


def told(client: Client, ana: User, answer: Any, asks: str = "hitl_request") -> str:
    asked = question(QUESTIONS[asks], schema=SCHEMAS.get(asks))
    verbs.answer(asked.id, answer, version=1, by=ana)
    client.force_login(ana)
    page = client.get(f"/runs/{asked.thread_id}/").content.decode()
    return page[page.index('<ul class="decisions">') : page.index("</ul>", page.index('<ul class="decisions">'))]


def test_one_after_another_of_several(client: Client, ana: User) -> None:
    changed = {"customer": "Ana Lindqvist", "amount": 30, "lines": ["lamp", "shipping"]}
    decisions = [
        {"type": "approve"},
        {"type": "edit", "edited_action": {"name": "refund", "args": changed}},
        {"type": "reject", "message": "Keep the file."},
    ]
    html = told(client, ana, {"decisions": decisions})
    assert re.findall(r'class="decided-(\w+)"', html) == ["approve", "edit", "reject"]
    assert "approved with changes" in html
    assert "<dt>Amount</dt>" in html and "<dt>Customer</dt>" not in html
    assert "<del>40.5</del><ins>30</ins>" in html or ("<del>" in html and "<ins>30</ins>" in html)
    assert "Keep the file." in html


def test_of_one_call_and_of_agent_inbox(client: Client, ana: User) -> None:
    assert "approved" in told(client, ana, {"type": "approve"}, "tool_approval")
    assert "ignored" in told(client, ana, [{"type": "ignore", "args": None}], "human_interrupt")


def test_what_was_held_and_undone_is_no_decision_any_more(client: Client, ana: User) -> None:
    asked = question(QUESTIONS["tool_approval"], schema=SCHEMAS["tool_approval"])
    verbs.answer(asked.id, {"type": "approve"}, version=1, by=ana, hold_seconds=60)
    client.force_login(ana)
    assert "decided-approve" in client.get(f"/runs/{asked.thread_id}/").content.decode()
    asked.refresh_from_db()
    verbs.undo(asked.id, version=asked.version, by=ana)
    assert "decided-approve" not in client.get(f"/runs/{asked.thread_id}/").content.decode()
