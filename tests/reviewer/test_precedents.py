"""How questions like this one were decided before, and what the runs did then."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from hitl import registry, verbs
from hitl.func import entrypoint, task
from hitl.models import Interrupt
from hitl.testing import drain
from hitl.types import interrupt
from reviewer import precedents
from tests.reviewer import factories

pytestmark = pytest.mark.django_db


@task(effects=["payment"])
def pay(amount: int) -> int:
    if amount > 900:
        raise ValueError("The bank refuses.")
    return amount


@task
def tell(text: str) -> str:
    return text


@entrypoint(name="tests.precedents", title="Grants")
def grant(amount: int) -> Any:
    """Pays what is approved."""
    decision = interrupt({"question": f"Grant {amount} to the choir?", "options": ["approve", "refuse"]})
    if decision == "approve":
        paid = pay(amount)
        return paid.exception() is None
    return tell("no").result()


registry.register(grant)


def asked(amount: int, answer: str | None = None, *, by: str = "ana") -> Interrupt:
    run = verbs.start("tests.precedents", amount)
    drain()
    question = Interrupt.objects.get(thread_id=run.thread_id)
    if answer is not None:
        verbs.answer(question.id, answer, version=1, by=by)
        drain()
    return question


def test_what_followed_each_choice() -> None:
    for amount, answer in [(10, "approve"), (20, "approve"), (950, "approve"), (30, "refuse")]:
        asked(amount, answer)
    approved, refused = precedents.of(asked(40)).outlooks
    assert (approved.choice, approved.runs, approved.ended, approved.failed) == ("approve", 3, 3, 0)
    (step,) = approved.steps
    assert (step.name, step.runs, step.failed, step.effects) == ("pay", 3, 1, ("payment",))
    assert step.took
    assert (refused.choice, refused.runs, refused.ended) == ("refuse", 1, 1)
    assert [step.name for step in refused.steps] == ["tell"]


def test_only_what_came_after_the_answer_and_before_the_next_question() -> None:
    @task
    def before() -> None: ...

    @task
    def between() -> None: ...

    @task
    def after() -> None: ...

    @entrypoint(name="tests.precedents.twice")
    def twice(_: int) -> None:
        before().result()
        interrupt({"question": "First?", "options": ["yes"]})
        between().result()
        interrupt({"question": "Second?", "options": ["yes"]})
        after().result()

    registry.register(twice)
    for _ in range(precedents.ENOUGH):
        run = verbs.start("tests.precedents.twice", 1)
        for _ in range(2):
            drain()
            verbs.answer(Interrupt.objects.pending().get(thread_id=run.thread_id).id, "yes", version=1)
        drain()
    run = verbs.start("tests.precedents.twice", 1)
    drain()
    first = Interrupt.objects.pending().get(thread_id=run.thread_id)
    (outlook,) = precedents.of(first).outlooks
    assert [step.name for step in outlook.steps] == ["between"]
    assert (outlook.asked, outlook.ended) == (precedents.ENOUGH, 0)
    verbs.answer(first.id, "yes", version=1)
    drain()
    (outlook,) = precedents.of(Interrupt.objects.pending().get(thread_id=run.thread_id)).outlooks
    assert [step.name for step in outlook.steps] == ["after"]
    assert (outlook.asked, outlook.ended) == (0, precedents.ENOUGH)


def test_of_another_workflow_nothing_is_said() -> None:
    factories.question({"question": "Grant 40 to the choir?", "options": ["approve", "refuse"]})
    asked(10, "approve")
    other = Interrupt.objects.get(workflow="tests.ask")
    found = precedents.of(other)
    assert (found.outlooks, found.similar) == ([], [])


def test_the_most_similar_come_first() -> None:
    near = asked(41, "refuse", by="ben")
    asked(7, "approve")
    question = asked(41)
    similar = precedents.of(question).similar
    assert similar[0].question.id == near.id
    assert similar[0].answer is not None and similar[0].answer.line == "refuse"
    assert len(similar) == 2


@pytest.mark.parametrize(
    ("kind", "answer", "choice"),
    [
        ("choice", "ship", "ship"),
        ("choice", ["a", "b"], "a, b"),
        ("data", {"decisions": [{"type": "reject"}, {"type": "approve"}, {"type": "approve"}]}, "approve, reject"),
        ("data", [{"type": "accept", "args": None}], "accept"),
        ("schema", {"verdict": "change", "wish": "shorter"}, "change"),
        ("schema", {"approved": False}, "no"),
        ("schema", True, "yes"),
        ("text", "a long story", ""),
        ("schema", {"wish": "shorter"}, ""),
        ("choice", "x" * 50, ""),
    ],
)
def test_which_way_an_answer_went(kind: str, answer: Any, choice: str) -> None:
    from hitl import codec

    assert precedents.choice(Interrupt(kind=kind, answer=codec.encode(answer))) == choice


def test_the_page_says_so_before_the_button(ana: User, django_assert_max_num_queries: Any) -> None:
    for _ in range(3):
        asked(10, "approve")
    question = asked(20)
    client = Client()
    client.force_login(ana)
    page = client.get(reverse("reviewer:question", args=[question.id])).content.decode()
    assert page.index("This workflow can cause") < page.index("data-answer")
    where = reverse("reviewer:precedents", args=[question.id])
    assert f'hx-get="{where}"' in page and f'href="{where}"' in page
    with django_assert_max_num_queries(5):
        html = client.get(where, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in html and "<html" in client.get(where).content.decode()
    assert "After “approve”" in html and "3 of 3" in html
    assert "Decided before" in html
