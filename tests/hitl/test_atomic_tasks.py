"""`@task(atomic=True)`: the task's own writes and its result are one transaction: exactly once (The promise)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from hitl import testing, verbs
from hitl.checkpoint.database import saver
from hitl.checkpoint.memory import InMemorySaver
from hitl.errors import JournalUnreachable, Misuse, RunStopped, UnstorableValue
from hitl.func import entrypoint, sleep_for, task
from hitl.models import Thread
from hitl.run import run_thread
from hitl.types import CachePolicy, Command, RetryPolicy, interrupt
from hitl.workflow import Workflow
from tests.hitl.cutting import cut, lose_connection, own_pid
from tests.hitl.dying import DIED, in_a_process
from tests.hitl.flows import noted
from tests.hitl.journals import gapless
from tests.hitl.programs import on
from tests.hitl.racing import in_background

pytestmark = pytest.mark.usefixtures("engine")
Register = Callable[[Workflow], Workflow]


def groups() -> list[str]:
    return sorted(Group.objects.values_list("name", flat=True))


def kinds() -> list[str]:
    return [fact.kind for fact in saver().facts("1") if fact.kind != "call"]


def paying(inside: Callable[[], Any] = lambda: None, **options: Any) -> tuple[Any, list[str]]:
    """A workflow whose atomic task writes a row and does `inside` before it returns."""
    starts: list[str] = []

    @task(atomic=True, **options)
    def pay(name):
        starts.append(name)
        Group.objects.create(name=name)
        inside()
        return f"paid {name}"

    @entrypoint(name="paying")
    def graph(value):
        return pay(value).result()

    return graph, starts


def test_both_are_there_afterwards_and_it_runs_once() -> None:
    @task(atomic=True)
    def pay():
        Group.objects.create(name="paid")
        return "paid"

    @entrypoint()
    def graph(value):
        return [pay().result(), interrupt("Go on?")]

    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == ["paid", "yes"]
    assert groups() == ["paid"]


def test_nobody_sees_one_without_the_other() -> None:
    seen: list[Any] = []

    def look() -> None:
        seen.append(in_background(lambda: (groups(), kinds())).outcome())

    graph, _ = paying(look)
    graph.invoke("ana", on())
    assert seen == [([], ["input", "leg"])]
    assert (groups(), kinds()) == (["ana"], ["input", "leg", "task", "output"])


def fails() -> None:
    raise ValueError("no")


def test_an_exception_takes_its_writes_back() -> None:
    graph, _ = paying(fails)
    with pytest.raises(ValueError, match="no"):
        graph.invoke("ana", on())
    assert (groups(), kinds()) == ([], ["input", "leg", "error", "failed"])


def test_and_a_retry_by_a_person_makes_them_once() -> None:
    tries = iter([True, False])
    graph, _ = paying(lambda: fails() if next(tries) else None)
    with pytest.raises(ValueError, match="no"):
        graph.invoke("ana", on())
    assert graph.invoke(None, on()) == "paid ana"
    assert groups() == ["ana"]


def test_an_attempt_that_failed_left_nothing() -> None:
    tries = iter([True, True, False])

    def away() -> None:
        if next(tries):
            raise ConnectionError("away")

    graph, starts = paying(away, retry_policy=RetryPolicy(initial_interval=0.01, jitter=False))
    assert graph.invoke("ana", on()) == "paid ana"
    assert (groups(), starts) == (["ana"], ["ana"] * 3)
    assert kinds() == ["input", "leg", "attempt", "attempt", "task", "output"]


def test_a_result_that_cannot_be_stored_takes_them_back() -> None:
    @task(atomic=True)
    def pay():
        Group.objects.create(name="paid")
        return object()

    @entrypoint()
    def graph(value):
        return pay().result()

    with pytest.raises(UnstorableValue, match="pay"):
        graph.invoke("in", on())
    assert groups() == []


def test_a_process_killed_in_the_transaction_leaves_nothing_and_the_next_makes_it_once(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    assert in_a_process("dies_inside", notes) == (DIED, None)
    assert (groups(), kinds()) == ([], ["input", "leg"])
    assert in_a_process("dies_inside", notes) == (0, "paid")
    assert groups() == ["paid"]
    assert [line for line in noted(notes) if line == "atomic"] == ["atomic"] * 2


def test_a_process_killed_after_the_commit_has_made_it_and_it_does_not_run_again(tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    assert in_a_process("dies_after", notes) == (DIED, None)
    assert (groups(), kinds()) == (["paid"], ["input", "leg", "task"])
    assert in_a_process("dies_after", notes) == (0, "paid")
    assert groups() == ["paid"]
    assert [line for line in noted(notes) if line == "atomic"] == ["atomic"]


def test_who_has_lost_the_thread_writes_nothing() -> None:
    @task(atomic=True)
    def pay():
        Group.objects.create(name="paid")

    @entrypoint()
    def graph(value):
        in_background(lambda: verbs.cancel("1")).outcome()
        pay().result()

    with pytest.raises(RunStopped):
        graph.invoke("in", on())
    assert (groups(), kinds()) == ([], ["input", "leg", "cancel"])


@pytest.mark.postgres
def test_nor_who_loses_it_in_the_middle() -> None:
    graph, _ = paying(lambda: in_background(lambda: verbs.cancel("1")).outcome())
    with pytest.raises(RunStopped):
        graph.invoke("ana", on())
    assert (groups(), kinds()) == ([], ["input", "leg", "cancel"])


@pytest.mark.postgres
def test_a_commit_that_was_not_heard_of_is_not_made_again() -> None:
    graph, starts = paying(lambda: transaction.on_commit(lose_connection))
    assert graph.invoke("ana", on()) == "paid ana"
    assert (groups(), starts) == (["ana"], ["ana"])
    assert kinds() == ["input", "leg", "task", "output"]
    assert gapless(saver(), "1")


def lose_at_once() -> None:
    """The task's own next word over it is the error."""
    lose_connection()


def lose_before_the_commit() -> None:
    cut(own_pid())


@pytest.mark.postgres
@pytest.mark.parametrize("lose", [lose_at_once, lose_before_the_commit])
def test_a_lost_connection_leaves_nothing_and_fails_nothing_and_the_next_leg_makes_it_once(
    register: Register, lose: Callable[[], None]
) -> None:
    times = iter([True, False])
    graph, starts = paying(lambda: lose() if next(times) else None)
    register(graph)
    with pytest.raises(JournalUnreachable):
        graph.invoke("ana", on())
    connection.close()
    assert (groups(), kinds()) == ([], ["input", "leg"])
    Thread.objects.end_lease("1", epoch=Thread.objects.get().lease_epoch)
    assert run_thread("1")
    assert (groups(), starts) == (["ana"], ["ana", "ana"])
    assert kinds() == ["input", "leg", "leg", "task", "output"]


def ask() -> None:
    interrupt("Go on?")


@task
def other() -> None:
    pass


@pytest.mark.parametrize(
    "inside", [ask, lambda: other().result(), partial(sleep_for, 60)], ids=["question", "task", "sleep"]
)
def test_calls_of_the_engine_inside_are_refused_and_take_it_back(inside: Callable[[], Any]) -> None:
    graph, _ = paying(inside)
    with pytest.raises(Misuse, match=r"atomic task pay\(\)"):
        graph.invoke("ana", on())
    assert groups() == []
    assert "question" not in kinds() and "timer" not in kinds()


def test_an_asynchronous_task_cannot_be_atomic() -> None:
    with pytest.raises(ValueError, match="asynchronous"):

        @task(atomic=True)
        async def pay():
            pass


@pytest.mark.parametrize("durability", ["async", "exit"])
def test_with_every_durability(durability: str) -> None:
    graph, _ = paying()
    assert graph.invoke("ana", on(), durability=durability) == "paid ana"
    assert (groups(), kinds()) == (["ana"], ["input", "leg", "task", "output"])


def test_a_cached_one_writes_once_for_all_threads() -> None:
    from hitl.cache.memory import InMemoryCache

    @task(atomic=True, cache_policy=CachePolicy())
    def pay(name):
        Group.objects.create(name=name)
        return name

    @entrypoint(cache=InMemoryCache())
    def graph(value):
        return pay(value).result()

    assert [graph.invoke("ana", on(name)) for name in "ab"] == ["ana", "ana"]
    assert groups() == ["ana"]


def test_from_an_asynchronous_body() -> None:
    import asyncio

    @task(atomic=True)
    def pay(name):
        Group.objects.create(name=name)
        return name

    @entrypoint()
    async def graph(value):
        return await pay(value)

    assert asyncio.run(graph.ainvoke("ana", on())) == "ana"
    assert groups() == ["ana"]


def test_in_memory_there_is_nothing_to_share_a_transaction_with() -> None:
    @task(atomic=True)
    def pay(name):
        return name

    @entrypoint(checkpointer=InMemorySaver())
    def graph(value):
        return pay(value).result()

    assert graph.invoke("ana", on()) == "ana"


def test_in_a_plain_test_the_callers_transaction_is_around_it(register: Register) -> None:
    graph, _ = paying()
    register(graph)
    with transaction.atomic():
        verbs.start("paying", "ana", thread_id="1")
        assert testing.drain() == 1
        assert groups() == ["ana"]
        transaction.set_rollback(True)
    assert groups() == []
