"""Search finds any part of any word, and its index is in step with the questions whatever is done to them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core import checks
from django.core.management import call_command
from django.db import connection, transaction

from bench import filling
from hitl import search, testing, verbs
from hitl.models import Interrupt, Thread
from tests.hitl.command import hitl

pytestmark = pytest.mark.django_db


@pytest.fixture
def questions(db: Any) -> list[Interrupt]:
    for thread_id in ("order-17", "Order-18", "a%b_c"):
        verbs.start("graph", f"Refund “{thread_id}” für Zoé", thread_id=thread_id)
    testing.drain()
    return list(Interrupt.objects.order_by("asked_at"))


def found(text: str) -> list[str]:
    return sorted(Interrupt.objects.pending().matching(text).values_list("thread_id", flat=True))


@contextmanager
def without_index() -> Iterator[None]:
    """As where nobody may make one."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("DROP INDEX hitl_interrupt_search")
            else:
                search.sqlite.remove(connection)
        yield
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("text", "threads"),
    [
        ("17", ["order-17"]),
        ("ORDER", ["Order-18", "order-17"]),
        ("rder-1", ["Order-18", "order-17"]),
        ("order 18", ["Order-18"]),
        ("zoé refund 17”", ["order-17"]),
        ("%b_", ["a%b_c"]),
        ("%%%", []),
        ("___", []),
        ('"order', []),
        ("order OR refund", ["Order-18", "order-17"]),  # “OR” is a part of “order”
        ("refund*", []),
        ("-17", ["order-17"]),
        ("NEAR(order refund)", []),
        ("", ["Order-18", "a%b_c", "order-17"]),
    ],
)
def test_any_part_of_a_word_is_found_with_the_index_and_without(
    questions: list[Interrupt], text: str, threads: list[str]
) -> None:
    assert search.missing(connection) == ""
    assert found(text) == threads
    with without_index():
        assert found(text) == threads


def test_only_what_waits_is_in_the_index_through_everything_that_happens(questions: list[Interrupt]) -> None:
    first, second, third = questions
    verbs.answer(first.id, "yes", version=1)
    verbs.cancel(second.thread_id)
    assert found("refund") == [third.thread_id]
    assert search.strays(connection) == 0
    Interrupt.objects.filter(id=third.id).update(search="another text")
    assert found("refund") == [] and found("nother") == [third.thread_id]
    Interrupt.objects.filter(id=first.id).update(status="pending")
    assert found("refund") == [first.thread_id]
    Thread.objects.all().delete()
    assert found("refund") == []
    assert search.strays(connection) == 0


def test_a_lost_index_is_told_of_and_comes_back_with_migrate(questions: list[Interrupt]) -> None:
    with without_index():
        assert [message.id for message in run_checks()] == ["hitl.W020"]
        call_command("migrate", verbosity=0)
        assert run_checks() == [] and search.strays(connection) == 0
        assert found("order-17") == ["order-17"]


def run_checks() -> list[checks.CheckMessage]:
    return checks.run_checks(tags=["hitl"], databases=["default"])


@pytest.mark.skipif("connection.vendor != 'postgresql'")
def test_without_the_right_to_the_extension_everything_works_and_says_so(
    questions: list[Interrupt], caplog: pytest.LogCaptureFixture
) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION pg_trgm CASCADE")
        cursor.execute("CREATE ROLE hitl_unprivileged")
        cursor.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO hitl_unprivileged")
        cursor.execute("SET LOCAL ROLE hitl_unprivileged")
        search.ensure(using="default")
        assert "CREATE EXTENSION pg_trgm" in caplog.text
        assert [message.id for message in run_checks()] == ["hitl.W020"]
        assert found("order-17") == ["order-17"]
        transaction.set_rollback(True)


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_where_sqlite_cannot_index_nothing_is_in_the_way(
    questions: list[Interrupt], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    unknown = {name: sql.replace("'trigram'", "'of another time'") for name, sql in search.sqlite.OBJECTS.items()}
    with without_index():
        monkeypatch.setattr(search.sqlite, "OBJECTS", unknown)
        search.ensure(using="default")
        assert "goes without its index" in caplog.text
        assert [message.id for message in run_checks()] == ["hitl.W020"]
        verbs.start("graph", "Refund again", thread_id="again")
        testing.drain()
        assert found("again") == ["again"]


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_the_doctor_finds_an_index_that_is_wrong_and_makes_it_anew(questions: list[Interrupt]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM hitl_searchable WHERE question_id = %s", [questions[0].id])
        cursor.execute("INSERT INTO hitl_searchable (question_id, search) VALUES ('nobody', 'nothing')")
    assert [one["code"] for one in hitl("doctor", "--format", "json").data] == []
    told = hitl("doctor", "--rebuild", "--format", "json")
    assert [(one["code"], one["problem"]) for one in told.data] == [
        ("search-differs", "the index of search is wrong about 2 questions")
    ]
    assert hitl("doctor", "--rebuild", "--fix").code == 1
    assert hitl("doctor", "--rebuild").code == 0
    assert found("order-17") == ["order-17"]


def test_with_many_candidates_the_index_steps_aside_and_the_result_is_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    filling.fill(300, pending=200)
    monkeypatch.setattr(search.sqlite, "MOST_CANDIDATES", 20)
    chance = random.Random(4)
    texts = [row.search for row in Interrupt.objects.pending()]
    for _ in range(60):
        text = chance.choice(texts)
        begin = chance.randrange(len(text) - 2)
        word = "".join(text[begin : begin + chance.randrange(1, 14)].split())
        expected = sum(word.lower() in one.lower() for one in texts)
        assert Interrupt.objects.pending().matching(word).count() == expected, word


@pytest.mark.parametrize(
    ("word", "parts"),
    [("abc", ["abc"]), ("abcd", ["abc", "bcd"]), ("abcdef", ["abc", "def"]), ("abcdefgh", ["abc", "def", "fgh"])],
)
def test_trigrams_cover_a_word(word: str, parts: list[str]) -> None:
    assert list(search.sqlite.trigrams(word)) == parts
