"""The timeline folds a journal into rows that are the same however often, and from wherever, it is read."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.template.loader import render_to_string
from django.test.utils import CaptureQueriesContext

from hitl.models import Checkpoint
from reviewer import timeline, times
from tests.reviewer.journal import Journal

pytestmark = pytest.mark.django_db

QUESTION = "a" * 32


@pytest.fixture
def journal() -> Journal:
    return Journal("t1")


def paused(journal: Journal) -> Journal:
    journal.add("input", value="foo", workflow="graph", by_name="ana", channel="web")
    journal.add("leg")
    journal.add("task", path="11", name="step_1", value="foo bar", args={"args": ["foo"], "kwargs": {}})
    journal.add("call", path="22", name="human_feedback", args={"args": ["foo bar"], "kwargs": {}})
    journal.add("question", path="22?0", name="human_feedback", value="Feedback?", id=QUESTION, title="Feedback?")
    journal.add("pause")
    return journal


def answered(journal: Journal) -> Journal:
    journal.add("answer", path="22?0", value="baz", id=QUESTION, by_name="ben", channel="web")
    return journal


def by_kind(rows: list[timeline.Row], kind: str) -> timeline.Row:
    return next(row for row in rows if row.kind == kind)


def test_a_call_that_paused_and_then_returned_is_one_row(journal: Journal) -> None:
    answered(paused(journal)).add("task", path="22", name="human_feedback", value="foo bar baz")
    rows = timeline.read("t1").rows
    assert [row.name for row in rows if row.kind == "task"] == ["step_1", "human_feedback"]
    assert rows[2].status == "done" and rows[2].result is not None and rows[2].result.line == "foo bar baz"


def test_a_question_and_its_answer_are_one_row(journal: Journal) -> None:
    row = by_kind(timeline.read(answered(paused(journal)).id).rows, "question")
    assert (row.status, row.who, row.name) == ("answered", "ben", "Feedback?")
    assert row.result is not None and row.result.line == "baz"


def test_reading_from_the_middle_gives_the_rows_that_changed_and_whole(journal: Journal) -> None:
    seen = timeline.read(paused(journal).id)
    page = timeline.read(answered(journal).id, after=seen.seq)
    assert [(row.kind, row.name, row.status) for row in page.rows] == [("question", "Feedback?", "answered")]
    assert page.seq == 7


def test_every_way_of_reading_in_pieces_ends_in_the_same_rows(journal: Journal) -> None:
    answered(paused(journal)).add("task", path="22", name="human_feedback", value="foo bar baz")
    journal.add("error", path="33", name="step_3", type="OSError", message="full", args=None)
    journal.add("retry", by_name="ana", channel="web")
    journal.add("task", path="33", name="step_3", value="done", attempt=2, args=None)
    journal.add("output", value="done")
    whole = {row.key: row for row in timeline.read("t1").rows}
    for stop in range(journal.seq + 1):
        pieces = {row.key: row for row in timeline.fold(journal.facts()[:stop])}
        pieces |= {row.key: row for row in timeline.read("t1", after=stop).rows}
        assert pieces == whole


def test_what_comes_is_not_read_together_with_the_turns_that_are_closed(journal: Journal) -> None:
    """A long conversation must not make each of its events dearer than the one before."""
    for turn in range(1, 6):
        journal.add("question", path="22?0", value="Feedback?", turn=turn, id=f"{turn}" * 32, title="Feedback?")
        journal.add("answer", path="22?0", value="baz", turn=turn, id=f"{turn}" * 32, by_name="ben", channel="web")
    seen = journal.seq
    journal.add("event", path="!1.1", value="on", turn=5)
    openings = Checkpoint.objects.openings("t1", up_to=seen, turn=5)
    assert {fact.turn for fact in openings} == {5}
    with CaptureQueriesContext(connection) as queries:
        assert [row.kind for row in timeline.read("t1", after=seen).rows] == ["event"]
    assert len(queries) == 2 and '"turn" >= 5' in queries[1]["sql"]


def test_a_cancel_closes_what_was_open(journal: Journal) -> None:
    paused(journal).add("cancel", by_name="ana", channel="web", reason="no longer needed")
    rows = timeline.read("t1", after=6).rows
    assert {(row.kind, row.status) for row in rows} == {
        ("task", "cancelled"),
        ("question", "cancelled"),
        ("note", "cancelled"),
    }


def test_an_undone_answer_leaves_the_question_open_and_says_who_took_it_back(journal: Journal) -> None:
    paused(journal).add("hold", path="22?0", value="baz", id=QUESTION, by_name="ben", channel="web")
    assert by_kind(timeline.read("t1").rows, "question").status == "held"
    journal.add("undo", id=QUESTION, by_name="ben", channel="web", version=2)
    row = by_kind(timeline.read("t1").rows, "question")
    assert (row.status, row.result) == ("pending", None)
    assert "ben" in row.note


def test_an_answer_given_back_shows_why_and_a_retry_takes_it_again(journal: Journal) -> None:
    answered(paused(journal)).add("reopen", path="22?0", id=QUESTION, version=2, problem="not a colour", attempt=2)
    assert "not a colour" in by_kind(timeline.read("t1").rows, "question").note
    journal.add("retry", by_name="ana", channel="web")
    row = by_kind(timeline.read("t1").rows, "question")
    assert (row.status, row.note) == ("answered", "")


def test_an_attempt_that_failed_keeps_its_row_and_the_next_begins_another(journal: Journal) -> None:
    journal.add("error", path="11", name="pay", type="OSError", message="gone", args=None)
    journal.add("retry", by_name="ana", channel="web")
    journal.add("task", path="11", name="pay", value="paid", args=None)
    rows = timeline.read("t1").rows
    assert [(row.kind, row.status, row.attempt) for row in rows] == [
        ("task", "failed", 1),
        ("note", "", 1),
        ("task", "done", 2),
    ]


DUE = "2026-07-01T12:00:00+00:00"


def shown_rows() -> str:
    return render_to_string("reviewer/events/rows.html", {"rows": timeline.read("t1").rows})


def test_an_attempt_that_is_tried_again_by_itself_keeps_its_row_too(journal: Journal) -> None:
    args = {"args": [7], "kwargs": {}}
    journal.add("attempt", path="11", name="pay", type="ConnectionError", message="away", due=DUE, args=args)
    journal.add("attempt", path="11", name="pay", type="ConnectionError", message="away", due=DUE, attempt=2, args=args)
    journal.add("task", path="11", name="pay", value="paid", args=args)
    rows = timeline.read("t1").rows
    assert [(row.kind, row.status, row.attempt, row.problem and row.problem.message) for row in rows] == [
        ("task", "retried", 1, "away"),
        ("task", "retried", 2, "away"),
        ("task", "done", 3, None),
    ]
    assert "failed, next attempt <time" in shown_rows() and ">01 Jul 12:00 UTC<" in shown_rows()


def test_reading_on_after_attempts_goes_on_counting_them(journal: Journal) -> None:
    journal.add("attempt", path="11", name="pay", type="ConnectionError", message="away", due=DUE)
    seen = timeline.read("t1").seq
    journal.add("task", path="11", name="pay", value="paid")
    assert [(row.status, row.attempt) for row in timeline.read("t1", after=seen).rows] == [("done", 2)]


def test_an_attempt_of_the_whole_run_is_a_row_of_its_own(journal: Journal) -> None:
    fact = journal.add("attempt", name="", type="ConnectionError", message="away", due=DUE)
    Checkpoint.objects.filter(pk=fact.pk).update(path="")
    (row,) = timeline.read("t1").rows
    assert (row.kind, row.status, row.attempt) == ("attempt", "retried", 1)
    assert "Attempt 1" in shown_rows() and "away" in shown_rows()


def test_a_sleep_says_until_when_and_that_it_began_is_no_row(journal: Journal) -> None:
    journal.add("timer", path="11~1", name="nap", until=DUE)
    journal.add("wait", until=DUE, seen=1)
    (row,) = timeline.read("t1").rows
    assert (row.kind, row.name, row.until and row.until.isoformat()) == ("timer", "nap", DUE)
    assert "sleeps until <time" in shown_rows() and ">1 Jul 2026, 12:00:00 UTC<" in shown_rows()


def test_a_result_from_the_cache_says_so(journal: Journal) -> None:
    journal.add("task", path="11", name="rate", value=1, cached=True)
    assert "from the cache" in shown_rows()


def test_going_back_says_who_did_and_to_where(journal: Journal) -> None:
    paused(journal).add("discard", by_name="ana", channel="code")
    journal.add("fork", turn=2, base=3, by_name="ana", channel="code")
    journal.add("input", turn=3, value="foo", base=3, by_name="ana", channel="code")
    journal.add("update", turn=3, value="by hand", by_name="ana", channel="code")
    journal.add("update", turn=3, value="of then", base=2, by_name="ana", channel="code")
    journal.add("prune", turn=3, first=2, kept=[], by_name="ana", channel="code")
    html = " ".join(shown_rows().split())
    for words in (
        "<strong>ana</strong> went back to checkpoint 3, to go on from there",
        "started turn 3 going back to checkpoint 3",
        "<strong>ana</strong> set the value",
        "<strong>ana</strong> went back to what checkpoint 2 returned",
        "<strong>ana</strong> forgot the turns before this one",
    ):
        assert words in html, html
    assert "by hand" in html and "of then" in html


def test_the_same_call_in_two_turns_is_two_rows(journal: Journal) -> None:
    journal.add("task", path="11", name="step_1", value=1)
    journal.add("task", path="11", name="step_1", value=2, turn=2)
    assert len({row.key for row in timeline.read("t1").rows}) == 2


def test_what_comes_from_outside_is_never_markup(journal: Journal) -> None:
    nasty = "<script>alert(1)</script>"
    journal.add("task", path="11", name=nasty, value=nasty, args={"args": [nasty], "kwargs": {nasty: nasty}})
    journal.add("event", path="11!1.1", value={nasty: nasty})
    journal.add("failed", type=nasty, message=nasty, traceback=nasty)
    journal.add("attempt", path="22", name=nasty, type=nasty, message=nasty, due=DUE)
    journal.add("timer", path="33~1", name=nasty, until=DUE)
    journal.add("update", value=nasty, by_name=nasty)
    journal.add("cancel", by_name=nasty, reason=nasty)
    html = render_to_string("reviewer/events/rows.html", {"rows": timeline.read("t1").rows})
    assert "<script" not in html


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0341, "34 ms"),
        (0.9999, "1.0 s"),
        (2.06, "2.1 s"),
        (59.99, "1 min 0 s"),
        (245, "4 min 5 s"),
        (3 * 3600 + 130, "3 h 2 min"),
        (52 * 3600, "2 d 4 h"),
    ],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert times.duration(seconds) == text


def test_half_a_character_and_a_nul_can_be_shown(journal: Journal) -> None:
    value: Any = "a\ud800b\x00c"
    journal.add("output", value=value)
    row = timeline.read("t1").rows[0]
    assert row.value is not None and row.value.line == "a\ufffdb␀c"


def test_a_branch_that_the_code_took_is_no_row_but_counts(journal: Journal) -> None:
    """What `changed()` decided means nothing to a reader; who reads on from there misses nothing."""
    before = timeline.read(paused(journal).id)
    journal.add("branch", path="22#greet", name="greet")
    assert timeline.read("t1").rows == before.rows
    assert timeline.read("t1", after=before.seq) == timeline.Page([], before.seq + 1)
