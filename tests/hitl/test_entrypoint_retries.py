"""`retry_policy` on the entrypoint: the body is tried again, finished tasks run once (departure f)."""

from __future__ import annotations

import asyncio
from time import time
from typing import Any

import pytest

from hitl import testing, verbs
from hitl.checkpoint.database import saver
from hitl.func import entrypoint, task
from hitl.models import Thread
from hitl.runtime import get_runtime
from hitl.store import Store
from hitl.types import Command, RetryPolicy, interrupt
from tests.hitl.clock import failed_attempt, pass_by, wait_until
from tests.hitl.journals import begin, claim
from tests.hitl.programs import facts, on, questions
from tests.hitl.racing import in_background

QUICK = RetryPolicy(initial_interval=0.01, jitter=False)
SLOW = RetryPolicy(initial_interval=3600, max_interval=3600, jitter=False)


def program(store: Store | None, policy: RetryPolicy, *, until: int = 3, **options: Any) -> tuple[Any, list[Any]]:
    ran: list[Any] = []

    @task
    def pay(amount):
        ran.append("pay")
        return amount

    @entrypoint(checkpointer=store, retry_policy=policy, **options)
    def graph(value):
        paid = pay(value).result()
        attempt = get_runtime().execution_info.node_attempt
        ran.append(attempt)
        if attempt < until:
            raise ConnectionError(f"away {attempt}")
        return paid

    return graph, ran


def test_finished_tasks_run_once(store: Store) -> None:
    graph, ran = program(store, QUICK)
    assert graph.invoke(40, on()) == 40
    assert ran == ["pay", 1, 2, 3]
    assert [fact.kind for fact in store.facts("1")] == ["input", "leg", "task", "attempt", "attempt", "output"]


def test_when_the_attempts_are_spent_the_run_fails_with_the_last_error(store: Store) -> None:
    graph, ran = program(store, QUICK, until=9)
    with pytest.raises(ConnectionError, match="away 3"):
        graph.invoke(40, on())
    assert ran == ["pay", 1, 2, 3]
    assert store.thread("1").status == "error"


def test_a_retry_by_a_person_counts_from_one_again(store: Store) -> None:
    graph, ran = program(store, QUICK, until=9)
    for call in (40, None):
        with pytest.raises(ConnectionError, match="away 3"):
            graph.invoke(call, on())
    assert ran == ["pay", 1, 2, 3, 1, 2, 3]


def test_a_task_that_failed_runs_again_with_the_body(store: Store) -> None:
    ran: list[str] = []

    @task
    def good():
        ran.append("good")

    @task
    def bad():
        ran.append("bad")
        if ran.count("bad") < 3:
            raise ConnectionError("away")
        return "better"

    @entrypoint(checkpointer=store, retry_policy=QUICK)
    def graph(value):
        good().result()
        return bad().result()

    assert graph.invoke("in", on()) == "better"
    assert ran == ["good", "bad", "bad", "bad"]


def test_a_failure_that_was_caught_is_remembered(store: Store) -> None:
    ran: list[str] = []

    @task
    def caught():
        ran.append("caught")
        raise KeyError("tea")

    @task
    def after():
        ran.append("after")

    @entrypoint(checkpointer=store, retry_policy=QUICK)
    def graph(value):
        seen = repr(caught().exception())
        after().result()
        if get_runtime().execution_info.node_attempt < 2:
            raise ConnectionError("away")
        return seen

    assert graph.invoke("in", on()) == "KeyError('tea')"
    assert ran == ["caught", "after"]


def test_an_error_that_no_policy_matches_is_not_tried_again(store: Store) -> None:
    ran: list[int] = []

    @entrypoint(checkpointer=store, retry_policy=QUICK)
    def graph(value):
        ran.append(1)
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        graph.invoke("in", on())
    assert ran == [1]


def test_a_retry_on_that_raises_fails_the_run_with_that(store: Store) -> None:
    @entrypoint(checkpointer=store, retry_policy=RetryPolicy(retry_on=lambda error: error.status > 1))
    def graph(value):
        raise ConnectionError("away")

    with pytest.raises(AttributeError, match="status"):
        graph.invoke("in", on())
    assert store.thread("1").status == "error"


def test_answers_are_kept_over_attempts(store: Store) -> None:
    """Also where the body asks and then fails."""
    asked: list[str] = []

    @entrypoint(checkpointer=store, retry_policy=QUICK)
    def graph(value):
        asked.append(interrupt("Go on?"))
        if len(asked) < 3:
            raise ConnectionError("away")
        return interrupt("And now?")

    graph.invoke("in", on())
    assert list(questions(graph.invoke(Command(resume="yes"), on()))) == ["And now?"]
    assert graph.invoke(Command(resume="done"), on()) == "done"
    assert asked == ["yes"] * 4


def test_the_answer_is_given_back_only_when_the_policy_is_spent(store: Store) -> None:
    @entrypoint(checkpointer=store, retry_policy=QUICK)
    def graph(value):
        raise ConnectionError(interrupt("Go on?"))

    graph.invoke("in", on())
    with pytest.raises(ConnectionError):
        graph.invoke(Command(resume="yes"), on())
    assert [fact.kind for fact in facts(store, "attempt", "failed", "reopen")] == [
        "attempt",
        "attempt",
        "failed",
        "reopen",
    ]


def test_after_a_crash_between_attempts_the_count_goes_on_and_the_rest_is_waited_for(store: Store) -> None:
    graph, ran = program(store, QUICK)
    before = time()
    begin(store, "1", workflow=graph.name, value=40)
    lease = claim(store, "1", workflow=graph.name, lease_seconds=0)
    assert lease is not None
    for attempt in (1, 2):
        failed_attempt(store, lease, "", attempt=attempt, due_in_seconds=0.2)
    assert graph.invoke(None, on()) == 40
    assert time() >= before + 0.2
    assert ran == ["pay", 3]


@pytest.mark.django_db
def test_a_long_wait_gives_the_lease_back_and_the_timer_brings_it_back(register: Any) -> None:
    graph, ran = program(None, SLOW, until=2, name="slow")
    register(graph)
    verbs.start("slow", 40, thread_id="1")
    assert testing.drain() == 1
    thread = Thread.objects.get(pk="1")
    assert (thread.status, thread.lease_owner, bool(thread.wake_at)) == ("busy", "", True)
    assert testing.drain() == 0
    pass_by(saver())
    assert testing.drain() == 1
    assert ran == ["pay", 1, 2] and Thread.objects.get(pk="1").status == "idle"


@pytest.mark.django_db
def test_who_comes_too_early_waits_on(register: Any) -> None:
    graph, ran = program(None, SLOW, until=2, name="slow")
    register(graph)
    verbs.start("slow", 40, thread_id="1")
    testing.drain()
    due = Thread.objects.get(pk="1").wake_at
    Thread.objects.update(wake_at=None)
    assert testing.drain() == 1
    assert ran == ["pay", 1] and Thread.objects.get(pk="1").wake_at == due


def test_asynchronous_bodies_too(store: Store) -> None:
    ran: list[Any] = []

    @task
    async def pay(amount):
        ran.append("pay")
        return amount

    @entrypoint(checkpointer=store, retry_policy=QUICK)
    async def graph(value):
        paid = await pay(value)
        ran.append(get_runtime().execution_info.node_attempt)
        if len(ran) < 4:
            raise ConnectionError("away")
        return paid

    assert asyncio.run(graph.ainvoke(40, on())) == 40
    assert ran == ["pay", 1, 2, 3]


def test_an_asynchronous_body_that_waits_long_comes_back_to_its_caller(store: Store) -> None:
    ran: list[int] = []

    @entrypoint(checkpointer=store, retry_policy=SLOW)
    async def graph(value):
        ran.append(1)
        if len(ran) < 2:
            raise ConnectionError("away")
        return value

    call = in_background(lambda: asyncio.run(graph.ainvoke(40, on())))
    wait_until(lambda: store.thread("1") is not None and store.thread("1").wake_at is not None)
    pass_by(store)
    assert call.outcome() == 40


def test_child_workflows_have_policies_of_their_own(store: Store) -> None:
    ran: list[int] = []

    @entrypoint(retry_policy=QUICK)
    def child(value):
        ran.append(get_runtime().execution_info.node_attempt)
        if len(ran) < 3:
            raise ConnectionError("away")
        return value

    @entrypoint(checkpointer=store)
    def graph(value):
        return child.invoke(value)

    assert graph.invoke("in", on()) == "in"
    assert ran == [1, 2, 3]
