"""Which failures are tried again, how often, and after how long (item 22)."""

from __future__ import annotations

import asyncio
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from hitl.config import get_stream_writer
from hitl.errors import HitlError, NodeTimeoutError, UnstorableValue
from hitl.func import entrypoint, task
from hitl.retrying import next_wait_seconds
from hitl.runtime import get_runtime
from hitl.store import Store
from hitl.types import Command, RetryPolicy, default_retry_on, interrupt
from tests.hitl.programs import facts, on


def quick(**options: Any) -> RetryPolicy:
    return RetryPolicy(initial_interval=0.01, jitter=False, **options)


class Http(Exception):
    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.response = SimpleNamespace(status_code=status)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError(),
        ConnectionResetError(),
        AssertionError(),
        Exception(),
        NodeTimeoutError(),
        Http(500),
        Http(503),
    ],
    ids=repr,
)
def test_what_may_pass_is_tried_again_by_default(error: Exception) -> None:
    assert default_retry_on(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError(),
        TypeError(),
        ArithmeticError(),
        ZeroDivisionError(),
        ImportError(),
        LookupError(),
        KeyError(),
        NameError(),
        SyntaxError(),
        RuntimeError(),
        ReferenceError(),
        StopIteration(),
        StopAsyncIteration(),
        OSError(),
        TimeoutError(),
        Http(404),
    ],
    ids=repr,
)
def test_what_is_a_mistake_is_not(error: Exception) -> None:
    assert not default_retry_on(error)


def test_the_defaults_are_langgraphs() -> None:
    policy = RetryPolicy()
    assert (policy.initial_interval, policy.backoff_factor, policy.max_interval) == (0.5, 2.0, 128.0)
    assert (policy.max_attempts, policy.jitter, policy.retry_on) == (3, True, default_retry_on)


def test_each_wait_is_longer_by_the_factor_up_to_the_longest() -> None:
    policy = RetryPolicy(initial_interval=1, backoff_factor=3, max_interval=20, jitter=False)
    assert [policy.wait_seconds(attempt) for attempt in (1, 2, 3, 4, 5000)] == [1, 3, 9, 20, 20]


def test_jitter_adds_up_to_a_second() -> None:
    waits = {RetryPolicy(initial_interval=1).wait_seconds(1) for _ in range(50)}
    assert len(waits) > 1 and all(1 <= wait <= 2 for wait in waits)


@pytest.mark.parametrize(
    "retry_on", [ConnectionError, (KeyError, ConnectionError), lambda error: isinstance(error, ConnectionError)]
)
def test_retry_on_is_a_class_several_or_a_function(retry_on: Any) -> None:
    policy = quick(retry_on=retry_on)
    assert policy.matches(ConnectionResetError()) and not policy.matches(ValueError())


def test_the_first_policy_that_matches_decides() -> None:
    policies = [quick(retry_on=KeyError, max_attempts=1), quick(retry_on=LookupError, max_attempts=9)]
    assert next_wait_seconds(policies, 1, KeyError()) is None
    assert next_wait_seconds(policies, 1, IndexError()) == 0.01
    assert next_wait_seconds(policies, 1, ValueError()) is None


def test_a_task_is_tried_until_it_succeeds_and_tells_one_update(store: Store) -> None:
    attempts: list[int] = []

    @task(retry_policy=quick())
    def flaky():
        attempts.append(get_runtime().execution_info.node_attempt)
        if len(attempts) < 3:
            raise ConnectionError("away")
        return "there"

    @entrypoint(checkpointer=store)
    def graph(value):
        return flaky().result()

    assert list(graph.stream("in", on())) == [{"flaky": "there"}, {"graph": "there"}]
    assert attempts == [1, 2, 3]


def test_when_the_attempts_are_spent_the_last_error_comes_out(store: Store) -> None:
    ran: list[int] = []

    @task(retry_policy=quick(max_attempts=2))
    def away():
        ran.append(1)
        raise ConnectionError(f"away {len(ran)}")

    @entrypoint(checkpointer=store)
    def graph(value):
        return away().result()

    with pytest.raises(ConnectionError, match="away 2"):
        graph.invoke("in", on())
    assert [fact.kind for fact in facts(store, "attempt", "error", "failed")] == ["attempt", "error", "failed"]


def test_an_error_that_no_policy_matches_is_not_tried_again(store: Store) -> None:
    ran: list[int] = []

    @task(retry_policy=[quick(retry_on=KeyError), quick()])
    def wrong():
        ran.append(1)
        raise ValueError("wrong")

    @entrypoint(checkpointer=store)
    def graph(value):
        return wrong().result()

    with pytest.raises(ValueError, match="wrong"):
        graph.invoke("in", on())
    assert ran == [1]


def test_attempts_are_facts_with_their_errors_and_the_next_ones_time(store: Store) -> None:
    ran: list[int] = []

    @task(retry_policy=quick())
    def flaky():
        ran.append(1)
        if len(ran) < 3:
            raise ConnectionError(f"away {len(ran)}")

    @entrypoint(checkpointer=store)
    def graph(value):
        flaky().result()

    graph.invoke("in", on())
    attempts = facts(store, "attempt")
    assert [(fact.name, fact.attempt, fact.detail["message"]) for fact in attempts] == [
        ("flaky", 1, "away 1"),
        ("flaky", 2, "away 2"),
    ]
    # By the lease's clock, which is a little behind this machine's.
    assert attempts[1].started_at >= datetime.fromisoformat(attempts[0].detail["due"])
    assert attempts[0].detail["began"] == attempts[1].detail["began"]


def test_a_result_that_cannot_be_stored_is_never_tried_again(store: Store) -> None:
    """Rule 26: its effect has happened."""
    ran: list[int] = []

    @task(retry_policy=quick(retry_on=Exception))
    def pay():
        ran.append(1)
        return object()

    @entrypoint(checkpointer=store, retry_policy=quick(retry_on=Exception))
    def graph(value):
        return pay().result()

    with pytest.raises(UnstorableValue, match="pay"):
        graph.invoke("in", on())
    assert ran == [1]


def test_what_a_failed_attempt_finished_is_bound_and_what_failed_in_it_runs_again(store: Store) -> None:
    ran: list[str] = []

    @task
    def good():
        ran.append("good")
        return "good"

    @task
    def caught():
        ran.append("caught")
        raise KeyError("caught")

    @task
    def bad():
        ran.append("bad")
        if ran.count("bad") < 2:
            raise ConnectionError("bad")
        return "better"

    @task(retry_policy=quick())
    def outer():
        ran.append("outer")
        first = good().result()
        seen = repr(caught().exception())
        return [first, seen, bad().result()]

    @entrypoint(checkpointer=store)
    def graph(value):
        return outer().result()

    assert graph.invoke("in", on()) == ["good", "KeyError('caught')", "better"]
    assert ran == ["outer", "good", "caught", "bad", "outer", "bad"]


def test_an_answered_question_is_not_asked_again_by_the_next_attempt(store: Store) -> None:
    ran: list[str] = []

    @task(retry_policy=quick())
    def ask():
        answer = interrupt("Go on?")
        ran.append(answer)
        if len(ran) < 2:
            raise ConnectionError("away")
        return answer

    @entrypoint(checkpointer=store)
    def graph(value):
        return ask().result()

    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == "yes"
    assert ran == ["yes", "yes"]


def test_an_answer_comes_back_only_when_the_policy_is_spent(store: Store) -> None:
    """Rule 21."""

    @task(retry_policy=quick(max_attempts=2))
    def ask():
        raise ConnectionError(interrupt("Go on?"))

    @entrypoint(checkpointer=store)
    def graph(value):
        return ask().result()

    graph.invoke("in", on())
    with pytest.raises(ConnectionError, match="yes"):
        graph.invoke(Command(resume="yes"), on())
    assert [fact.kind for fact in facts(store, "attempt", "error", "failed", "reopen")] == [
        "attempt",
        "error",
        "failed",
        "reopen",
    ]


def test_an_answer_does_not_come_back_once_an_attempt_recorded_something_with_it(store: Store) -> None:
    @task
    def pay(answer):
        return answer

    @task(retry_policy=quick(max_attempts=2))
    def ask():
        pay(interrupt("Go on?")).result()
        raise ConnectionError("away")

    @entrypoint(checkpointer=store)
    def graph(value):
        return ask().result()

    graph.invoke("in", on())
    with pytest.raises(ConnectionError):
        graph.invoke(Command(resume="yes"), on())
    assert facts(store, "reopen") == []


def test_a_retry_by_a_person_counts_from_one_again(store: Store) -> None:
    attempts: list[int] = []

    @task(retry_policy=quick(max_attempts=2))
    def flaky():
        attempts.append(get_runtime().execution_info.node_attempt)
        if len(attempts) < 4:
            raise ConnectionError("away")
        return "there"

    @entrypoint(checkpointer=store)
    def graph(value):
        return flaky().result()

    with pytest.raises(ConnectionError):
        graph.invoke("in", on())
    assert graph.invoke(None, on()) == "there"
    assert attempts == [1, 2, 1, 2]


def test_events_of_every_attempt_are_kept(store: Store) -> None:
    ran: list[int] = []

    @task(retry_policy=quick())
    def flaky():
        ran.append(1)
        get_stream_writer()({"try": len(ran)})
        if len(ran) < 3:
            raise ConnectionError("away")

    @entrypoint(checkpointer=store)
    def graph(value):
        flaky().result()

    graph.invoke("in", on())
    assert [fact.value for fact in facts(store, "event")] == ['{"try":1}', '{"try":2}', '{"try":3}']


def test_a_retry_on_that_raises_fails_the_task_with_that(store: Store) -> None:
    @task(retry_policy=quick(retry_on=lambda error: error.status > 500))
    def wrong():
        raise ConnectionError("away")

    @entrypoint(checkpointer=store)
    def graph(value):
        return wrong().result()

    with pytest.raises(AttributeError, match="status"):
        graph.invoke("in", on())
    assert store.thread("1").status == "error"


def test_other_tasks_go_on_while_one_waits_for_its_next_attempt(store: Store) -> None:
    order: list[str] = []

    @task(retry_policy=RetryPolicy(initial_interval=0.1, jitter=False))
    def flaky():
        order.append("flaky")
        if order.count("flaky") < 2:
            raise ConnectionError("away")

    @task
    def other(number):
        order.append(f"other {number}")

    @entrypoint(checkpointer=store)
    def graph(value):
        first = flaky()
        for number in range(3):
            other(number).result()
        first.result()

    graph.invoke("in", on())
    assert order[-1] == "flaky" and len(order) == 5


def test_asynchronous_tasks_too(store: Store) -> None:
    ran: list[int] = []

    @task(retry_policy=quick())
    async def flaky():
        ran.append(get_runtime().execution_info.node_attempt)
        if len(ran) < 3:
            raise ConnectionError("away")
        return "there"

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await flaky()

    assert asyncio.run(graph.ainvoke("in", on())) == "there"
    assert ran == [1, 2, 3]
    assert [fact.kind for fact in facts(store, "attempt", "task")] == ["attempt", "attempt", "task"]


def test_our_own_errors_are_as_good_as_any_for_a_policy_that_names_them() -> None:
    class Shop(HitlError):
        pass

    assert next_wait_seconds([quick(retry_on=HitlError)], 1, Shop()) == 0.01
