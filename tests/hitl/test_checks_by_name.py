"""A model or `validate=` that has a name checks an answer in every process that has its module loaded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from hitl import registry, responses, verbs
from hitl.errors import InvalidAnswer
from hitl.func import entrypoint
from hitl.models import Checkpoint, Interrupt
from hitl.testing import drain
from hitl.types import interrupt
from tests.hitl import flows
from tests.services.desk import Desk

pytestmark = pytest.mark.django_db


class Order(BaseModel):
    count: int


def affordable(order: Any) -> None:
    if order.count > 3:
        raise ValueError("That is more than there are.")


def broken(order: Any) -> None:
    raise LookupError("only where the stock is")


ASKED: dict[str, Any] = {
    "named": {"response_schema": Order, "validate": affordable},
    "nameless": {"response_schema": Order, "validate": lambda order: affordable(order)},
    "broken": {"validate": broken},
    "plain": {"response_schema": {"type": "object"}, "validate": None},
}


@entrypoint(name="tests.checks")
def checks(how: str) -> Any:
    return interrupt("How many?", **ASKED[how])


@pytest.fixture(autouse=True)
def registered() -> None:
    registry.register(checks)


@pytest.fixture
def asked() -> Iterator[Any]:
    def ask(how: str) -> Interrupt:
        run = verbs.start("tests.checks", how)
        drain()
        responses.forget()  # as another process would not know them
        return Interrupt.objects.get(thread_id=run.thread_id)

    yield ask


def answers() -> int:
    return Checkpoint.objects.filter(kind="answer").count()


def test_the_names_are_kept_with_the_question(asked: Any) -> None:
    here = __name__
    kept = {"response_schema": f"{here}:Order", "validate": f"{here}:affordable"}
    assert json.loads(asked("named").checks) == kept
    assert (asked("nameless").checks, asked("plain").checks) == ("", "")


def test_an_answer_that_they_refuse_is_not_written(asked: Any) -> None:
    question = asked("named")
    with pytest.raises(InvalidAnswer, match="more than there are"):
        verbs.answer(question.id, {"count": 4}, version=1)
    assert answers() == 0
    verbs.answer(question.id, {"count": 3}, version=1)
    assert answers() == 1


def test_what_has_no_name_is_left_to_the_workflow(asked: Any) -> None:
    question = asked("nameless")
    verbs.answer(question.id, {"count": 4}, version=1)
    drain()
    question.refresh_from_db()
    assert (question.status, question.version) == ("pending", 2)
    assert "more than there are" in question.problem


def test_a_check_that_does_not_work_here_is_left_to_the_workflow(asked: Any, caplog: Any) -> None:
    verbs.answer(asked("broken").id, 1, version=1)
    assert answers() == 1
    assert "does not work here" in caplog.text


def test_nothing_is_imported_for_a_name(asked: Any) -> None:
    question = asked("named")
    Interrupt.objects.filter(id=question.id).update(checks='{"validate": "antigravity:nothing"}')
    verbs.answer(question.id, {"count": 4}, version=1)
    assert answers() == 1


def test_from_another_process(tmp_path: Any) -> None:
    desk = Desk(tmp_path, LOG_LEVEL="ERROR", HITL_WORKFLOWS=flows.__name__)
    desk.manage("migrate", "--verbosity", "0")
    desk.manage("hitl", "start", "even", "--input", "x", "--thread", "t", "--follow", expect=10)
    (question,) = json.loads(desk.manage("hitl", "show", "t", "--format", "json"))["questions"]
    answer = ("hitl", "answer", question["question"], "--version", "1")
    desk.manage(*answer, "--json", "3", expect=InvalidAnswer.exit_code)
    desk.manage(*answer, "--json", "4", "--follow")
