"""Comments beside a question: remarks, mentions, and questions back, while the question itself stays open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from hitl import verbs
from hitl.models import Interrupt
from hitl.testing import drain
from reviewer import people
from reviewer.models import Comment, Mention
from tests.reviewer.factories import form_of, question, questions

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_user() -> Callable[[User], Client]:
    def sign_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return sign_in


@pytest.fixture
def desk(as_user: Callable[[User], Client], ben: User) -> Client:
    return as_user(ben)


def say(desk: Client, asked: Interrupt, text: str = "Really?", **more: Any) -> Any:
    return desk.post(reverse("reviewer:comment", args=[asked.id]), {"text": text, **more})


def page(desk: Client, asked: Interrupt) -> str:
    return desk.get(reverse("reviewer:question", args=[asked.id])).content.decode()


def queue(desk: Client, **given: str) -> str:
    return desk.get(reverse("reviewer:queue"), given).content.decode()


class TestComments:
    def test_a_remark_stands_on_the_page_under_its_authors_name(self, desk: Client, cleo: User, as_user: Any) -> None:
        asked = question()
        response = say(desk, asked, "Is it **broken**?")
        assert response.status_code == 303
        html = page(as_user(cleo), asked)
        assert "<strong>ben</strong>" in html
        assert "Is it <strong>broken</strong>?" in html
        asked.refresh_from_db()
        assert asked.status == "pending"

    def test_with_htmx_only_the_comments_come_back(self, desk: Client) -> None:
        asked = question()
        response = desk.post(
            reverse("reviewer:comment", args=[asked.id]), {"text": "x"}, headers={"HX-Request": "true"}
        )
        assert response.status_code == 200
        assert response.content.decode().startswith('<section id="talk"')

    def test_its_text_is_harmless(self, desk: Client) -> None:
        asked = question()
        say(desk, asked, "<script>alert(1)</script> [x](javascript:alert) ![i](https://example.com/i) @ben<img src=x>")
        html = page(desk, asked)
        section = html[html.index('id="said"') :]
        assert "<script>alert" not in section
        assert 'href="javascript' not in section
        assert "<img" not in section

    def test_it_survives_its_author(self, desk: Client, ben: User, ana: User, as_user: Any) -> None:
        asked = question()
        say(desk, asked)
        ben.delete()
        assert "<strong>ben</strong>" in page(as_user(ana), asked)

    @pytest.mark.parametrize(("text", "told"), [("  ", "Write something first"), ("x" * 20_001, "Shorten it by 1")])
    def test_what_cannot_be_taken_is_told_and_kept(self, desk: Client, text: str, told: str) -> None:
        response = say(desk, question(), text)
        assert response.status_code == 422
        assert told in response.content.decode()
        assert text in response.content.decode()
        assert not Comment.objects.exists()

    def test_who_may_not_answer_may_not_comment(self, cleo: User, as_user: Any) -> None:
        asked = question()
        assert say(as_user(cleo), asked).status_code == 403
        assert 'id="comment-text"' not in page(as_user(cleo), asked)

    def test_a_settled_question_can_be_talked_about(self, desk: Client) -> None:
        asked = question()
        verbs.answer(asked.id, "yes", version=1)
        drain()
        assert say(desk, asked).status_code == 303

    def test_the_run_shows_them_all(self, desk: Client) -> None:
        asked = question()
        say(desk, asked, "beside the run")
        address = reverse("reviewer:run_comments", args=[asked.thread_id])
        assert address in desk.get(reverse("reviewer:thread", args=[asked.thread_id])).content.decode()
        assert "beside the run" in desk.get(address).content.decode()


class TestMentions:
    def test_names_of_people_who_exist_stand_out(self, desk: Client, ana: User) -> None:
        asked = question()
        say(desk, asked, "@ana, and @nobody; `@ana` mail@ana.example")
        html = page(desk, asked)
        assert "<strong>@ana</strong>, and @nobody; <code>@ana</code> mail@ana.example" in html

    def test_who_is_mentioned_finds_it_until_they_reply(self, desk: Client, ana: User, as_user: Any) -> None:
        asked, other = question("Which lamp?"), question("Ship it?")
        say(desk, asked, "what do you say, @ana.")
        anas = as_user(ana)
        assert '<span class="hidden-text">Asked of me: </span>1' in queue(anas)
        found = queue(anas, asked="1")
        assert "Which lamp?" in found and "Ship it?" not in found
        say(anas, asked, "the red one")
        assert "Asked of me: " not in queue(anas)
        assert "Which lamp?" not in queue(anas, asked="1")
        assert other.status == "pending"

    def test_or_puts_it_aside(self, desk: Client, ana: User, as_user: Any) -> None:
        asked = question()
        say(desk, asked, "@ana look")
        anas = as_user(ana)
        assert "Put aside" in page(anas, asked)
        anas.post(reverse("reviewer:put_aside", args=[asked.id]))
        assert not Mention.objects.exists()
        assert "Put aside" not in page(anas, asked)

    def test_not_of_questions_that_are_settled(self, desk: Client, ana: User, as_user: Any) -> None:
        asked = question()
        say(desk, asked, "@ana look")
        verbs.answer(asked.id, "yes", version=1)
        assert "Asked of me: " not in queue(as_user(ana))

    def test_nobody_mentions_themselves_or_who_has_left(self, desk: Client, ana: User) -> None:
        ana.is_active = False
        ana.save()
        say(desk, question(), "@ben @ana")
        assert not Mention.objects.exists()

    @pytest.mark.parametrize("text", ["`@ana`", "    @ana", "```\n@ana\n```", "mail@ana", "x@ana.example"])
    def test_nor_in_code_or_an_address(self, ana: User, text: str) -> None:
        assert people.mentioned(text) == []

    @pytest.mark.parametrize("text", ["(@ana)", "**@ana**", "@ana.", "@ana, x", "x\n@ana", "@ana's"])
    def test_what_stands_around_a_name_is_none_of_it(self, ana: User, text: str) -> None:
        assert people.mentioned(text) == [ana]


class TestAskingBack:
    def test_the_row_says_who_is_waited_for_and_the_question_stays_open(self, desk: Client, ana: User) -> None:
        asked = question()
        say(desk, asked, "Which one?", ask="ana")
        assert "waiting for ana" in queue(desk)
        assert "Waiting for ana" in page(desk, asked)
        response = desk.post(reverse("reviewer:answer", args=[asked.id]), form_of(asked, answer="yes"))
        assert response.status_code == 303

    def test_until_they_reply(self, desk: Client, cleo: User, as_user: Any) -> None:
        asked = question()
        say(desk, asked, "Which one?", ask="cleo")
        cleos = as_user(cleo)
        assert "Asked of me: " in queue(cleos)
        assert say(cleos, asked, "The red one").status_code == 303
        assert "waiting for" not in queue(desk)
        assert "cleo replied" in page(desk, asked)
        assert say(cleos, asked, "And the lamp").status_code == 303, "who was asked may go on"

    def test_or_who_asked_takes_it_back(self, desk: Client, ana: User) -> None:
        asked = question()
        say(desk, asked, "Which one?", ask="ana")
        address = reverse("reviewer:withdraw_comment", args=[asked.id, Comment.objects.get().pk])
        desk.post(address)
        assert "waiting for" not in queue(desk)
        assert "Withdrawn by ben" in page(desk, asked)
        assert not Mention.objects.exists()
        assert desk.post(address).status_code == 409

    def test_nobody_else_takes_it_back(self, desk: Client, ana: User, cleo: User, as_user: Any) -> None:
        asked = question()
        say(desk, asked, "Which one?", ask="ana")
        address = reverse("reviewer:withdraw_comment", args=[asked.id, Comment.objects.get().pk])
        assert as_user(cleo).post(address).status_code == 403
        assert as_user(ana).post(address).status_code == 303, "who administers may"

    def test_putting_aside_is_no_reply(self, desk: Client, ana: User, as_user: Any) -> None:
        asked = question()
        say(desk, asked, "Which one?", ask="ana")
        as_user(ana).post(reverse("reviewer:put_aside", args=[asked.id]))
        assert "waiting for ana" in queue(desk)

    def test_who_started_the_run_is_asked_unless_told(self, desk: Client, ana: User) -> None:
        assert 'value="ana"' in page(desk, question(by=ana))

    @pytest.mark.parametrize(
        ("name", "told"), [("nobody", "nobody called “nobody”"), ("", "whom you ask"), ("ben", "you")]
    )
    def test_a_name_that_cannot_be_asked(self, desk: Client, name: str, told: str) -> None:
        response = say(desk, question(), "Which?", ask=name)
        assert response.status_code == 422
        assert told in response.content.decode()
        assert "Which?" in response.content.decode()

    def test_names_are_suggested(self, desk: Client, ana: User) -> None:
        html = desk.get(reverse("reviewer:names"), {"ask": "a"}).content.decode()
        assert 'value="ana"' in html and "ben" not in html


class TestAssigning:
    def assign(self, desk: Client, asked: Interrupt, name: str) -> Any:
        return desk.post(reverse("reviewer:assign", args=[asked.id]), {"to": "name", "name": name}, follow=True)

    def test_who_administers_gives_it_to_a_colleague(self, ana: User, ben: User, as_user: Any) -> None:
        asked = question()
        self.assign(as_user(ana), asked, "ben")
        asked.refresh_from_db()
        assert asked.assignee == ben

    @pytest.mark.parametrize("name", ["cleo", "nobody", ""])
    def test_only_to_somebody_who_may_answer(self, ana: User, cleo: User, as_user: Any, name: str) -> None:
        asked = question()
        assert "Nobody of that name may answer" in self.assign(as_user(ana), asked, name).content.decode()
        asked.refresh_from_db()
        assert asked.assignee is None

    def test_nobody_else_does(self, desk: Client, ana: User) -> None:
        asked = question()
        assert self.assign(desk, asked, "ana").status_code == 403
        assert 'id="assign-name"' not in page(desk, asked)


def test_the_pages_take_at_most_eight_queries(
    desk: Client, ana: User, cleo: User, as_user: Any, django_assert_max_num_queries: Any
) -> None:
    asked, *_ = questions(4)
    say(as_user(ana), asked, "@ben look")
    say(as_user(ana), asked, "Which one?", ask="ben")
    for client in (desk, as_user(ana)):
        with django_assert_max_num_queries(8):
            page(client, asked)
        with django_assert_max_num_queries(8):
            queue(client)
        with django_assert_max_num_queries(8):
            client.get(reverse("reviewer:around", args=[asked.id]))


def test_the_admin_shows_comments_and_changes_none(desk: Client, ana: User, as_user: Any) -> None:
    say(desk, question(), "Really?", ask="ana")
    said, admin = Comment.objects.get(), as_user(ana)
    listed = admin.get(reverse("admin:reviewer_comment_changelist"), {"q": "Really"})
    assert "ben" in listed.content.decode()
    where = reverse("admin:reviewer_comment_change", args=[said.pk])
    assert "Really?" in admin.get(where).content.decode()
    assert admin.post(where, {"text": "No."}).status_code == 403
    assert admin.get(reverse("admin:reviewer_comment_delete", args=[said.pk])).status_code == 403
