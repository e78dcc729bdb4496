"""Rule 14: an open turn can be replayed without effects, to learn whether the code that is here can."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from hitl import answering, registry
from hitl.errors import UnknownThread
from hitl.facts import Author
from hitl.func import changed, entrypoint, sleep_until, task
from hitl.rehearsal import Rehearsal, rehearse
from hitl.store import Store
from hitl.types import Command, interrupt
from hitl.workflow import Workflow
from tests.hitl.programs import cancel, facts, on, questions
from tests.hitl.racing import WAIT_SECONDS, in_background

Deploy = Callable[..., Workflow]
ran: list[str] = []


@pytest.fixture(autouse=True)
def nothing_ran() -> None:
    ran.clear()


@task
def step(name: str) -> str:
    ran.append(name)
    return f"did {name}"


@task
def other(name: str) -> str:
    ran.append(name)
    return f"other {name}"


@pytest.fixture
def deploy(store: Store, register: Callable[[Workflow], Workflow], monkeypatch: pytest.MonkeyPatch) -> Deploy:
    """This body as the only code of the one workflow that all of these tests are about."""

    def deployed(body: Callable[[Any], Any], version: str | None = None) -> Workflow:
        monkeypatch.setattr(registry, "_workflows", {})
        return register(entrypoint(checkpointer=store, name="shop", version=version)(body))

    return deployed


def rehearsed(store: Store) -> Rehearsal:
    """What a rehearsal says, and that it did nothing."""
    before = store.facts("1"), copy.copy(vars_of(store)), list(ran)
    found = rehearse(store, "1")
    assert (store.facts("1"), vars_of(store), ran) == before
    assert found is not None
    return found


def vars_of(store: Store) -> dict[str, Any]:
    row = store.thread("1")
    return {name: getattr(row, name) for name in ("status", "seq", "lease_epoch", "lease_owner", "claims", "warning")}


def test_a_turn_replays_with_the_code_that_it_ran_with(store: Store, deploy: Deploy) -> None:
    deploy(lambda value: [step("a").result(), interrupt("ok?"), step("b").result()]).invoke("in", on())
    found = rehearsed(store)
    assert (found.thread_id, found.workflow, found.status, found.problem) == ("1", "shop", "interrupted", "")


def test_a_divergence_is_told_as_the_run_would_tell_it(store: Store, deploy: Deploy) -> None:
    deploy(lambda value: [step("a").result(), interrupt("ok?")]).invoke("in", on())
    deploy(lambda value: [other("a").result(), interrupt("ok?")])
    found = rehearsed(store)
    assert found.problem == "divergence"
    assert "call 1 of shop was recorded as step(), now it is other()" in found.message
    assert found.recorded is not None and found.now is not None
    assert found.recorded["arguments"] == found.now["arguments"] == {"args": ["a"], "kwargs": {}}
    assert found.recorded["seq"] == facts(store, "task")[0].seq


def test_the_marker_that_mends_it_can_be_tried(store: Store, deploy: Deploy) -> None:
    deploy(lambda value: [step("a").result(), interrupt("ok?")]).invoke("in", on())
    deploy(lambda value: [(other if changed("x") else step)("a").result(), interrupt("ok?"), changed("y")])
    assert rehearsed(store).problem == ""


def test_a_call_that_is_not_recorded_does_not_run(store: Store, deploy: Deploy) -> None:
    deploy(lambda value: [step("a").result(), interrupt("ok?")]).invoke("in", on())
    deploy(lambda value: [step("a").result(), step("new").result(), interrupt("ok?")])
    assert rehearsed(store).problem == ""
    assert ran == ["a"]


def test_an_answer_that_is_given_and_not_yet_taken_up_is_delivered(store: Store, deploy: Deploy) -> None:
    graph = deploy(lambda value: [interrupt("1?"), interrupt("2?")])
    graph.invoke("in", on())
    graph.invoke(Command(resume=1), on())
    assert rehearsed(store).problem == ""
    deploy(lambda value: [interrupt("one?"), interrupt("2?")])
    found = rehearsed(store)
    assert found.problem == "divergence"
    assert "belongs to another text" in found.message


def test_an_answer_that_reaches_no_question_is_found(store: Store, deploy: Deploy) -> None:
    graph = deploy(lambda value: [interrupt("1?", key="one"), interrupt("2?", key="two")])
    asked = questions(graph.invoke("in", on()))
    graph.invoke(Command(resume=1), on())
    deploy(lambda value: interrupt("2?", key="two"))
    found = rehearsed(store)
    assert found.problem == "unreached-answer"
    assert f"the answer to question {asked['1?']} reached no question" in found.message
    assert "“1?”, the question with key 'one' of shop" in found.message


def test_an_answer_that_may_be_reached_later_is_not(store: Store, deploy: Deploy) -> None:
    """A new question comes first now; the old answer waits behind it."""
    graph = deploy(lambda value: [interrupt("1?", key="one"), interrupt("2?", key="two")])
    graph.invoke("in", on())
    graph.invoke(Command(resume=1), on())
    deploy(lambda value: [interrupt("0?", key="nought"), interrupt("1?", key="one"), interrupt("2?", key="two")])
    assert rehearsed(store).problem == ""
    deploy(lambda value: [step("new").result(), interrupt("1?", key="one"), interrupt("2?", key="two")])
    assert rehearsed(store).problem == ""


def test_a_pending_question_that_is_not_asked_any_more_is_found(store: Store, deploy: Deploy) -> None:
    asked = questions(deploy(lambda value: interrupt("ok?")).invoke("in", on()))
    deploy(lambda value: "fine")
    found = rehearsed(store)
    assert found.problem == "unasked-question"
    assert f"question {asked['ok?']}, which waits for its answer, is not asked this time" in found.message
    assert f"Recorded: “ok?”, question 1 of shop, fact {facts(store, 'question')[0].seq}" in found.message


def test_a_pending_question_with_another_text_is_no_divergence(store: Store, deploy: Deploy) -> None:
    """Rule 13: it is asked anew, one version on."""
    deploy(lambda value: interrupt("ok?")).invoke("in", on())
    deploy(lambda value: interrupt("really ok?"))
    assert rehearsed(store).problem == ""


def test_a_body_that_raises_now_is_found(store: Store, deploy: Deploy) -> None:
    deploy(lambda value: [step("a").result(), interrupt("ok?")]).invoke("in", on())
    deploy(lambda value: [step("a").result().nothing, interrupt("ok?")])
    found = rehearsed(store)
    assert found.problem == "raised"
    assert "AttributeError: 'str' object has no attribute 'nothing'" in found.message


def test_a_body_that_raises_what_it_raised_then_replays(store: Store, deploy: Deploy) -> None:
    def body(value: Any) -> Any:
        raise ValueError(f"{step('a').result()} too little")

    with pytest.raises(ValueError, match="too little"):
        deploy(body).invoke("in", on())
    assert rehearsed(store).problem == ""


def test_a_failed_task_would_run_again_and_does_not(store: Store, deploy: Deploy) -> None:
    @task
    def broken() -> None:
        ran.append("broken")
        raise ValueError("broken")

    graph = deploy(lambda value: [step("a").result(), broken().result()])
    with pytest.raises(ValueError, match="broken"):
        graph.invoke("in", on())
    found = rehearsed(store)
    assert (found.status, found.problem) == ("error", "")


def test_a_turn_that_diverged_replays_once_the_code_is_mended(store: Store, deploy: Deploy) -> None:
    def before(value: Any) -> Any:
        return [step("a").result(), interrupt("ok?")]

    deploy(before).invoke("in", on())
    with pytest.raises(Exception, match="cannot be replayed"):
        deploy(lambda value: [other("a").result(), interrupt("ok?")]).invoke(Command(resume="yes"), on())
    assert rehearsed(store).problem == "divergence"
    deploy(before)
    assert rehearsed(store).problem == ""


def asking(name: str) -> Any:
    ran.append(f"asking {name}")
    return [interrupt(f"{name} 1?"), interrupt(f"{name} 2?")]


def test_a_task_that_waits_inside_does_not_run_and_is_named(store: Store, deploy: Deploy) -> None:
    ask = task(asking)
    graph = deploy(lambda value: ask("x").result())
    graph.invoke("in", on())
    graph.invoke(Command(resume=1), on())
    found = rehearsed(store)
    assert (found.problem, found.not_looked_into) == ("", ("asking",))


def test_a_task_with_a_question_that_is_not_called_any_more_is_found(store: Store, deploy: Deploy) -> None:
    ask = task(asking)
    graph = deploy(lambda value: ask("x").result())
    graph.invoke("in", on())
    deploy(lambda value: "fine")
    assert rehearsed(store).problem == "unasked-question"
    graph.invoke(Command(resume=1), on())
    found = rehearsed(store)
    assert found.problem == "unreached-answer"
    assert "question 1 of shop › asking" in found.message


def test_parallel_tasks_of_which_one_is_answered_replay(store: Store, deploy: Deploy) -> None:
    @task
    def ask(name: str) -> Any:
        return interrupt(f"{name}?")

    def body(value: Any) -> Any:
        futures = [ask("a"), ask("b")]
        return [future.result() for future in futures]

    graph = deploy(body)
    asked = questions(graph.invoke("in", on()))
    graph.invoke(Command(resume={asked["b?"]: 1}), on())
    assert rehearsed(store).problem == ""


def test_an_answer_behind_a_question_that_is_still_open_may_be_reached_later(store: Store, deploy: Deploy) -> None:
    """The code waits for a first now, and calls b afterwards."""

    @task
    def ask(name: str) -> Any:
        return interrupt(f"{name}?")

    def body(value: Any) -> Any:
        futures = [ask("a"), ask("b")]
        return [future.result() for future in futures]

    asked = questions(deploy(body).invoke("in", on()))
    answer = partial(answering.resume, value={asked["b?"]: 1}, author=Author())
    store.transact("1", answer, closed=True)
    deploy(lambda value: [ask("a").result(), ask("b").result()])
    assert rehearsed(store).problem == ""


def test_an_answer_in_a_task_that_failed_and_will_run_again_is_not_looked_for(store: Store, deploy: Deploy) -> None:
    @task
    def ask(name: str) -> Any:
        answer = interrupt(f"{name}?")
        raise ValueError(f"{answer} {step('below').result()}")

    graph = deploy(lambda value: ask("a").result())
    graph.invoke("in", on())
    with pytest.raises(ValueError, match="yes did below"):
        graph.invoke(Command(resume="yes"), on())
    found = rehearsed(store)
    assert (found.status, found.problem, found.not_looked_into) == ("error", "", ("ask",))


def test_a_marker_before_a_pending_question_keeps_the_old_path(store: Store, deploy: Deploy) -> None:
    deploy(lambda value: interrupt("ok?")).invoke("in", on())
    deploy(lambda value: "new" if changed("no question") else interrupt("ok?"))
    assert rehearsed(store).problem == ""


def test_a_child_workflow_is_looked_into(store: Store, deploy: Deploy) -> None:
    def with_child(call: Any) -> Callable[[Any], Any]:
        @entrypoint()
        def child(value: Any) -> Any:
            return [call("a").result(), interrupt("ok?")]

        return lambda value: child.invoke(value)

    deploy(with_child(step)).invoke("in", on())
    assert rehearsed(store).problem == ""
    deploy(with_child(other))
    found = rehearsed(store)
    assert found.problem == "divergence"
    assert "call 1 of shop › child was recorded as step()" in found.message


def test_a_child_that_would_end_now_writes_nothing(store: Store, deploy: Deploy) -> None:
    def with_child(asks: bool) -> Callable[[Any], Any]:
        @entrypoint()
        def child(value: Any) -> Any:
            return interrupt("child?") if asks else value

        return lambda value: [child.invoke(value), step("after").result()]

    deploy(with_child(True)).invoke("in", on())
    deploy(with_child(False))
    assert rehearsed(store).problem == ""


def test_a_turn_that_sleeps_replays(store: Store, deploy: Deploy) -> None:
    def body(value: Any) -> Any:
        done = interrupt("ok?", key="ok")
        sleep_until(datetime.now(UTC) + timedelta(days=1))
        return done

    graph = deploy(body)
    graph.invoke("in", on())
    asleep = in_background(lambda: graph.invoke(Command(resume="yes"), on()))
    wait_for(lambda: store.thread("1").wake_at is not None)
    found = rehearsed(store)
    assert (found.status, found.problem) == ("busy", "")
    cancel(store)
    asleep.outcome()


async def test_asynchronous_code(store: Store, deploy: Deploy) -> None:
    def made(call: Any) -> Workflow:
        async def body(value: Any) -> Any:
            return [await call("a"), interrupt("ok?")]

        return deploy(body)

    await made(step).ainvoke("in", on())
    assert in_background(lambda: rehearsed(store)).outcome().problem == ""
    made(other)
    assert in_background(lambda: rehearsed(store)).outcome().problem == "divergence"


def test_the_version_that_the_turn_needs_is_rehearsed(store: Store, deploy: Deploy, register: Any) -> None:
    first = deploy(lambda value: [step("a").result(), interrupt("ok?")], "1")
    first.invoke("in", on())
    deploy(lambda value: [other("a").result(), interrupt("ok?")], "2")
    found = rehearsed(store)
    assert (found.problem, found.version) == ("unknown-version", "1")
    assert "needs version '1'" in found.message
    register(first)
    assert rehearsed(store).problem == ""


def test_a_workflow_that_is_gone_is_told(store: Store, deploy: Deploy, monkeypatch: pytest.MonkeyPatch) -> None:
    deploy(lambda value: interrupt("ok?")).invoke("in", on())
    monkeypatch.setattr(registry, "_workflows", {})
    found = rehearsed(store)
    assert found.problem == "unknown-workflow"
    assert "there is no workflow 'shop' here" in found.message


def test_a_finished_thread_has_nothing_to_rehearse_and_an_unknown_one_is_unknown(store: Store, deploy: Deploy) -> None:
    deploy(lambda value: value).invoke("in", on())
    assert rehearse(store, "1") is None
    with pytest.raises(UnknownThread):
        rehearse(store, "none")


def test_beside_a_run_that_is_under_way(store: Store, deploy: Deploy) -> None:
    """It takes no lease, so the run neither waits nor is lost."""
    begun, go_on = threading.Event(), threading.Event()

    @task
    def slow() -> str:
        begun.set()
        assert go_on.wait(WAIT_SECONDS)
        return "slow"

    graph = deploy(lambda value: [step("a").result(), slow().result(), step("b").result()])
    running = in_background(lambda: graph.invoke("in", on()))
    assert begun.wait(WAIT_SECONDS)
    found = rehearsed(store)
    assert (found.status, found.problem) == ("busy", "")
    go_on.set()
    assert running.outcome() == ["did a", "slow", "did b"]
    assert ran == ["a", "b"]


def wait_for(happened: Callable[[], bool]) -> None:
    step = threading.Event()
    for _ in range(WAIT_SECONDS * 50):
        if happened():
            return
        step.wait(0.02)
    raise AssertionError("it does not happen")
