"""`hitl workflows`, `threads` and `show`: for people as tables, for scripts as JSON."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoAssertNumQueries

from hitl import testing, verbs
from hitl.models import Interrupt, Thread
from tests.hitl.command import hitl

pytestmark = pytest.mark.django_db


@pytest.fixture
def paused(ben: User) -> Thread:
    verbs.start("graph", "foo", thread_id="one", by=ben, metadata={"order": "A-7"})
    testing.drain()
    return Thread.objects.get()


def test_workflows_lists_what_can_be_started() -> None:
    table = hitl("workflows").out
    assert "graph" in table
    assert "Three steps, the middle one by a person" in table
    (graph,) = [one for one in hitl("workflows", "--format", "json").data if one["name"] == "graph"]
    assert graph["input_schema"]["type"] == "string"
    assert graph["versions"] == [""]
    assert set(graph) == {"name", "versions", "title", "description", "input_schema"}


def test_threads_come_newest_first_and_in_any_number(paused: Thread) -> None:
    for name in ("two", "three"):
        verbs.start("graph", "foo", thread_id=name)
    listed = hitl("threads", "--format", "json").data
    assert [one["thread"] for one in listed] == ["three", "two", "one"]
    assert len(hitl("threads", "--format", "json", "--limit", "2").data) == 2
    assert hitl("threads", "--limit", "0").code != 0


def test_threads_are_chosen_by_status_and_workflow(paused: Thread) -> None:
    verbs.start("refund", {}, thread_id="two")
    assert [one["thread"] for one in hitl("threads", "--status", "busy", "--format", "json").data] == ["two"]
    assert [one["thread"] for one in hitl("threads", "--workflow", "graph", "--format", "json").data] == ["one"]
    assert hitl("threads", "--status", "nope").code != 0


def test_no_threads_is_an_empty_list_and_a_bare_head() -> None:
    assert hitl("threads", "--format", "json").data == []
    assert hitl("threads").out.startswith("THREAD")


def test_show_tells_all_a_person_needs_to_answer(paused: Thread) -> None:
    question = Interrupt.objects.get()
    text = hitl("show", "one").out
    for part in ("graph", "interrupted", "A-7", question.pk, "pending", "Please provide feedback: foo bar", "ben"):
        assert part in text


def test_show_as_json_has_everything(paused: Thread) -> None:
    shown = hitl("show", "one", "--format", "json").data
    assert shown["metadata"] == {"order": "A-7"}
    assert shown["output"] is None
    assert [fact["seq"] for fact in shown["facts"]] == list(range(1, paused.seq + 1))
    (question,) = shown["questions"]
    assert question["value"] == "Please provide feedback: foo bar"
    assert question["version"] == 1
    (run,) = shown["runs"]
    assert (run["status"], run["requested_by"]) == ("interrupted", "ben")


def test_show_has_the_output_once_there_is_one(paused: Thread) -> None:
    verbs.answer(Interrupt.objects.get().pk, "baz", version=1)
    testing.drain()
    assert hitl("show", "one", "--format", "json").data["output"] == "foo bar baz qux"
    assert "foo bar baz qux" in hitl("show", "one").out


def test_show_can_be_short(paused: Thread) -> None:
    facts = hitl("show", "one", "--format", "json", "--facts", "2").data["facts"]
    assert [fact["seq"] for fact in facts] == [paused.seq - 1, paused.seq]


def test_an_unknown_thread_is_not_found() -> None:
    result = hitl("show", "nope")
    assert (result.code, result.out) == (3, "")


def test_a_table_keeps_each_row_on_one_line() -> None:
    verbs.start("graph", "line\nbreak " + "x" * 500, thread_id="one")
    rows = hitl("show", "one").out.splitlines()
    assert max(map(len, rows)) < 400
    assert any("line break" in row for row in rows)


def test_lists_ask_the_database_once(paused: Thread, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_max_num_queries(1):
        hitl("threads")
    with django_assert_max_num_queries(5):
        hitl("show", "one")
