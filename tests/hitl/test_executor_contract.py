"""Rule 38 and DESIGN.md: what every executor has to do with a nudge that is doubled, early, late or lost.

An executor that is added is named in EXECUTORS, and has to pass as it is.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from hitl import executors, verbs
from hitl.checkpoint.database import saver
from hitl.func import entrypoint, task
from hitl.models import Interrupt, Thread
from hitl.run import run_thread
from hitl.types import interrupt
from hitl.workflow import Workflow
from tests.hitl import flows
from tests.hitl.journals import begin, gapless, kinds
from tests.hitl.racing import WAIT_SECONDS, at_once

EXECUTORS = ["hitl.executors.inprocess.InProcess"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


@pytest.fixture(params=EXECUTORS, ids=lambda path: path.rpartition(".")[2])
def executor(request: pytest.FixtureRequest, settings: Any, engine: None) -> Iterator[executors.Executor]:
    """It is being served; sweeps are far apart, unless a test wants them."""
    settings.HITL_EXECUTOR = request.param
    settings.HITL_SWEEP_SECONDS = getattr(request.function, "sweep_seconds", 3600.0)
    current = executors.current()
    yield current
    current.stop()


def sweeping(function: Any) -> Any:
    """For tests in which sweeps come often."""
    function.sweep_seconds = 0.02
    return function


class Finish:
    """A workflow that says when it has run; `wait` for that many runs."""

    def __init__(self) -> None:
        self.runs: list[str] = []
        self._ran = threading.Semaphore(0)
        self.workflow: Workflow = entrypoint(name="finish")(self._body())

    def _body(self) -> Callable[[str], str]:
        @task
        def effect(value: str) -> str:
            self.runs.append(value)
            return value

        def finish(value: str) -> str:
            return str(effect(value).result())

        return finish


def until(condition: Callable[[], bool]) -> None:
    """Wait for what an executor's thread does, looking again and again."""
    waiting = threading.Event()
    for _ in range(WAIT_SECONDS * 100):
        if condition():
            return
        waiting.wait(0.01)
    raise AssertionError("it did not happen")


def is_idle(thread_id: str) -> bool:
    return Thread.objects.get(pk=thread_id).status == "idle"


@pytest.fixture
def finish(register: Callable[[Workflow], Workflow]) -> Finish:
    made = Finish()
    register(made.workflow)
    return made


def test_a_start_is_run(executor: executors.Executor, finish: Finish) -> None:
    executor.serve()
    verbs.start("finish", "x", thread_id="t")
    until(lambda: is_idle("t"))
    assert kinds(saver()) == ["input", "leg", "task", "output"]


def test_an_answer_is_run(executor: executors.Executor, register: Callable[..., Any]) -> None:
    register(flows.asking)
    executor.serve()
    verbs.start("asking", "x", thread_id="t")
    until(lambda: Interrupt.objects.filter(status="pending").exists())
    verbs.answer(Interrupt.objects.get().id, "yes", version=1)
    until(lambda: is_idle("t"))
    assert kinds(saver()).count("task") == 2


def test_a_doubled_nudge_runs_once(executor: executors.Executor, finish: Finish) -> None:
    executor.serve()
    begin(saver(), workflow="finish", value="x")
    for _ in range(5):
        executor.nudge("t", workflow="finish")
    until(lambda: is_idle("t"))
    executor.nudge("t", workflow="finish")
    verbs.start("finish", "y", thread_id="u")
    until(lambda: is_idle("u"))
    assert finish.runs == ["x", "y"]


def test_a_nudge_for_what_is_not_there_or_has_nothing_to_do_is_harmless(
    executor: executors.Executor, finish: Finish
) -> None:
    executor.serve()
    begin(saver(), "theirs", workflow="elsewhere")
    executor.nudge("nowhere", workflow="finish")
    executor.nudge("theirs", workflow="elsewhere")
    verbs.start("finish", "x", thread_id="t")
    until(lambda: is_idle("t"))
    assert kinds(saver(), "theirs") == ["input"]


@sweeping
def test_a_lost_nudge_is_found_by_the_sweep(executor: executors.Executor, finish: Finish) -> None:
    executor.serve()
    begin(saver(), workflow="finish", value="x")  # nobody is nudged
    until(lambda: is_idle("t"))
    assert finish.runs == ["x"]


@sweeping
def test_an_expired_lease_is_taken_up(executor: executors.Executor, finish: Finish) -> None:
    from tests.hitl.journals import claim

    begin(saver(), workflow="finish", value="x")
    assert claim(saver(), workflow="finish", lease_seconds=-1)
    executor.serve()
    until(lambda: is_idle("t"))
    assert finish.runs == ["x"]


def test_what_was_started_before_it_served_is_run(executor: executors.Executor, finish: Finish) -> None:
    verbs.start("finish", "x", thread_id="t")
    executor.serve()
    until(lambda: is_idle("t"))


def test_a_workflow_that_fails_does_not_take_the_executor_along(
    executor: executors.Executor, finish: Finish, register: Callable[..., Any]
) -> None:
    @entrypoint(name="failing")
    def failing(value: str) -> None:
        raise ValueError(value)

    register(failing)
    executor.serve()
    verbs.start("failing", "x", thread_id="f")
    until(lambda: Thread.objects.get(pk="f").status == "error")
    verbs.start("finish", "x", thread_id="t")
    until(lambda: is_idle("t"))


def test_it_can_be_stopped_and_served_again(executor: executors.Executor, finish: Finish) -> None:
    executor.serve()
    executor.serve()
    executor.stop()
    begin(saver(), workflow="finish", value="x")
    executor.nudge("t", workflow="finish")
    executor.serve()
    until(lambda: is_idle("t"))
    executor.stop()
    executor.stop()


def test_it_has_nothing_to_complain_of(executor: executors.Executor) -> None:
    assert executor.check() == []


def test_of_several_executors_one_runs_a_thread(finish: Finish, engine: None) -> None:
    for number in range(5):
        begin(saver(), f"t{number}", workflow="finish", value=f"x{number}")
        ran = at_once(*[partial(run_thread, f"t{number}")] * 4)
        assert ran.count(True) == 1
        assert gapless(saver(), f"t{number}")
    assert finish.runs == ["x0", "x1", "x2", "x3", "x4"]


def test_answers_that_come_while_legs_pause_are_all_taken_up(
    executor: executors.Executor, register: Callable[..., Any]
) -> None:
    """Rule 18 from outside: eight questions of one thread, answered at once, by people who do not wait."""

    @task
    def ask(number: int) -> Any:
        return interrupt(f"Number {number}?")

    @entrypoint(name="many")
    def many(value: str) -> list[Any]:
        return [future.result() for future in [ask(number) for number in range(8)]]

    register(many)
    executor.serve()
    for round_ in range(3):
        thread_id = f"t{round_}"
        verbs.start("many", "x", thread_id=thread_id)
        until(lambda thread_id=thread_id: Thread.objects.get(pk=thread_id).status == "interrupted")  # type: ignore[misc]
        asked = list(Interrupt.objects.filter(thread=thread_id).order_by("asked_seq"))
        outcomes = at_once(*[partial(verbs.answer, row.id, row.title, version=1) for row in asked])
        assert [outcome.status for outcome in outcomes] == ["answered"] * 8
        until(partial(is_idle, thread_id))
        assert kinds(saver(), thread_id).count("answer") == 8
        assert kinds(saver(), thread_id).count("output") == 1
        assert gapless(saver(), thread_id)
