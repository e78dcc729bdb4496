"""What is decided on is read as it is stored: no character turns the order of letters round, or cannot be sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from reviewer import markdown, shown
from reviewer.templatetags import desk as filters
from tests.reviewer.factories import question

TURNED = "Pay \u202e1000\u202c €\x00"
NAMED = "Pay ⟨U+202E⟩1000⟨U+202C⟩ €␀"


@pytest.mark.parametrize("value", [TURNED, {"what": TURNED}, [TURNED]], ids=["text", "dict", "list"])
def test_values_name_what_turns_them_round(value: Any) -> None:
    found = shown.data(value)
    assert NAMED in found.line and "\u202e" not in found.line + found.text
    for filtered in (filters.phrase(value), shown.pretty(value)):
        assert "\u202e" not in filtered and "⟨U+202E⟩1000⟨U+202C⟩" in filtered


def test_so_do_texts_in_markdown_of_any_length() -> None:
    assert "⟨U+202E⟩1000" in markdown.render(f"**{TURNED}**")
    assert "\u202e" not in markdown.render(TURNED * markdown.LONGEST_PARSED)


def test_other_scripts_are_left_as_they_are() -> None:
    for text in ("שלום 5 €", "\u200fمرحبا\u200e", "👩\u200d🚒"):
        assert shown.data(text).line == text


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value", [TURNED, {"question": "Pay?", "body": TURNED, "amount": TURNED}], ids=["text", "dict"]
)
def test_the_pages_of_a_question_and_its_run_hold_none(client: Client, ana: Any, value: Any) -> None:
    asked = question(value)
    client.force_login(ana)
    for address in (f"/questions/{asked.id}/", f"/runs/{asked.thread_id}/", "/"):
        page = client.get(address).content.decode()
        assert "Pay" in page and "\u202e" not in page
