"""Each query of the queue reads the index that is there for it, never the whole table, and a page takes few queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import QuerySet
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import filling
from hitl.models import Interrupt, Thread
from hitl.querysets import InterruptQuerySet
from reviewer.views import queue as view

PENDING, TOTAL = 2_000, 20_000
# What no plan may do: read the table without an index, or put everything in order first.
WHOLE = re.compile(r"Seq Scan on hitl_(interrupt|thread)|SCAN hitl_(interrupt|thread)$|USE TEMP B-TREE", re.MULTILINE)


@pytest.fixture(scope="module")
def filled(django_db_setup: Any, django_db_blocker: Any) -> Iterator[User]:
    """Ten answered questions for each that waits, and a person to whom every seventh is assigned."""
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        person = User.objects.create_user("filled")
        filling.fill(TOTAL, pending=PENDING, assignee_id=person.pk)
        yield person
        transaction.set_rollback(True)


@pytest.fixture
def person(filled: User, db: Any) -> User:
    return filled


def pending() -> InterruptQuerySet:
    return Interrupt.objects.pending()


def plan(query: QuerySet[Any]) -> str:
    text = query.explain()
    return "\n".join(re.sub(r"^\d+ \d+ \d+ ", "", line.strip()) for line in text.splitlines())


def assert_reads(query: QuerySet[Any], index: str) -> None:
    told = plan(query)
    assert index in told, told
    assert not WHOLE.search(told), told


def middle(question: Interrupt) -> Any:
    return question.asked_at, question.id


@pytest.mark.parametrize("order", ["newest", "oldest"])
@pytest.mark.parametrize("later", [True, False])
def test_a_page_reads_its_own_rows(person: User, order: str, later: bool) -> None:
    after = middle(pending().order_by("asked_at")[PENDING // 2]) if later else None

    def page(questions: InterruptQuerySet) -> Any:
        return questions.as_rows().page(after=after, order=order)[: view.PAGE + 1]

    assert_reads(page(pending()), "hitl_interrupt_queue")
    assert_reads(page(pending().of_workflow("filled.3")), "hitl_interrupt_workflow")
    assert_reads(page(pending().assigned_to(person)), "hitl_interrupt_assignee")


@pytest.mark.parametrize("later", [True, False])
def test_the_most_urgent_are_read_in_their_order(person: User, later: bool) -> None:
    found = pending().order_by("urgent_at")[PENDING // 2]
    after = (found.urgent_at, found.id) if later else None
    assert_reads(pending().as_rows().page(after=after, order="urgent")[: view.PAGE + 1], "hitl_interrupt_urgent")


@pytest.mark.parametrize(("order", "index"), [("newest", "queue"), ("oldest", "queue"), ("urgent", "urgent")])
def test_groups_are_read_in_their_order(person: User, order: str, index: str) -> None:
    """Row by row, each of which looks for the first of its group: nothing is worked out over all that waits."""
    found = pending().first_of_each(order=order).page(after=None, order=order)[: view.PAGE + 1]
    told = plan(found)
    assert f"hitl_interrupt_{index}" in told, told
    assert "hitl_interrupt_alike" in told, told
    assert not WHOLE.search(told), told


def test_a_group_is_counted_in_its_index(person: User) -> None:
    with CaptureQueriesContext(connection) as asked:
        found = pending().counted_alike(["alike 8", "alike 9", "alike 99"])
    assert found == {"alike 8": PENDING // 20, "alike 9": PENDING // 20}
    with connection.cursor() as cursor:
        explain = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
        cursor.execute(f"{explain} {asked.captured_queries[0]['sql']}")
        told = str(cursor.fetchall())
    assert "hitl_interrupt_alike" in told, told


def test_precedents_are_the_latest_answers(person: User) -> None:
    assert_reads(Interrupt.objects.precedents("filled.3")[:300], "hitl_interrupt_precedents")


def test_a_later_page_begins_where_it_begins(person: User) -> None:
    after = middle(pending().order_by("asked_at")[PENDING // 2])
    told = plan(pending().page(after=after, order="newest")[:51])
    assert re.search(r"Index Cond: \(asked_at <=|\(asked_at<\?\)", told), told


def test_counting_stops_and_reads_only_what_waits(person: User) -> None:
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert pending().count_up_to(1001) == 1001
    (query,) = asked.captured_queries
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{query['sql']}")
        told = str(cursor.fetchall())
    assert "hitl_interrupt_queue" in told and "Seq Scan" not in told


def test_a_rare_word_is_looked_up(person: User) -> None:
    rare = pending().matching("thousandth777").page(after=None, order="newest")[:51]
    assert_reads_candidates(rare)


def assert_reads_candidates(query: QuerySet[Any]) -> None:
    told = plan(query)
    if connection.vendor == "postgresql":
        assert "Bitmap Index Scan on hitl_interrupt_search" in told, told
    else:
        assert "sqlite_autoindex_hitl_interrupt_1 (id=?)" in told, told
    assert "Seq Scan on hitl_interrupt" not in told


def test_a_common_word_is_met_on_the_way(person: User, monkeypatch: pytest.MonkeyPatch) -> None:
    from hitl.search import sqlite

    monkeypatch.setattr(sqlite, "MOST_CANDIDATES", 100)
    assert_reads(pending().matching("customer").page(after=None, order="newest")[:51], "hitl_interrupt_queue")


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (lambda: Thread.objects.page(after=None), "hitl_thread_newest"),
        (lambda: Thread.objects.page(after=middle_thread()), "hitl_thread_newest"),
        (lambda: Thread.objects.page(after=middle_thread()).of("rare"), "hitl_thread_workflow"),
        (lambda: Thread.objects.page(after=middle_thread()).in_status("error"), "hitl_thread_failed"),
    ],
)
def test_the_list_of_runs_reads_its_own_rows(person: User, query: Any, index: str) -> None:
    assert_reads(query()[:51], index)


def middle_thread() -> Any:
    thread = Thread.objects.newest()[TOTAL // 2]
    return thread.created_at, thread.id


@pytest.mark.parametrize(
    "path",
    ["/", "/?q=thousandth77", "/?workflow=filled.3&mine=1", "/?q=customer&order=oldest", "/?grouped=1&q=customer"],
)
def test_a_page_takes_at_most_eight_queries_and_says_more_than_a_thousand(
    person: User, client: Client, path: str
) -> None:
    client.force_login(person)
    with CaptureQueriesContext(connection) as asked:
        page = client.get(path).content.decode()
    assert len(asked) <= 8, [query["sql"] for query in asked]
    assert page.count('class="ask-title"') >= 2
    if path == "/":
        assert "1,000+ waiting" in page and "(1,000+) Queue" in page
        assert not any('"search"' in query["sql"] for query in asked), "texts that no row shows are left where they are"
