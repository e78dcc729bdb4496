"""Attempts are durable: a crash goes on counting, and a long wait holds neither lease nor slot (rule 25)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import time
from typing import Any

import pytest

from hitl import pulse, testing, verbs
from hitl.checkpoint.database import saver
from hitl.doctor import findings
from hitl.errors import RunStopped, ThreadBusy
from hitl.func import entrypoint, task
from hitl.lease import lost
from hitl.models import Interrupt, Run, Thread
from hitl.runtime import get_runtime
from hitl.store import Store
from hitl.sweep import sweep
from hitl.types import Command, RetryPolicy, interrupt
from hitl.workflow import Workflow
from tests.hitl.clock import failed_attempt, pass_by, wait_until
from tests.hitl.journals import begin, claim
from tests.hitl.nudges import Recorder
from tests.hitl.programs import cancel, facts, on, questions
from tests.hitl.racing import in_background

Register = Callable[[Workflow], Workflow]
QUICK = RetryPolicy(initial_interval=0.01, jitter=False)
SLOW = RetryPolicy(initial_interval=3600, max_interval=3600, jitter=False)


def seen_attempts(store: Store, policy: RetryPolicy, *, until: int = 3) -> tuple[Any, list[int]]:
    """A workflow whose task fails before its `until`-th attempt, and the attempts it made."""
    seen: list[int] = []

    @task(retry_policy=policy)
    def flaky(value):
        attempt = get_runtime().execution_info.node_attempt
        seen.append(attempt)
        if attempt < until:
            raise ConnectionError("away")
        return "there"

    @entrypoint(checkpointer=store)
    def graph(value):
        return flaky(value).result()

    return graph, seen


def died_after_attempts(store: Store, graph: Any, count: int, *, due_in_seconds: float = 0) -> None:
    begin(store, "1", workflow=graph.name, value="in")
    lease = claim(store, "1", workflow=graph.name, lease_seconds=0)
    assert lease is not None
    for number in range(1, count + 1):
        failed_attempt(store, lease, "flaky", "in", attempt=number, due_in_seconds=due_in_seconds)


def test_after_a_crash_between_attempts_the_count_goes_on(store: Store) -> None:
    graph, seen = seen_attempts(store, QUICK)
    died_after_attempts(store, graph, 2)
    assert graph.invoke(None, on()) == "there"
    assert seen == [3]


def test_and_ends_where_the_policy_ends(store: Store) -> None:
    graph, seen = seen_attempts(store, QUICK, until=9)
    died_after_attempts(store, graph, 2)
    with pytest.raises(ConnectionError, match="away"):
        graph.invoke(None, on())
    assert seen == [3]


def test_after_a_crash_the_rest_of_the_wait_is_waited_for(store: Store) -> None:
    graph, _ = seen_attempts(store, QUICK)
    before = time()
    died_after_attempts(store, graph, 2, due_in_seconds=0.2)
    assert graph.invoke(None, on()) == "there"
    assert time() >= before + 0.2


def test_the_first_attempts_time_outlives_a_crash(store: Store) -> None:
    began: list[float] = []

    @task(retry_policy=QUICK)
    def flaky(value):
        began.append(get_runtime().execution_info.node_first_attempt_time or 0)

    @entrypoint(checkpointer=store)
    def graph(value):
        flaky(value).result()

    before = time()
    died_after_attempts(store, graph, 1)
    after = time()
    graph.invoke(None, on())
    assert before - 60.1 < began[0] < after - 59.9


def test_events_of_an_attempt_after_a_crash_are_its_own(store: Store) -> None:
    @task(retry_policy=QUICK)
    def flaky(value):
        get_runtime().stream_writer("hello")

    @entrypoint(checkpointer=store)
    def graph(value):
        flaky(value).result()

    died_after_attempts(store, graph, 2)
    graph.invoke(None, on())
    assert [fact.path.partition("!")[2] for fact in facts(store, "event")] == ["3.1"]


@pytest.fixture
def slow(register: Register) -> tuple[Workflow, list[int]]:
    seen: list[int] = []

    @task(retry_policy=SLOW)
    def flaky(value):
        seen.append(1)
        if len(seen) < 2:
            raise ConnectionError("away")
        return "there"

    @entrypoint(name="slow")
    def graph(value):
        return flaky(value).result()

    return register(graph), seen


@pytest.fixture
def recorder(settings: Any, monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    settings.HITL_EXECUTOR = "tests.hitl.nudges.Recorder"
    monkeypatch.setattr(Recorder, "nudges", [])
    return Recorder


@pytest.mark.django_db
def test_a_long_wait_gives_the_lease_back_and_sets_a_timer(slow: tuple[Workflow, list[int]]) -> None:
    verbs.start("slow", "in", thread_id="1")
    assert testing.drain() == 1
    thread = Thread.objects.get(pk="1")
    assert (thread.status, thread.lease_owner, thread.lease_expires_at) == ("busy", "", None)
    assert thread.wake_at is not None
    assert timedelta(minutes=59) < thread.wake_at - datetime.now(UTC) < timedelta(minutes=61)
    assert [run.status for run in Run.objects.all()] == ["queued"]
    assert testing.drain() == 0


@pytest.mark.django_db
def test_the_sweep_brings_it_back_when_it_is_due_and_not_before(
    slow: tuple[Workflow, list[int]], recorder: type[Recorder]
) -> None:
    _, seen = slow
    verbs.start("slow", "in", thread_id="1")
    testing.drain()
    Thread.objects.update(nudge_at=None)
    recorder.nudges.clear()
    assert sweep() == 0 and recorder.nudges == []
    pass_by(saver())
    assert sweep() == 1 and recorder.nudges == [("1", "slow")]
    assert testing.drain() == 1
    assert seen == [1, 1]
    assert Thread.objects.get(pk="1").status == "idle"


@pytest.mark.django_db
def test_nobody_is_alarmed_by_a_thread_that_waits_for_its_timer(slow: tuple[Workflow, list[int]]) -> None:
    verbs.start("slow", "in", thread_id="1")
    testing.drain()
    Thread.objects.update(updated_at=datetime.now(UTC) - timedelta(minutes=10), nudge_at=None)
    assert "overdue" not in {found.code for found in findings()}
    Thread.objects.update(wake_at=datetime.now(UTC) - timedelta(minutes=5))
    assert "overdue" in {found.code for found in findings()}


@pytest.mark.django_db
def test_who_comes_too_early_waits_on(slow: tuple[Workflow, list[int]]) -> None:
    """A stray nudge claims the thread; the attempt is not due, so it sleeps on until then."""
    _, seen = slow
    verbs.start("slow", "in", thread_id="1")
    testing.drain()
    due = Thread.objects.get(pk="1").wake_at
    Thread.objects.update(wake_at=None)
    assert testing.drain() == 1
    thread = Thread.objects.get(pk="1")
    assert (seen, thread.status, thread.wake_at) == ([1], "busy", due)


@pytest.mark.django_db
def test_questions_are_asked_and_answered_while_a_task_waits(register: Register) -> None:
    seen: list[int] = []

    @task(retry_policy=SLOW)
    def flaky():
        seen.append(1)
        if len(seen) < 2:
            raise ConnectionError("away")
        return "there"

    @task
    def ask():
        return interrupt("Go on?")

    @entrypoint(name="both")
    def graph(value):
        first, second = flaky(), ask()
        return [second.result(), first.result()]

    register(graph)
    verbs.start("both", "in", thread_id="1")
    testing.drain()
    asked = Interrupt.objects.get(thread="1")
    assert (asked.title, asked.status) == ("Go on?", "pending")
    verbs.answer(asked.id, "yes", version=1)
    assert testing.drain() == 1
    assert seen == [1] and Thread.objects.get(pk="1").wake_at is not None
    pass_by(saver())
    testing.drain()
    with testing.inline():
        assert graph.get_state(on()).values == ["yes", "there"]


def test_invoke_waits_for_a_long_wait_too(store: Store) -> None:
    """The caller stays; when the timer is due, its own process takes the thread up again."""
    graph, seen = seen_attempts(store, SLOW, until=2)
    call = in_background(lambda: graph.invoke("in", on()))
    wait_until(lambda: store.thread("1") is not None and store.thread("1").wake_at is not None)
    pass_by(store)
    assert call.outcome() == "there"
    assert seen == [1, 2]


def test_an_answer_to_a_pause_beside_a_long_wait_returns_at_once(store: Store) -> None:
    graph, questions_seen = both(store)
    asked = questions(graph.invoke("in", on()))
    assert list(asked) == ["Go on?"]
    assert store.thread("1").status == "busy" and store.thread("1").wake_at is not None
    assert questions_seen == [1]


def both(store: Store) -> tuple[Any, list[int]]:
    seen: list[int] = []

    @task(retry_policy=SLOW)
    def flaky():
        seen.append(1)
        raise ConnectionError("away")

    @entrypoint(checkpointer=store)
    def graph(value):
        future = flaky()
        interrupt("Go on?")
        return future.result()

    return graph, seen


def test_new_input_is_refused_while_a_timer_runs_and_cancel_is_not(store: Store) -> None:
    graph, _ = both(store)
    graph.invoke("in", on())
    with pytest.raises(ThreadBusy):
        graph.invoke("new", on())
    cancel(store)
    assert (store.thread("1").status, store.thread("1").wake_at) == ("idle", None)
    assert list(questions(graph.invoke("new", on()))) == ["Go on?"]


def test_cancel_during_a_short_wait_ends_it(store: Store) -> None:
    """The attempt that was waited for is not made."""
    graph, seen = seen_attempts(store, RetryPolicy(initial_interval=9, jitter=False))
    call = in_background(lambda: graph.invoke("in", on()))
    wait_until(lambda: store.thread("1") is not None and bool(facts(store, "attempt")))
    cancel(store)
    end_leg(store)
    with pytest.raises(RunStopped):
        call.outcome()
    assert seen == [1]


def end_leg(store: Store) -> None:
    """As the pulse does it when it finds the lease gone."""
    (leg,) = [leg for leg in pulse._legs if leg.store is store]
    leg.stop(lost(leg.lease))


def test_a_question_of_the_waiting_turn_can_be_answered_with_command(store: Store) -> None:
    graph, seen = both(store)
    graph.invoke("in", on())
    call = in_background(lambda: graph.invoke(Command(resume="yes"), on()))
    wait_until(lambda: len(facts(store, "wait")) == 2)
    pass_by(store)
    wait_until(lambda: len(facts(store, "wait")) == 3)
    pass_by(store)
    with pytest.raises(ConnectionError):
        call.outcome()
    assert seen == [1, 1, 1]
