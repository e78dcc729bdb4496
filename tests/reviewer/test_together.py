"""Several questions decided together: each by its own form and its own version, with a report of what was not done."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.http import QueryDict
from django.test import Client
from django.urls import reverse

from hitl import codec, verbs
from hitl.models import Interrupt
from hitl.testing import drain
from reviewer import drafts, together
from reviewer.forms.kinds import form_for
from tests.reviewer.factories import question

pytestmark = pytest.mark.django_db
WHERE = "/queue/together/"


@pytest.fixture
def desk(client: Client, ben: User) -> Client:
    client.force_login(ben)
    return client


def choice(number: int, options: tuple[str, ...] = ("ship", "hold")) -> Interrupt:
    return question({"question": f"Number {number}?", "options": list(options)})


def refund(amount: int) -> Interrupt:
    return question(
        {"question": f"Refund {amount}?"},
        schema={
            "oneOf": [
                {
                    "title": "Approve",
                    "type": "object",
                    "properties": {"decision": {"const": "yes"}, "amount": {"type": "integer", "default": amount}},
                    "required": ["decision", "amount"],
                },
                {
                    "title": "Refuse",
                    "type": "object",
                    "properties": {
                        "decision": {"const": "no"},
                        "why": {"type": "string", "minLength": 1, "title": "Why"},
                    },
                    "required": ["decision", "why"],
                },
            ]
        },
    )


def picks(*asked: Interrupt) -> list[str]:
    return [f"{one.id}:{one.version}" for one in asked]


def answers(*asked: Interrupt) -> list[Any]:
    found = [Interrupt.objects.get(id=one.id) for one in asked]
    return [codec.plain(one.answer) if one.answer is not None else None for one in found]


def test_the_choice_that_all_have_is_made_in_each(desk: Client, ben: User) -> None:
    asked = [*(choice(number) for number in range(2)), choice(2, ("hold", "ship"))]
    page = desk.get(WHERE, {"pick": picks(*asked)}).content.decode()
    assert "ship: all selected" in page and page.count('name="pick"') == 3
    response = desk.post(WHERE, {"pick": picks(*asked), "choice": "ship", "token": "t"})
    assert "3 of 3 answered" in response.content.decode()
    assert answers(*asked) == ["ship"] * 3
    assert {one.answered_by_id for one in Interrupt.objects.all()} == {ben.pk}


def test_with_everything_else_as_each_proposes(desk: Client) -> None:
    asked = [refund(10), refund(99)]
    desk.post(WHERE, {"pick": picks(*asked), "choice": "Approve", "token": "t"})
    assert answers(*asked) == [{"decision": "yes", "amount": 10}, {"decision": "yes", "amount": 99}]


def test_what_needs_more_is_told_and_stays(desk: Client) -> None:
    asked = [refund(10), refund(99)]
    page = desk.post(WHERE, {"pick": picks(*asked), "choice": "Refuse", "token": "t"}).content.decode()
    assert "0 of 2 answered" in page and "Why: " in page
    assert answers(*asked) == [None, None]


def test_only_shared_choices_are_offered(desk: Client) -> None:
    page = desk.get(WHERE, {"pick": picks(choice(1), refund(10))}).content.decode()
    assert "share no choice" in page and "all selected</button>" not in page
    mixed = together.choices(together.read(picks(choice(1), choice(2, ("hold", "burn")))))
    assert mixed == ["hold"]


def test_alike_questions_take_one_form(desk: Client) -> None:
    asked = [question("Why?"), question("Why?")]
    assert "Send to all selected" in desk.get(WHERE, {"pick": picks(*asked)}).content.decode()
    desk.post(WHERE, {"pick": picks(*asked), "token": "t", "answer": "because"})
    assert answers(*asked) == ["because"] * 2


def test_but_not_where_anything_proposed_differs(desk: Client) -> None:
    asked = [refund(10), refund(99)]
    assert together.shared_form(together.read(picks(*asked))) is None
    desk.post(WHERE, {"pick": picks(*asked), "token": "t", "answer.choice": "0", "answer.0.amount": "5"})
    assert answers(*asked) == [None, None]


class TestDrafts:
    """What a person has typed in one of them counts there, and is not lost."""

    def typed(self, asked: Interrupt, person: User, **fields: str) -> None:
        data = QueryDict(mutable=True)
        data.update(fields)
        drafts.save(form_for(asked), question=asked, person=person, data=data, version=1)

    def test_a_choice_for_all_is_made_with_what_was_typed_there(self, desk: Client, ben: User) -> None:
        asked = [refund(10), refund(99)]
        self.typed(asked[0], ben, **{"answer.1.why": "Too late."})
        page = desk.get(WHERE, {"pick": picks(*asked)}).content.decode()
        assert page.count("with what you have typed") == 1
        report = desk.post(WHERE, {"pick": picks(*asked), "choice": "Refuse", "token": "t"}).content.decode()
        assert "1 of 2 answered" in report
        assert answers(*asked) == [{"decision": "no", "why": "Too late."}, None]

    def test_it_stands_in_the_form_again_when_the_answer_is_undone(
        self, desk: Client, ben: User, settings: Any
    ) -> None:
        settings.HITL_UNDO_SECONDS = 60
        asked = refund(10)
        self.typed(asked, ben, **{"answer.0.amount": "7"})
        desk.post(WHERE, {"pick": picks(asked), "choice": "Approve", "token": "t"})
        assert answers(asked) == [{"decision": "yes", "amount": 7}]
        asked.refresh_from_db()
        verbs.undo(asked.id, version=asked.version, by=ben)
        form = desk.get(f"/questions/{asked.id}/").context["form"]
        assert form["answer.0.amount"].value() == "7"

    def test_a_form_for_all_begins_with_what_was_typed_and_is_kept_as_it_was_sent(
        self, desk: Client, ben: User
    ) -> None:
        asked = [question("Why?"), question("Why?")]
        self.typed(asked[1], ben, answer="since it")
        page = desk.get(WHERE, {"pick": picks(*asked)})
        assert page.context["form"]["answer"].value() == "since it"
        desk.post(WHERE, {"pick": picks(*asked), "token": "t", "answer": "because"})
        assert answers(*asked) == ["because"] * 2
        kept = [drafts.of(one, ben) for one in asked]
        assert [one.fields for one in kept if one] == [{"answer": ["because"]}, {"answer": ["since it"]}]

    def test_a_colleagues_draft_is_theirs(self, desk: Client, ana: User) -> None:
        asked = [refund(10), refund(99)]
        self.typed(asked[0], ana, **{"answer.0.amount": "7"})
        desk.post(WHERE, {"pick": picks(*asked), "choice": "Approve", "token": "t"})
        assert answers(*asked) == [{"decision": "yes", "amount": 10}, {"decision": "yes", "amount": 99}]


def test_one_that_is_left_of_those_that_share_a_form_is_sent(desk: Client) -> None:
    asked = [question("Why?"), question("Why?")]
    desk.post(WHERE, {"pick": picks(asked[0]), "token": "t", "answer": "because"})
    assert answers(*asked) == ["because", None]


def test_one_that_was_answered_meanwhile_says_by_whom(desk: Client) -> None:
    asked = [choice(1), choice(2)]
    chosen = picks(*asked)
    verbs.answer(asked[0].id, "hold", version=1, by="ana")
    drain()
    page = desk.post(WHERE, {"pick": chosen, "choice": "ship", "token": "t"}).content.decode()
    assert "1 of 2 answered" in page and "ana answered first." in page
    assert answers(*asked) == ["hold", "ship"]


def test_one_that_changed_meanwhile_is_not_answered(desk: Client) -> None:
    asked = choice(1)
    chosen = picks(asked)
    Interrupt.objects.filter(id=asked.id).update(version=2)
    page = desk.post(WHERE, {"pick": chosen, "choice": "ship", "token": "t"}).content.decode()
    assert "has changed since you selected it" in page
    assert answers(asked) == [None]


def test_the_same_submit_twice_is_one_answer_each(desk: Client) -> None:
    asked = choice(1)
    posted = {"pick": picks(asked), "choice": "ship", "token": "t"}
    for _ in range(2):
        desk.post(WHERE, posted)
    asked.refresh_from_db()
    assert asked.thread.checkpoints.filter(kind="answer").count() == 1


@pytest.mark.parametrize("pick", ["", "nonsense", "x:y", "gone:1", ":1", "x:99999999999999999999"])
def test_nonsense_selects_nothing(desk: Client, pick: str) -> None:
    response = desk.get(WHERE, {"pick": [pick]})
    assert response.status_code == 200
    assert "Nothing is selected" in response.content.decode()


def test_it_takes_the_permission_to_answer(client: Client, cleo: User) -> None:
    client.force_login(cleo)
    asked = choice(1)
    assert client.post(WHERE, {"pick": picks(asked), "choice": "ship"}).status_code == 403
    assert "pick" not in client.get(reverse("reviewer:queue")).content.decode()
