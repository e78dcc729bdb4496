"""`durability=`: when a result is durable, and what a crash costs (item 66, rule 34)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from hitl.checkpoint.database import saver
from hitl.checkpoint.memory import InMemorySaver
from hitl.config import get_stream_writer
from hitl.errors import RunStopped
from hitl.facts import Fact
from hitl.func import entrypoint, task
from hitl.lease import Lease
from hitl.store import Store
from hitl.types import Command, RetryPolicy, interrupt
from tests.hitl.dying import DIED, in_a_process
from tests.hitl.flows import noted
from tests.hitl.journals import gapless
from tests.hitl.programs import WAIT_SECONDS, cancel, facts, on, questions

MODES = ["sync", "async", "exit"]
each_mode = pytest.mark.parametrize("durability", MODES)


def kinds(store: Store) -> list[str]:
    return [fact.kind for fact in store.facts("1")]


class Late(InMemorySaver):
    """Writes what running legs post when `write` is set; what is submitted comes behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.write = Event()
        self._last: Thread | None = None

    def post(self, lease: Lease, facts: Sequence[Fact], done: Callable[[BaseException | None], None]) -> None:
        before, later = self._last, super().post

        def work() -> None:
            if before is not None:
                before.join(WAIT_SECONDS)
            assert self.write.wait(WAIT_SECONDS)
            later(lease, facts, done)

        self._last = Thread(target=work, daemon=True)
        self._last.start()

    def submit(self, work: Callable[[], Any], *, key: str = "") -> Future[Any]:
        if self._last is not None:
            self._last.join(WAIT_SECONDS)
        return super().submit(work, key=key)


def program(store: Store) -> tuple[Any, list[list[str]]]:
    seen: list[list[str]] = []

    @task
    def step(name):
        get_stream_writer()(name)
        return name

    @entrypoint(checkpointer=store)
    def graph(value):
        step("a").result()
        seen.append(store.submit(lambda: kinds(store), key="1").result())
        step("b").result()
        return value

    return graph, seen


@each_mode
def test_the_facts_and_their_order_are_the_same_in_the_end(store: Store, durability: str) -> None:
    graph, _ = program(store)
    assert graph.invoke("in", on(), durability=durability) == "in"
    assert kinds(store) == ["input", "leg", "event", "task", "event", "task", "output"]
    assert gapless(store, "1")


@each_mode
def test_what_the_caller_sees_is_the_same(store: Store, durability: str) -> None:
    graph, _ = program(store)
    assert list(graph.stream("in", on(), durability=durability)) == [{"step": "a"}, {"step": "b"}, {"graph": "in"}]


def test_sync_has_written_a_result_when_the_body_gets_it(store: Store) -> None:
    graph, seen = program(store)
    graph.invoke("in", on())
    assert seen == [["input", "leg", "event", "task"]]


def test_async_lets_the_next_call_begin_before(store: Store) -> None:
    late = Late()
    begun = Event()

    @task
    def step(name):
        if name == "b":
            begun.set()
            late.write.set()
        return name

    @entrypoint(checkpointer=late)
    def graph(value):
        step("a").result()
        assert [fact.kind for fact in late.facts("1")] == ["input", "leg"]
        return step("b").result()

    assert graph.invoke("in", on(), durability="async") == "b"
    assert begun.is_set()
    assert [fact.kind for fact in late.facts("1")] == ["input", "leg", "task", "task", "output"]


def test_async_has_written_everything_before_a_question_is_asked(store: Store) -> None:
    graph = asking(store)
    assert list(questions(graph.invoke("in", on(), durability="async"))) == ["Go on?"]
    assert kinds(store) == ["input", "leg", "task", "question", "pause"]


def asking(store: Store) -> Any:
    @task
    def step(name):
        return name

    @entrypoint(checkpointer=store)
    def graph(value):
        step("a").result()
        answer = interrupt("Go on?")
        step("b").result()
        return answer

    return graph


def test_exit_writes_nothing_until_the_end(store: Store) -> None:
    graph, seen = program(store)
    graph.invoke("in", on(), durability="exit")
    assert seen == [["input", "leg"]]


def test_exit_writes_at_a_question_too_and_goes_on_from_there(store: Store) -> None:
    graph = asking(store)
    assert list(questions(graph.invoke("in", on(), durability="exit"))) == ["Go on?"]
    assert kinds(store) == ["input", "leg", "task", "question", "pause"]
    assert graph.invoke(Command(resume="yes"), on(), durability="exit") == "yes"
    assert [fact.name for fact in facts(store, "task")] == ["step", "step"]


@each_mode
def test_a_failure_is_kept_in_all_three(store: Store, durability: str) -> None:
    ran: list[str] = []

    @task
    def good():
        ran.append("good")

    @task
    def bad():
        ran.append("bad")
        if ran.count("bad") < 2:
            raise ValueError("bad")

    @entrypoint(checkpointer=store)
    def graph(value):
        good().result()
        bad().result()
        return "done"

    with pytest.raises(ValueError, match="bad"):
        graph.invoke("in", on(), durability=durability)
    assert kinds(store) == ["input", "leg", "task", "error", "failed"]
    assert graph.invoke(None, on(), durability=durability) == "done"
    assert ran == ["good", "bad", "bad"]


@each_mode
def test_attempts_are_kept_in_all_three(store: Store, durability: str) -> None:
    ran: list[int] = []

    @task(retry_policy=RetryPolicy(initial_interval=0.01, jitter=False))
    def flaky():
        ran.append(1)
        if len(ran) < 3:
            raise ConnectionError("away")

    @entrypoint(checkpointer=store)
    def graph(value):
        flaky().result()

    graph.invoke("in", on(), durability=durability)
    assert kinds(store) == ["input", "leg", "attempt", "attempt", "task", "output"]


@each_mode
def test_who_has_lost_the_thread_writes_nothing(store: Store, durability: str) -> None:
    @task
    def step():
        return "done"

    @entrypoint(checkpointer=store)
    def graph(value):
        store.submit(lambda: cancel(store), key="1").result()
        step().result()
        return "done"

    with pytest.raises(RunStopped):
        graph.invoke("in", on(), durability=durability)
    assert kinds(store) == ["input", "leg", "cancel"]


@each_mode
def test_asynchronous_bodies_too(store: Store, durability: str) -> None:
    @task
    async def step(name):
        return name

    @entrypoint(checkpointer=store)
    async def graph(value):
        return [await step("a"), await step("b")]

    assert asyncio.run(graph.ainvoke("in", on(), durability=durability)) == ["a", "b"]
    assert kinds(store) == ["input", "leg", "task", "task", "output"]


def test_another_word_is_refused_before_anything_is_written(store: Store) -> None:
    graph, _ = program(store)
    with pytest.raises(ValueError, match="sync, async, exit"):
        graph.invoke("in", on(), durability="later")
    assert store.thread("1") is None


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize(
    ("durability", "before", "again"),
    [
        ("sync", ["input", "leg", "task"], ["second"]),
        ("async", ["input", "leg", "task"], ["second"]),
        ("exit", ["input", "leg"], ["first", "second"]),
    ],
    ids=MODES,
)
def test_what_a_killed_process_leaves_and_what_runs_again(
    tmp_path: Path, durability: str, before: list[str], again: list[str]
) -> None:
    notes = tmp_path / "notes"
    assert in_a_process("two", notes, durability=durability) == (DIED, None)
    assert noted(notes) == ["first", "second", "died in second"]
    assert kinds(saver()) == before
    assert in_a_process("two", notes, durability=durability) == (0, "12")
    assert noted(notes)[3:] == again
    assert gapless(saver(), "1")
