"""Questions of the installed LangChain and MCP packages: what they take is legal here, what breaks them is refused."""

from __future__ import annotations

import json

import pytest

from hitl import codec, questions
from hitl.errors import InvalidAnswer
from hitl.questions.approval import Approval
from tests.questions import REFUSED, TAKEN, Recorded


@pytest.mark.parametrize("one", [*TAKEN, *REFUSED], ids=lambda one: one.kind)
def test_the_question_is_recognised(one: Recorded) -> None:
    assert questions.detect(one.value, one.schema).name == one.kind


@pytest.mark.parametrize("one", TAKEN, ids=lambda one: json.dumps(one.answer)[:60])
def test_an_answer_that_was_taken_is_legal_and_stays_as_it_is(one: Recorded) -> None:
    checked = questions.get(one.kind).check(one.answer, one.value, one.schema)
    assert codec.encode(checked) == codec.encode(one.answer)


@pytest.mark.parametrize("one", REFUSED, ids=lambda one: json.dumps(one.answer)[:60])
def test_an_answer_that_broke_it_is_refused_before_anything_is_written(one: Recorded) -> None:
    with pytest.raises(InvalidAnswer) as caught:
        questions.get(one.kind).check(one.answer, one.value, one.schema)
    assert caught.value.errors


@pytest.mark.parametrize(
    "one", [one for one in TAKEN if one.kind != "elicitation"], ids=lambda one: json.dumps(one.answer)[:60]
)
def test_an_answer_is_read_as_decisions_and_written_again(one: Recorded) -> None:
    kind = questions.get(one.kind)
    assert isinstance(kind, Approval)
    decisions = kind.decisions(one.value, one.answer)
    assert kind.answer(one.value, one.schema, decisions) == one.answer
