"""The Admin shows evidence, changes none of it, and acts through the verbs alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from pytest_django import DjangoAssertNumQueries

from hitl import facts, testing, verbs
from hitl.models import Checkpoint, Interrupt, Run, Thread
from reviewer.admin_lists import FACT_KINDS

pytestmark = pytest.mark.django_db

MODELS = ["thread", "run", "checkpoint", "interrupt"]


@pytest.fixture
def admin(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


@pytest.fixture
def operator(cleo: User) -> Client:
    """Staff without a single permission."""
    cleo.is_staff = True
    cleo.save()
    client = Client()
    client.force_login(cleo)
    return client


@pytest.fixture
def paused(db: Any) -> Thread:
    verbs.start("graph", "foo", thread_id="one", metadata={"order": "A-7"})
    testing.drain()
    return Thread.objects.get(pk="one")


def changelist(model: str) -> str:
    return reverse(f"admin:hitl_{model}_changelist")


def page(row: Any) -> str:
    return reverse(f"admin:hitl_{row._meta.model_name}_change", args=[row.pk])


def act(client: Client, model: str, action: str, *rows: Any, **more: str) -> Any:
    data = {"action": action, "_selected_action": [row.pk for row in rows], **more}
    return client.post(changelist(model), data, follow=True)


def told(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


@pytest.mark.parametrize("model", MODELS)
def test_every_table_is_listed_and_searched(admin: Client, paused: Thread, model: str) -> None:
    listed = admin.get(changelist(model))
    assert listed.status_code == 200
    assert listed.context["cl"].result_count > 0
    assert admin.get(changelist(model), {"q": "one"}).status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_nothing_can_be_added_changed_or_deleted(admin: Client, paused: Thread, model: str) -> None:
    row = {"thread": Thread, "run": Run, "checkpoint": Checkpoint, "interrupt": Interrupt}[model].objects.first()
    assert admin.get(reverse(f"admin:hitl_{model}_add")).status_code == 403
    assert admin.get(reverse(f"admin:hitl_{model}_delete", args=[row.pk])).status_code == 403
    assert admin.post(page(row), {"status": "idle"}).status_code == 403
    assert act(admin, model, "delete_selected", row).status_code == 200
    assert type(row).objects.filter(pk=row.pk).exists()


def test_a_thread_shows_its_state_and_the_way_to_its_facts(admin: Client, paused: Thread) -> None:
    text = admin.get(page(paused)).content.decode()
    assert "A-7" in text
    assert f"{changelist('checkpoint')}?thread__id__exact=one" in text
    assert reverse("reviewer:thread", args=["one"]) in text


def test_the_facts_of_one_thread_can_be_listed(admin: Client, paused: Thread) -> None:
    verbs.start("graph", "bar", thread_id="two")
    rows = admin.get(changelist("checkpoint"), {"thread__id__exact": "one"}).context["cl"].result_list
    assert {row.thread_id for row in rows} == {"one"}
    assert len(rows) == paused.seq


def test_the_last_output_is_shown(admin: Client, paused: Thread) -> None:
    verbs.answer(Interrupt.objects.get().pk, "baz", version=1)
    testing.drain()
    assert "foo bar baz qux" in admin.get(page(paused)).content.decode()


def test_values_are_shown_as_people_read_them(admin: Client, paused: Thread) -> None:
    text = admin.get(page(Checkpoint.objects.get(kind="task"))).content.decode()
    assert "foo bar" in text
    question = admin.get(page(Interrupt.objects.get())).content.decode()
    assert "Please provide feedback: foo bar" in question
    assert reverse("reviewer:question", args=[Interrupt.objects.get().pk]) in question


def test_a_value_is_text_and_never_markup(admin: Client) -> None:
    verbs.start("graph", "<script>alert(1)</script>", thread_id="xss")
    text = admin.get(page(Checkpoint.objects.get(kind="input"))).content.decode()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;" in text


def test_a_huge_value_is_cut(admin: Client) -> None:
    verbs.start("graph", "x" * 100_000, thread_id="huge")
    response = admin.get(page(Checkpoint.objects.get(kind="input")))
    assert b"more characters" in response.content
    assert len(response.content) < 60_000


def test_an_unreadable_value_is_shown_as_it_is_stored(admin: Client, paused: Thread) -> None:
    Checkpoint.objects.filter(kind="task").update(value="{broken")
    assert "{broken" in admin.get(page(Checkpoint.objects.get(kind="task"))).content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_a_list_asks_the_database_as_often_for_many_rows_as_for_one(
    admin: Client, paused: Thread, ben: User, model: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(5):
        verbs.start("graph", "foo", thread_id=f"n{number}", by=ben)
    testing.drain()
    for question in Interrupt.objects.all():
        verbs.assign(question.pk, to=ben)
    with django_assert_max_num_queries(6):
        admin.get(changelist(model))


def test_staff_without_permission_see_nothing(operator: Client, paused: Thread) -> None:
    assert operator.get(changelist("thread")).status_code == 403


def test_who_administers_sees_and_acts(operator: Client, cleo: User, paused: Thread) -> None:
    grant(cleo, "administer_thread")
    assert operator.get(changelist("thread")).status_code == 200
    act(operator, "thread", "cancel", paused, confirmed="yes")
    assert Thread.objects.get().status == "idle"


def test_who_may_only_view_cannot_act(operator: Client, cleo: User, paused: Thread) -> None:
    grant(cleo, "view_thread")
    assert operator.get(changelist("thread")).status_code == 200
    act(operator, "thread", "cancel", paused, confirmed="yes")
    assert Thread.objects.get().status == "interrupted"


def test_cancel_asks_first_and_then_records_who_and_why(admin: Client, paused: Thread) -> None:
    asked = act(admin, "thread", "cancel", paused)
    assert "Cancel these threads" in asked.content.decode()
    assert Thread.objects.get().status == "interrupted"

    done = act(admin, "thread", "cancel", paused, confirmed="yes", reason="ordered twice")
    assert told(done) == ["Cancelled: 1 thread."]
    fact = Checkpoint.objects.get(kind="cancel")
    assert '"by_name": "ana"' in fact.detail
    assert '"channel": "admin"' in fact.detail
    assert "ordered twice" in fact.detail
    assert Interrupt.objects.get().status == "cancelled"


def test_what_a_verb_refuses_is_told_for_each_object_and_the_rest_goes_on(admin: Client, paused: Thread) -> None:
    verbs.start("graph", "foo", thread_id="two")
    testing.drain()
    verbs.cancel("two")
    done = act(admin, "thread", "cancel", paused, Thread.objects.get(pk="two"), confirmed="yes")
    assert "Cancelled: 1 thread." in told(done)
    assert any("two" in message and "Nothing was cancelled" in message for message in told(done))
    assert Thread.objects.get(pk="one").status == "idle"


def test_retry_of_what_did_not_fail_is_a_message(admin: Client, paused: Thread) -> None:
    (message,) = told(act(admin, "thread", "retry", paused))
    assert "Only a run that failed can be retried" in message


def test_a_question_is_taken_and_given_back(admin: Client, ana: User, paused: Thread) -> None:
    question = Interrupt.objects.get()
    act(admin, "interrupt", "assign_to_me", question)
    assert Interrupt.objects.get().assignee == ana
    act(admin, "interrupt", "release", question)
    assert Interrupt.objects.get().assignee is None
    assert Checkpoint.objects.filter(kind="assign").count() == 2


def test_a_thread_id_may_be_any_text(admin: Client) -> None:
    thread_id = "orders/2026 ~ä?#"
    verbs.start("graph", "foo", thread_id=thread_id)
    row = Thread.objects.get()
    address = reverse("admin:hitl_thread_change", args=[quote(row.pk)])
    assert admin.get(address).status_code == 200
    assert admin.get(changelist("run")).status_code == 200


def grant(user: User, codename: str) -> None:
    user.user_permissions.add(Permission.objects.get(content_type__app_label="hitl", codename=codename))


def test_facts_can_be_filtered_by_every_kind_there_is() -> None:
    told = (facts.__doc__ or "").partition("-----\n")[2].partition("\n\n")[0]
    assert sorted(FACT_KINDS) == sorted(line.split()[0] for line in told.splitlines())
