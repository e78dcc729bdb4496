"""The Admin's lists and searches find what is meant, and read an index for it, however many rows there are."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from bench import filling
from hitl import testing, verbs
from hitl.models import Checkpoint, Interrupt, Run, Thread
from reviewer import admin_lists

PENDING, TOTAL = 2_000, 20_000
WHOLE = re.compile(r"Seq Scan on hitl_|SCAN hitl_(interrupt|thread)$", re.MULTILINE)
# What was found may be put in order; the table may not.
SORTED = re.compile(r"Sort|USE TEMP B-TREE")


@pytest.fixture
def admin(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


def listed(admin: Client, model: str, **query: str) -> list[Any]:
    response = admin.get(reverse(f"admin:hitl_{model}_changelist"), query)
    assert response.status_code == 200
    return list(response.context["cl"].result_list)


@pytest.mark.django_db
class TestWhatIsFound:
    @pytest.fixture(autouse=True)
    def there(self, ben: User) -> None:
        verbs.start("graph", "Alpaca", thread_id="order-1", by=ben, idempotency_key="key-1")
        verbs.start("graph", "Badger", thread_id="order-2", by="cron")
        verbs.start("article", {"subject": "Cheetah"}, thread_id="post-1", by=ben)
        testing.drain()

    @pytest.mark.parametrize(
        ("words", "threads"),
        [
            ("order-1", ["order-1"]),
            ("order-", ["order-2", "order-1"]),
            ("rder", []),
            ("ORDER", []),
            ("graph", ["order-2", "order-1"]),
            ("Graph order-2", ["order-2"]),
            ("% _", []),
        ],
    )
    def test_threads(self, admin: Client, words: str, threads: list[str]) -> None:
        assert [thread.pk for thread in listed(admin, "thread", q=words)] == threads

    def test_runs(self, admin: Client) -> None:
        first = Run.objects.get(thread="order-1")
        for words in (first.pk, "order-1", "key-1", "ben order-1"):
            assert listed(admin, "run", q=words) == [first]
        assert [run.thread_id for run in listed(admin, "run", q="ben")] == ["post-1", "order-1"]
        assert listed(admin, "run", q="nobody") == []

    def test_facts(self, admin: Client) -> None:
        assert set(listed(admin, "checkpoint", q="order-1")) == set(Checkpoint.objects.filter(thread="order-1"))
        assert [fact.kind for fact in listed(admin, "checkpoint", q="order-1 step_1")] == ["task"]
        assert listed(admin, "checkpoint", q="step_1") == []

    def test_questions(self, admin: Client, ben: User) -> None:
        asked = Interrupt.objects.get(thread="order-1")
        for words in (asked.pk, "order-1", "alpaca", "alp graph"):
            assert listed(admin, "interrupt", q=words) == [asked]
        verbs.answer(asked.pk, "yes", version=1, by=ben)
        assert listed(admin, "interrupt", q="alpaca") == []
        assert listed(admin, "interrupt", q="alpaca", status__exact="pending") == []
        assert listed(admin, "interrupt", q="alpaca", status__exact="answered") == [asked]
        assert listed(admin, "interrupt", q="ben") == [asked]

    def test_counting_stops(self, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admin_lists, "MOST_COUNTED", 2)
        for model in ("thread", "run", "checkpoint", "interrupt"):
            assert admin.get(reverse(f"admin:hitl_{model}_changelist")).context["cl"].result_count == 2

    def test_select_all_means_no_more_than_was_counted(self, admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(admin_lists, "MOST_COUNTED", 2)
        address = reverse("admin:hitl_thread_changelist")
        ticked = Thread.objects.latest("created_at")
        everything = {"action": "cancel", "_selected_action": [ticked.pk], "select_across": "1", "confirmed": "1"}
        assert b"There are more than 2" in admin.post(address, everything, follow=True).content
        assert not Thread.objects.filter(status="idle").exists()
        admin.post(f"{address}?q=order-", everything)
        assert set(Thread.objects.filter(status="idle").values_list("pk", flat=True)) == {"order-1", "order-2"}


@pytest.mark.django_db
def test_no_filter_counts_over_the_whole_table(admin: Client) -> None:
    assert b"Show counts" not in admin.get(reverse("admin:hitl_interrupt_changelist")).content


@pytest.fixture(scope="module")
def filled(django_db_setup: Any, django_db_blocker: Any) -> Iterator[User]:
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        person = User.objects.create_superuser("filled")
        filling.fill(TOTAL, pending=PENDING, assignee_id=person.pk)
        yield person
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("model", "query"),
    [
        ("thread", {}),
        ("thread", {"q": "filled-777"}),
        ("interrupt", {}),
        ("interrupt", {"p": "3"}),
        ("interrupt", {"q": "filled-777"}),
        ("interrupt", {"q": "thousandth777"}),
        ("interrupt", {"q": "nosuchword"}),
        ("interrupt", {"q": "thousandth777", "status__exact": "pending"}),
    ],
)
def test_no_list_reads_the_whole_table(filled: User, db: Any, model: str, query: dict[str, str]) -> None:
    client = Client()
    client.force_login(filled)
    with CaptureQueriesContext(connection) as made:
        listed(client, model, **query)
    asked = [one["sql"] for one in made.captured_queries if f'FROM "hitl_{model}"' in one["sql"]]
    assert asked
    for sql in asked:
        plan = explained(sql)
        assert not WHOLE.search(plan), f"{sql}\n{plan}"
        assert "q" in query or not SORTED.search(plan), f"{sql}\n{plan}"


def explained(sql: str) -> str:
    prefix = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{prefix} {sql}".replace("%", "%%"))
        return "\n".join(str(row[-1]).strip() for row in cursor.fetchall())
