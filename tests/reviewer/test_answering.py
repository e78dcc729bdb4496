"""An answer given on the page: taken once, refused with reasons, or told who was first."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from hitl import codec, verbs
from hitl.models import Checkpoint, Interrupt
from hitl.testing import drain
from tests.reviewer.factories import form_of, question, questions

HTMX = {"HX-Request": "true"}


@pytest.fixture
def desk(client: Client, ben: User) -> Client:
    client.force_login(ben)
    return client


def answer_url(asked: Interrupt, query: str = "") -> str:
    return reverse("reviewer:answer", args=[asked.id]) + query


def answers(asked: Interrupt) -> list[Checkpoint]:
    return list(Checkpoint.objects.of(asked.thread_id).filter(kind="answer"))


def stored(asked: Interrupt) -> Any:
    asked.refresh_from_db()
    assert asked.answer is not None
    return codec.plain(asked.answer)


def test_an_answer_redirects_to_the_queue_and_the_run_goes_on(desk: Client, ben: User) -> None:
    asked = question("Ship it?")
    response = desk.post(answer_url(asked), form_of(asked, answer="yes, please"))
    assert (response.status_code, response["Location"]) == (303, "/")
    assert stored(asked) == "yes, please"
    assert (asked.answered_by, asked.channel) == (ben, "web")
    drain()
    asked.thread.refresh_from_db()
    assert asked.thread.status == "idle"


def test_the_queue_says_how_many_are_left_and_links_to_the_run(desk: Client) -> None:
    first, *_ = questions(3)
    response = desk.post(answer_url(first), form_of(first, answer="a"), follow=True)
    page = response.content.decode()
    assert "Answered “Number 1”. 2 left." in page
    assert f'<a href="/runs/{first.thread_id}/">Watch the run</a>' in page


def test_the_next_question_follows_in_the_order_of_the_queue(desk: Client) -> None:
    first, second, third = questions(3)
    response = desk.post(answer_url(second), form_of(second, answer="a"))
    assert response["Location"] == f"/questions/{first.id}/"
    response = desk.post(answer_url(first, "?order=oldest"), form_of(first, answer="a"))
    assert response["Location"] == f"/questions/{third.id}/?order=oldest"
    assert desk.post(answer_url(third), form_of(third, answer="a"))["Location"] == "/"


def test_or_the_queue_with_the_cursor_on_it(desk: Client) -> None:
    desk.cookies["desk_after"] = "queue"
    first, second, third = questions(3)
    response = desk.post(answer_url(second), form_of(second, answer="a"))
    assert response["Location"] == f"/#q-{first.id}"
    response = desk.post(answer_url(first, "?order=oldest"), form_of(first, answer="a"))
    assert response["Location"] == f"/?order=oldest#q-{third.id}"


def test_htmx_is_redirected_by_a_header(desk: Client) -> None:
    asked = question()
    response = desk.post(answer_url(asked), form_of(asked, answer="yes"), headers=HTMX)
    assert (response.status_code, response["HX-Redirect"]) == (200, "/")


def test_the_same_submit_twice_is_one_answer(desk: Client) -> None:
    asked = question()
    posted = form_of(asked, token="one", answer="yes")
    assert [desk.post(answer_url(asked), posted).status_code for _ in range(2)] == [303, 303]
    assert len(answers(asked)) == 1


def test_line_ends_are_those_that_were_typed(desk: Client) -> None:
    asked = question()
    desk.post(answer_url(asked), form_of(asked, answer="one\r\ntwo "))
    assert stored(asked) == "one\ntwo "


class TestRefused:
    """422: the form again, with its errors, and nothing lost or written."""

    SCHEMA = {
        "type": "object",
        "required": ["decision", "score"],
        "properties": {
            "decision": {"enum": ["ship", "hold"], "title": "Decision"},
            "score": {"type": "integer", "minimum": 1, "maximum": 5, "title": "Score"},
            "note": {"type": "string", "title": "Note"},
        },
    }

    def test_an_empty_answer(self, desk: Client) -> None:
        asked = question()
        response = desk.post(answer_url(asked), form_of(asked, answer="  "))
        assert response.status_code == 422
        assert "Write an answer first." in response.content.decode()

    def test_errors_stand_at_their_fields_and_what_was_typed_stays(self, desk: Client) -> None:
        asked = question({"question": "Rate"}, schema=self.SCHEMA)
        posted = {"answer.decision": "0", "answer.score": "9", "answer.note": "careful <b>"}
        response = desk.post(answer_url(asked), form_of(asked, token="mine", **posted))
        page = response.content.decode()
        assert response.status_code == 422
        assert 'id="id_answer.score_error"' in page
        assert 'id="id_answer.note_error"' not in page
        assert "careful &lt;b&gt;" in page
        assert 'value="mine"' in page, "the token is still that of the first submit"
        assert answers(asked) == []

    def test_the_cursor_goes_to_the_first_error(self, desk: Client) -> None:
        asked = question({"question": "Rate"}, schema=self.SCHEMA)
        response = desk.post(answer_url(asked), form_of(asked, **{"answer.decision": "0"}))
        field = response.context["form"].fields["answer.score"]
        assert field.widget.attrs["autofocus"]

    def test_htmx_gets_the_form_alone(self, desk: Client) -> None:
        asked = question()
        response = desk.post(answer_url(asked), form_of(asked, answer=""), headers=HTMX)
        page = response.content.decode()
        assert response.status_code == 422
        assert page.lstrip().startswith('<section id="answer"')
        assert "<html" not in page

    def test_a_form_without_a_version(self, desk: Client) -> None:
        asked = question()
        response = desk.post(answer_url(asked), {"answer": "yes"})
        assert response.status_code in (409, 422)
        assert answers(asked) == []

    def test_a_value_over_the_limit(self, desk: Client) -> None:
        asked = question()
        response = desk.post(answer_url(asked), form_of(asked, answer="x" * 1_500_000))
        assert response.status_code == 422
        assert "x" * 1000 in response.content.decode()
        assert answers(asked) == []


class TestOvertaken:
    """409: who answered what and when, in place; what was typed stays."""

    def test_somebody_answered_first(self, desk: Client, ana: User) -> None:
        asked = question()
        verbs.answer(asked.id, "no", version=1, by=ana)
        response = desk.post(answer_url(asked), form_of(asked, answer="yes, because"))
        page = response.content.decode()
        assert response.status_code == 409
        assert "ana answered first" in page
        assert "<strong>no</strong>" in page
        assert "yes, because" in page
        assert "readonly" in page
        assert stored(asked) == "no"

    def test_the_same_answer_is_said_to_be_the_same(self, desk: Client, ana: User) -> None:
        asked = question()
        verbs.answer(asked.id, "yes", version=1, by=ana)
        page = desk.post(answer_url(asked), form_of(asked, answer="yes")).content.decode()
        assert "ana answered first, the same as you" in page

    def test_htmx_gets_the_panel_alone(self, desk: Client, ana: User) -> None:
        asked = question()
        verbs.answer(asked.id, "no", version=1, by=ana)
        response = desk.post(answer_url(asked), form_of(asked, answer="yes"), headers=HTMX)
        assert response.status_code == 409
        assert response.content.decode().lstrip().startswith('<section id="answer"')

    def test_a_conflict_comes_before_errors_in_the_form(self, desk: Client, ana: User) -> None:
        asked = question()
        verbs.answer(asked.id, "no", version=1, by=ana)
        assert desk.post(answer_url(asked), form_of(asked, answer="")).status_code == 409

    def test_an_answer_to_an_older_version(self, desk: Client) -> None:
        asked = question()
        response = desk.post(answer_url(asked), {**form_of(asked, answer="yes"), "version": 7})
        assert response.status_code == 409
        assert "has changed since you read it" in response.content.decode()

    def test_a_question_that_was_cancelled(self, desk: Client, ana: User) -> None:
        asked = question()
        verbs.cancel(asked.thread_id, by=ana)
        response = desk.post(answer_url(asked), form_of(asked, answer="yes"))
        assert response.status_code == 409
        assert "no longer open" in response.content.decode()


def test_the_page_of_an_answered_question_says_who_and_what(desk: Client, ana: User) -> None:
    asked = question()
    verbs.answer(asked.id, "no", version=1, by=ana)
    response = desk.get(reverse("reviewer:question", args=[asked.id]))
    page = response.content.decode()
    assert response.status_code == 200
    assert "<strong>no</strong>" in page
    assert "ana" in page
    assert "<textarea" not in page[: page.index('id="talk"')]


def test_the_state_is_empty_until_somebody_else_decides(desk: Client, ana: User) -> None:
    asked = question()
    url = reverse("reviewer:question_state", args=[asked.id]) + "?version=1"
    assert desk.get(url).content.decode().strip() == ""
    verbs.answer(asked.id, "no", version=1, by=ana)
    assert "ana answered this" in desk.get(url).content.decode()
