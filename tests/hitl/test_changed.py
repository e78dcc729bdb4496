"""Rule 14: `changed("name")` keeps open turns on the path they took, and sends new ones down the new one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hitl import testing, verbs
from hitl.checkpoint.database import saver
from hitl.errors import NonDeterminism, NotInRun
from hitl.func import changed, entrypoint, sleep_until, task
from hitl.models import Checkpoint
from hitl.store import Store
from hitl.types import Command, interrupt
from hitl.workflow import Workflow
from tests.hitl.programs import facts, on, questions


@task
def step(name: str) -> str:
    return f"did {name}"


def deployed(store: Store, body: Callable[[Any], Any]) -> Workflow:
    """This body as the code of the one workflow that all of these tests are about."""
    return entrypoint(checkpointer=store, name="shop")(body)


def old(value: Any) -> Any:
    return [step("a").result(), interrupt("ok?"), step("z").result()]


def new(value: Any) -> Any:
    done = [step("b" if changed("b for a") else "a").result()]
    return [*done, interrupt("ok?"), step("y" if changed("y for z") else "z").result()]


def test_a_new_turn_takes_the_new_path(store: Store) -> None:
    graph = deployed(store, new)
    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == ["did b", "yes", "did y"]


def test_an_open_turn_keeps_the_old_path_where_it_has_been_and_takes_the_new_one_beyond(store: Store) -> None:
    deployed(store, old).invoke("in", on())
    assert deployed(store, new).invoke(Command(resume="yes"), on()) == ["did a", "yes", "did y"]


def test_without_the_marker_the_open_turn_diverges(store: Store) -> None:
    """What the marker is for. The journal is as it was, so putting the marker in and retrying helps."""

    @task
    def other(name: str) -> str:
        return f"other {name}"

    deployed(store, old).invoke("in", on())
    with pytest.raises(NonDeterminism):
        deployed(store, lambda value: [other("a").result(), interrupt("ok?")]).invoke(Command(resume="yes"), on())
    marked = deployed(store, lambda value: [(other if changed("other") else step)("a").result(), interrupt("ok?")])
    assert marked.invoke(None, on()) == ["did a", "yes"]


def test_the_next_turn_of_the_same_thread_takes_the_new_path(store: Store) -> None:
    deployed(store, old).invoke("in", on())
    graph = deployed(store, new)
    graph.invoke(Command(resume="yes"), on())
    graph.invoke("again", on())
    assert graph.invoke(Command(resume="yes"), on()) == ["did b", "yes", "did y"]


def test_true_is_a_fact_and_false_is_none(store: Store) -> None:
    deployed(store, old).invoke("in", on())
    graph = deployed(store, new)
    graph.invoke(Command(resume="yes"), on())
    assert [(fact.name, fact.path) for fact in facts(store, "branch")] == [("y for z", "#y for z")]
    kinds = [fact.kind for fact in store.facts("1")]
    assert kinds[-3:] == ["branch", "task", "output"]


def test_true_stays_true_however_often_the_turn_is_replayed(store: Store) -> None:
    seen: list[bool] = []

    def body(value: Any) -> Any:
        seen.append(changed("x"))
        return [step("a").result(), interrupt("1?"), interrupt("2?"), changed("x")]

    graph = deployed(store, body)
    graph.invoke("in", on())
    graph.invoke(Command(resume=1), on())
    assert graph.invoke(Command(resume=2), on()) == ["did a", 1, 2, True]
    assert seen == [True, True, True]
    assert len(facts(store, "branch")) == 1


def test_a_question_beyond_is_enough_to_keep_the_old_path(store: Store) -> None:
    asking = deployed(store, lambda value: interrupt("ok?"))
    asking.invoke("in", on())

    def body(value: Any) -> Any:
        return "new" if changed("no question") else interrupt("ok?")

    graph = deployed(store, body)
    assert list(questions(graph.invoke(None, on()))) == ["ok?"]
    assert graph.invoke(Command(resume="yes"), on()) == "yes"


@pytest.mark.parametrize("key", ["", "k"])
def test_an_answered_question_beyond_too(store: Store, key: str) -> None:
    deployed(store, lambda value: [interrupt("1?", key=key), interrupt("2?")]).invoke("in", on())

    def body(value: Any) -> Any:
        first = changed("before 1")
        one = interrupt("1?", key=key)
        between = changed("before 2")
        two = interrupt("2?")
        return [first, one, between, two, changed("after 2")]

    graph = deployed(store, body)
    graph.invoke(Command(resume=1), on())
    assert graph.invoke(Command(resume=2), on()) == [False, 1, True, 2, True]


def test_what_this_leg_has_recorded_is_not_beyond(store: Store) -> None:
    graph = deployed(store, lambda value: [step("a").result(), changed("after a")])
    assert graph.invoke("in", on()) == ["did a", True]


def test_a_timer_beyond_too(store: Store) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=0.2)

    def body(value: Any) -> Any:
        sleep_until(soon)
        raise ValueError("awake")

    with pytest.raises(ValueError, match="awake"):
        deployed(store, body).invoke("in", on())
    assert len(facts(store, "timer")) == 1

    def later(value: Any) -> Any:
        before = changed("before")
        sleep_until(soon)
        return [before, changed("after")]

    assert deployed(store, later).invoke(None, on()) == [False, True]


def test_in_a_task_what_counts_is_what_that_call_has_recorded(store: Store) -> None:
    def made(ask: Callable[[Any], Any]) -> Workflow:
        asking = task(ask, name="ask")
        return deployed(store, lambda value: [asking("one").result(), asking("two").result()])

    made(lambda name: interrupt(f"{name}?")).invoke("in", on())

    def ask(name: str) -> Any:
        return [changed("greet"), interrupt(f"{name}?")]

    graph = made(ask)
    assert list(questions(graph.invoke(Command(resume=1), on()))) == ["two?"]
    assert graph.invoke(Command(resume=2), on()) == [[False, 1], [True, 2]]
    (branch,) = facts(store, "branch")
    call = next(fact for fact in facts(store, "task") if fact.name == "ask" and fact.value == "[true,2]")
    assert branch.path == f"{call.path}#greet"


def test_parallel_calls_that_were_all_recorded_are_not_beyond(store: Store) -> None:
    def fan(value: Any) -> Any:
        return [[future.result() for future in [step("a"), step("b")]], interrupt("ok?")]

    def later(value: Any) -> Any:
        first, second = step("b"), step("a")
        done = [first.result(), second.result()]
        return [done, interrupt("ok?"), changed("after")]

    deployed(store, fan).invoke("in", on())
    assert deployed(store, later).invoke(Command(resume="yes"), on()) == [["did b", "did a"], "yes", True]


def test_one_name_is_one_decision_in_a_body(store: Store) -> None:
    """The second place was not reached, but the first one says for both that this turn is an old one."""
    deployed(store, old).invoke("in", on())

    def body(value: Any) -> Any:
        first = changed("x")
        done = [step("a").result(), interrupt("ok?")]
        return [first, *done, changed("x")]

    assert deployed(store, body).invoke(Command(resume="yes"), on()) == [False, "did a", "yes", False]


def test_in_a_loop_the_number_of_the_round_is_part_of_the_name(store: Store) -> None:
    deployed(store, lambda value: [interrupt(f"{number}?") for number in range(3)]).invoke("in", on())

    def body(value: Any) -> Any:
        return [(changed(f"round {number}"), interrupt(f"{number}?")) for number in range(3)]

    graph = deployed(store, body)
    for number in range(2):
        graph.invoke(Command(resume=number), on())
    assert graph.invoke(Command(resume=2), on()) == [(False, 0), (True, 1), (True, 2)]


def test_a_failed_call_that_will_run_again_is_not_beyond(store: Store) -> None:
    """Mending a failing call by another one needs no more than a retry."""

    @task
    def broken() -> str:
        raise ValueError("broken")

    graph = deployed(store, lambda value: [step("a").result(), broken().result()])
    with pytest.raises(ValueError, match="broken"):
        graph.invoke("in", on())
    mended = deployed(
        store, lambda value: [step("a").result(), (step("whole") if changed("mend") else broken()).result()]
    )
    assert mended.invoke(None, on()) == ["did a", "did whole"]


async def test_in_asynchronous_code(store: Store) -> None:
    @task
    async def wait(name: str) -> str:
        return f"did {name}"

    async def before(value: Any) -> Any:
        return [await wait("a"), interrupt("ok?"), await wait("z")]

    async def after(value: Any) -> Any:
        first = await wait("b" if changed("b") else "a")
        return [first, interrupt("ok?"), await wait("y" if changed("y") else "z")]

    await deployed(store, before).ainvoke("in", on())
    assert await deployed(store, after).ainvoke(Command(resume="yes"), on()) == ["did a", "yes", "did y"]


def test_a_fork_from_before_the_place_decides_anew(store: Store) -> None:
    graph = deployed(store, old)
    graph.invoke("in", on())
    first = store.facts("1")[0].seq
    at = {"configurable": {"thread_id": "1", "checkpoint_id": str(first)}}
    deployed(store, new).invoke(None, at)
    assert deployed(store, new).invoke(Command(resume="yes"), on()) == ["did b", "yes", "did y"]


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb", None, 3])
def test_a_name_that_cannot_be_one_is_refused(name: Any) -> None:
    with pytest.raises(ValueError, match="printable"):
        changed(name)


def test_outside_a_run_there_is_nothing_to_decide() -> None:
    with pytest.raises(NotInRun):
        changed("x")


@pytest.mark.django_db
def test_nothing_of_the_new_path_is_recorded_before_the_branch(register: Any) -> None:
    """A process that died before notes the calls that it begins; the branch comes with the first of them."""
    kinds: list[str] = []

    @task
    def look() -> None:
        kinds.extend(Checkpoint.objects.order_by("seq").values_list("kind", flat=True))

    @entrypoint(name="shop")
    def graph(value: Any) -> Any:
        return [changed("x"), look().result()]

    register(graph)
    verbs.start("shop", "in", thread_id="1")
    saver().transact("1", lambda unit: setattr(unit.thread, "claims", 1))
    testing.drain()
    assert kinds == ["input", "leg", "branch", "call"]
