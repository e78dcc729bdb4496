"""Is the journal one, and do the rows say what it says? For both stores."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hitl import projection
from hitl.checkpoint.memory import InMemorySaver, QuestionRow, RunRow, ThreadRow
from hitl.store import Store

ANSWERS = ("answer", "hold")


def check_journal(store: Store, thread_id: str) -> None:
    """No gap, one order, each address once, and each version of a question answered at most once."""
    facts = store.facts(thread_id)
    assert [fact.seq for fact in facts] == list(range(1, store.thread(thread_id).seq + 1)), "gaps"
    epochs = [fact.epoch for fact in facts]
    assert epochs == sorted(epochs), "an older lease wrote after a newer one"
    addresses = Counter((fact.turn, fact.path, fact.kind, fact.attempt) for fact in facts)
    assert max(addresses.values()) == 1, "two facts of one address"
    answered = Counter((fact.detail["id"], fact.detail["version"]) for fact in facts if fact.kind in ANSWERS)
    assert max(answered.values(), default=0) <= 1, "one version answered twice"
    asked: dict[str, str | None] = {}
    for fact in facts:
        if fact.kind == "question":
            known = asked.get(fact.detail["id"])
            assert known != fact.value, "asked again, though nothing about it had changed"
            asked[fact.detail["id"]] = fact.value
    results = Counter((fact.turn, fact.path) for fact in facts if fact.kind == "task")
    assert max(results.values(), default=0) <= 1, "two results of one call"


def check_projections(store: Store, thread_id: str) -> None:
    """The rows are what the journal makes of them."""
    if isinstance(store, InMemorySaver):
        _check_memory(store, thread_id)
    else:
        from hitl import rebuild

        assert rebuild.compare(thread_id) == []


def runs(store: Store, thread_id: str) -> list[Any]:
    """The thread's runs."""
    if isinstance(store, InMemorySaver):
        return list(store._threads[thread_id].runs.values())
    from hitl.models import Run

    return list(Run.objects.filter(thread_id=thread_id))


def _check_memory(store: InMemorySaver, thread_id: str) -> None:
    kept = store._threads[thread_id]
    blank = ThreadRow(thread_id, kept.row.created_at, kept.row.created_at)
    folded = projection.Projection(blank, [], [], make_run=RunRow, make_question=QuestionRow)
    for fact in store.facts(thread_id):
        folded.apply(fact)
    _same(blank, kept.row, projection.THREAD_FIELDS)
    assert folded.runs.keys() == kept.runs.keys()
    assert folded.questions.keys() == kept.questions.keys()
    for key, run in folded.runs.items():
        _same(run, kept.runs[key], projection.RUN_FIELDS)
    for key, question in folded.questions.items():
        _same(question, kept.questions[key], projection.QUESTION_FIELDS)


def _same(folded: Any, stands: Any, fields: list[str]) -> None:
    for field in fields:
        is_now, should_be = getattr(stands, field), getattr(folded, field)
        assert is_now == should_be, f"{field} is {is_now!r}, the journal says {should_be!r}"
