"""`verbs.fork`: another thread goes on from any checkpoint, with other answers if wanted (rule 11)."""

from __future__ import annotations

from typing import Any

import pytest

from hitl import registry, verbs
from hitl.errors import InvalidAnswer, NotFound, NothingPending, UnknownThread
from hitl.func import entrypoint, task
from hitl.models import Checkpoint, Interrupt, Thread
from hitl.rebuild import compare
from hitl.testing import drain
from hitl.types import interrupt

pytestmark = pytest.mark.django_db
ran: list[str] = []


@task
def step(name: str) -> str:
    ran.append(name)
    return name


@entrypoint(name="tests.branching")
def flow(name: str) -> list[Any]:
    first = step(f"{name} one").result()
    answer = interrupt({"question": "Which?", "options": ["left", "right"]})
    return [first, answer, step(f"{name} {answer}").result()]


registry.register(flow)


@pytest.fixture
def ended() -> tuple[Thread, Interrupt]:
    ran.clear()
    run = verbs.start("tests.branching", "a", by="ana")
    drain()
    asked = Interrupt.objects.get(thread_id=run.thread_id)
    verbs.answer(asked.id, "left", version=1, by="ana")
    drain()
    return Thread.objects.get(id=run.thread_id), asked


def output(thread_id: str) -> str | None:
    return Checkpoint.objects.filter(thread_id=thread_id, kind="output").values_list("value", flat=True).last()


def test_with_another_answer_in_another_thread(ended: tuple[Thread, Interrupt]) -> None:
    thread, asked = ended
    before = list(thread.checkpoints.values_list("seq", "kind", "value"))
    run = verbs.fork(thread.id, asked.asked_seq, answers={asked.id: "right"}, by="ben")
    drain()
    assert run.thread_id != thread.id
    assert output(run.thread_id) == '["a one","right","a right"]'
    assert ran == ["a one", "a left", "a right"], "what was finished did not run again"
    assert list(thread.checkpoints.values_list("seq", "kind", "value")) == before
    assert compare(run.thread_id) == compare(thread.id) == []
    mine = Interrupt.objects.get(thread_id=run.thread_id, status="answered")
    assert (mine.answered_by_name, mine.id != asked.id) == ("ben", True)


def test_without_one_the_question_is_asked_anew(ended: tuple[Thread, Interrupt]) -> None:
    thread, asked = ended
    run = verbs.fork(thread.id, asked.asked_seq)
    drain()
    again = Interrupt.objects.get(thread_id=run.thread_id, status="pending")
    assert again.title == "Which?"
    assert Interrupt.objects.get(id=asked.id).status == "answered"


def test_from_after_a_task_it_keeps_the_answer(ended: tuple[Thread, Interrupt]) -> None:
    thread, _ = ended
    last = Checkpoint.objects.filter(thread_id=thread.id, kind="task").last()
    assert last is not None
    run = verbs.fork(thread.id, last.seq)
    drain()
    assert "left" in str(output(run.thread_id))
    assert ran == ["a one", "a left"]


def test_from_a_thread_that_waits(ended: tuple[Thread, Interrupt]) -> None:
    run = verbs.start("tests.branching", "b")
    drain()
    asked = Interrupt.objects.get(thread_id=run.thread_id)
    forked = verbs.fork(run.thread_id, asked.asked_seq, answers={asked.id: "right"})
    drain()
    assert "right" in str(output(forked.thread_id))
    assert Interrupt.objects.get(id=asked.id).status == "pending"


def test_what_cannot_be_gone_back_to(ended: tuple[Thread, Interrupt]) -> None:
    thread, asked = ended
    with pytest.raises(UnknownThread):
        verbs.fork("nowhere", 1)
    with pytest.raises(NotFound, match="no checkpoint 99"):
        verbs.fork(thread.id, 99)
    with pytest.raises(NothingPending, match="was not open at checkpoint"):
        verbs.fork(thread.id, 1, answers={asked.id: "right"})
    threads = Thread.objects.count()
    with pytest.raises(InvalidAnswer):
        verbs.fork(thread.id, asked.asked_seq, answers={asked.id: "up"})
    assert Thread.objects.count() == threads, "nothing is half-written"
