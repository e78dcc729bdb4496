"""A kind of question that a project brings itself, both halves of it, as docs/desk.md tells."""

from __future__ import annotations

import json
import re
import urllib.error
from typing import Any

import pytest

from tests.packaging.project import Project
from tests.packaging.readme import files
from tests.packaging.test_desk_in_another_project import served, shop, signed_in

__all__ = ["shop"]

WORKFLOW = """
@entrypoint()
def rated(what: str) -> int:
    return interrupt({"rate": what, "out_of": 3})
"""


@pytest.fixture
def rating_shop(shop: Project) -> Project:
    shop.add("orders/workflows.py", WORKFLOW)
    for path, text in files("A kind of your own").items():
        (shop.home / path).parent.mkdir(parents=True, exist_ok=True)
        (shop.home / path).write_text(text)
    shop.manage("hitl", "start", "rated", "--input", "tea", "--thread", "one", "--follow", expect=10)
    return shop


def the_question(shop: Project) -> Any:
    (question,) = json.loads(shop.manage("hitl", "show", "one", "--format", "json"))["questions"]
    return question


def test_it_has_its_form_and_its_rules_everywhere(rating_shop: Project) -> None:
    rating_shop.manage("check", "--fail-level", "WARNING")
    question = the_question(rating_shop)
    assert (question["kind"], question["title"]) == ("rating", "How good is tea?")
    assert question["answer_schema"] == {"type": "integer", "minimum": 1, "maximum": 3}
    rating_shop.manage("hitl", "answer", question["question"], "--version", "1", "--json", "4", expect=5)

    address = f"/questions/{question['question']}/"
    with served(rating_shop) as server:
        dana = signed_in(server)
        page = dana.get(address)
        assert "More is better." in page
        assert "Out of 3" in page
        assert "Send the rating" in page
        token = re.search(r'name="token" value="(\w+)"', page)
        assert token
        sent = {"version": "1", "token": token[1], "form_on": address}
        with pytest.raises(urllib.error.HTTPError) as refused:
            dana.post(f"{address}answer/", answer="4", **sent)
        assert refused.value.code == 422
        assert "This must be at most 3." in refused.value.read().decode()
        dana.post(f"{address}answer/", answer="3", **sent)
    assert the_question(rating_shop)["answer"] == 3
