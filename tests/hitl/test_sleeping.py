"""`sleep_until` and `sleep_for`: a recorded moment, nothing held meanwhile, and a timer that wakes (rule 25)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from hitl import answering, testing, verbs
from hitl.checkpoint.database import saver
from hitl.doctor import findings
from hitl.errors import NotInRun, ThreadBusy
from hitl.facts import Author
from hitl.func import entrypoint, sleep_for, sleep_until, task
from hitl.models import Interrupt, Run, Thread
from hitl.store import Store
from hitl.sweep import sweep
from hitl.types import Command, interrupt
from hitl.workflow import Workflow
from tests.hitl.clock import pass_by, wait_until
from tests.hitl.nudges import Recorder
from tests.hitl.programs import cancel, facts, on, questions
from tests.hitl.racing import in_background

Register = Callable[[Workflow], Workflow]
HOUR = timedelta(hours=1)


def asleep(store: Store, thread_id: str = "1") -> bool:
    thread = store.thread(thread_id)
    return thread is not None and thread.wake_at is not None


def test_invoke_waits_and_goes_on(store: Store) -> None:
    ran: list[str] = []

    @task
    def step(name):
        ran.append(name)
        return name

    @entrypoint(checkpointer=store)
    def graph(value):
        step("before").result()
        sleep_for(0.05)
        return step("after").result()

    assert graph.invoke("in", on()) == "after"
    assert ran == ["before", "after"]
    assert [fact.kind for fact in store.facts("1")] == [
        "input",
        "leg",
        "task",
        "timer",
        "wait",
        "leg",
        "task",
        "output",
    ]


async def test_ainvoke_waits_and_goes_on(store: Store) -> None:
    @task
    async def nap():
        sleep_for(0.05)
        return "rested"

    @entrypoint(checkpointer=store)
    async def graph(value):
        return await nap()

    assert await graph.ainvoke("in", on()) == "rested"


def test_stream_yields_what_comes_after_the_sleep_too(store: Store) -> None:
    @task
    def step(name):
        return name

    @entrypoint(checkpointer=store)
    def graph(value):
        step("a").result()
        sleep_for(0.05)
        step("b").result()
        return "done"

    assert list(graph.stream("in", on())) == [{"step": "a"}, {"step": "b"}, {"graph": "done"}]


def test_a_moment_that_is_past_is_no_sleep(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        sleep_until(datetime.now(UTC) - HOUR)
        sleep_for(0)
        return "awake"

    assert graph.invoke("in", on()) == "awake"
    assert facts(store, "timer", "wait") == []


@pytest.mark.parametrize("hour", [3600, timedelta(hours=1)], ids=["seconds", "timedelta"])
def test_the_moment_is_recorded_and_does_not_move_on_replay(store: Store, hour: float | timedelta) -> None:
    """`now() + an hour` is an hour after the code first came here."""

    @entrypoint(checkpointer=store)
    def graph(value):
        sleep_for(hour)
        return "rested"

    call = in_background(lambda: graph.invoke("in", on()))
    wait_until(lambda: asleep(store))
    (timer,) = facts(store, "timer")
    assert datetime.fromisoformat(timer.detail["until"]) == store.thread("1").wake_at
    pass_by(store)
    assert call.outcome() == "rested"
    assert len(facts(store, "timer")) == 1


def test_several_sleeps_in_a_row_are_told_apart(store: Store) -> None:
    @task
    def nap():
        sleep_for(0.02)
        sleep_for(0.02)

    @entrypoint(checkpointer=store)
    def graph(value):
        sleep_for(0.02)
        nap().result()
        sleep_for(0.02)
        return "rested"

    assert graph.invoke("in", on()) == "rested"
    assert len({fact.path for fact in facts(store, "timer")}) == 4


def test_siblings_finish_while_one_sleeps_and_run_once(store: Store) -> None:
    ran: list[str] = []

    @task
    def nap():
        sleep_for(3600)
        return "rested"

    @task
    def work(name):
        ran.append(name)
        return name

    @entrypoint(checkpointer=store)
    def graph(value):
        sleeping, first = nap(), work("a")
        return [sleeping.result(), first.result(), work("b").result()]

    call = in_background(lambda: graph.invoke("in", on()))
    wait_until(lambda: asleep(store))
    assert ran == ["a"]
    pass_by(store)
    assert call.outcome() == ["rested", "a", "b"]
    assert ran == ["a", "b"]


def test_the_earliest_of_several_wakes_it(store: Store) -> None:
    @task
    def nap(seconds):
        sleep_for(seconds)

    @entrypoint(checkpointer=store)
    def graph(value):
        interrupt_me = [nap(7200), nap(3600)]
        for future in interrupt_me:
            future.result()

    call = in_background(lambda: graph.invoke("in", on()))
    wait_until(lambda: asleep(store))
    assert store.thread("1").wake_at - datetime.now(UTC) < HOUR
    pass_by(store)
    call.outcome()


def test_a_question_is_answered_while_another_part_sleeps(store: Store) -> None:
    ran: list[str] = []

    @task
    def nap():
        sleep_for(3600)
        return "rested"

    @task
    def ask():
        ran.append("ask")
        return interrupt("Go on?")

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [nap(), ask()]
        return [future.result() for future in futures]

    assert list(questions(graph.invoke("in", on()))) == ["Go on?"]
    state = graph.get_state(on())
    assert [one.value for one in state.interrupts] == ["Go on?"] and state.next == ("graph",)
    call = in_background(lambda: graph.invoke(Command(resume="yes"), on()))
    wait_until(lambda: len(facts(store, "wait")) == 2)
    pass_by(store)
    assert call.outcome() == ["rested", "yes"]
    assert ran == ["ask", "ask"]


def test_an_answer_that_fails_its_check_is_asked_again_while_another_part_sleeps(store: Store) -> None:
    """Rules 20 and 21: it does not stay "answered" until the timer."""

    def even(value):
        if value % 2:
            raise ValueError("even, please")
        return value

    @task
    def nap():
        sleep_for(3600)

    @entrypoint(checkpointer=store)
    def graph(value):
        sleeping = nap()
        answer = interrupt("How many?", validate=even)
        sleeping.result()
        return answer

    asked = questions(graph.invoke("in", on()))["How many?"]
    # As it comes from a process that does not know the code, and could not check it.
    given = {asked: answering.Given(3, 1, text="3")}
    store.transact("1", partial(answering.answer, given=given, author=Author()), closed=True)
    assert list(questions(graph.invoke(None, on()))) == ["How many?"]
    assert [fact.kind for fact in facts(store, "reopen", "wait")][-2:] == ["reopen", "wait"]


def test_cancel_ends_the_sleep(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        sleep_for(3600)

    call = in_background(lambda: graph.invoke("in", on()))
    wait_until(lambda: asleep(store))
    cancel(store)
    assert call.outcome() is None
    assert (store.thread("1").status, store.thread("1").wake_at) == ("idle", None)


def test_new_input_is_refused_meanwhile(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        sleep_for(3600)

    call = in_background(lambda: graph.invoke("in", on()))
    wait_until(lambda: asleep(store))
    with pytest.raises(ThreadBusy):
        graph.invoke("new", on())
    pass_by(store)
    call.outcome()


def test_a_naive_moment_is_refused(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        sleep_until(datetime(2040, 1, 1))

    with pytest.raises(ValueError, match="time zone"):
        graph.invoke("in", on())


def test_outside_a_run_there_is_nothing_to_sleep_in() -> None:
    with pytest.raises(NotInRun, match="sleep_for"):
        sleep_for(1)


def test_a_sleep_cannot_be_swallowed(store: Store) -> None:
    """It leaves the body like a pause does."""

    @entrypoint(checkpointer=store)
    def graph(value):
        try:
            sleep_for(0.03)
        except Exception:
            return "swallowed"
        return "rested"

    assert graph.invoke("in", on()) == "rested"


def test_an_asynchronous_caller_can_do_something_else_meanwhile(store: Store) -> None:
    @entrypoint(checkpointer=store)
    async def graph(value):
        sleep_for(0.05)
        return value

    async def main() -> list[Any]:
        return await asyncio.gather(graph.ainvoke("a", on("1")), graph.ainvoke("b", on("2")))

    assert asyncio.run(main()) == ["a", "b"]


@pytest.fixture
def napping(register: Register) -> Workflow:
    @entrypoint(name="napping")
    def graph(value):
        sleep_for(3600)
        return "rested"

    return register(graph)


@pytest.fixture
def recorder(settings: Any, monkeypatch: pytest.MonkeyPatch) -> type[Recorder]:
    settings.HITL_EXECUTOR = "tests.hitl.nudges.Recorder"
    monkeypatch.setattr(Recorder, "nudges", [])
    return Recorder


@pytest.mark.django_db
def test_an_executor_gives_lease_and_thread_back(napping: Workflow) -> None:
    verbs.start("napping", "in", thread_id="1")
    assert testing.drain() == 1
    thread = Thread.objects.get(pk="1")
    assert (thread.status, thread.lease_owner, thread.lease_expires_at) == ("busy", "", None)
    assert [run.status for run in Run.objects.all()] == ["queued"]


@pytest.mark.django_db
def test_the_sweep_wakes_it_when_it_is_due_and_not_before(napping: Workflow, recorder: type[Recorder]) -> None:
    verbs.start("napping", "in", thread_id="1")
    testing.drain()
    recorder.nudges.clear()
    assert sweep() == 0 and testing.drain() == 0
    pass_by(saver())
    assert sweep() == 1 and recorder.nudges == [("1", "napping")]
    assert testing.drain() == 1
    assert Thread.objects.get(pk="1").status == "idle"
    assert [run.status for run in Run.objects.all()] == ["succeeded"]


@pytest.mark.django_db
def test_nobody_is_alarmed_by_a_sleeper_unless_it_oversleeps(napping: Workflow) -> None:
    verbs.start("napping", "in", thread_id="1")
    testing.drain()
    Thread.objects.update(updated_at=datetime.now(UTC) - HOUR)
    assert "overdue" not in {found.code for found in findings()}
    Thread.objects.update(wake_at=datetime.now(UTC) - timedelta(minutes=5))
    assert "overdue" in {found.code for found in findings()}


@pytest.mark.django_db
def test_an_answer_wakes_it_at_once_and_it_sleeps_on(register: Register) -> None:
    @task
    def nap():
        sleep_for(3600)

    @entrypoint(name="both")
    def graph(value):
        sleeping = nap()
        answer = interrupt("Go on?")
        sleeping.result()
        return answer

    register(graph)
    verbs.start("both", "in", thread_id="1")
    testing.drain()
    verbs.answer(Interrupt.objects.get().id, "yes", version=1)
    assert Thread.objects.get(pk="1").wake_at is None
    assert testing.drain() == 1
    assert Thread.objects.get(pk="1").wake_at is not None
    assert testing.drain() == 0


@pytest.mark.django_db
def test_a_sleeper_can_be_cancelled_by_a_person(napping: Workflow) -> None:
    verbs.start("napping", "in", thread_id="1")
    testing.drain()
    verbs.cancel("1", by="ana")
    thread = Thread.objects.get(pk="1")
    assert (thread.status, thread.wake_at) == ("idle", None)
    assert [run.status for run in Run.objects.all()] == ["cancelled"]
    assert testing.drain() == 0
