"""Rule 34: nobody sees a result before it is durable: not the body, not a callback, not the stream."""

from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from hitl.checkpoint.memory import InMemorySaver
from hitl.errors import JournalUnreachable
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import WAIT_SECONDS, facts, on
from tests.hitl.racing import in_background


class Slow(InMemorySaver):
    """A store that takes its time: a task's result is written when `write` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.write = Event(), Event()

    def append(self, lease: Any, facts: Any) -> None:
        self.reached.set()
        assert self.write.wait(WAIT_SECONDS)
        super().append(lease, facts)


def test_not_before_it_is_written() -> None:
    store = Slow()
    seen: list[str] = []

    @task
    def work():
        return "result"

    @entrypoint(checkpointer=store)
    def graph(value):
        future = work()
        future.add_done_callback(lambda _: seen.append("callback"))
        assert store.reached.wait(WAIT_SECONDS)
        seen.append(f"done: {future.done()}")
        store.write.set()
        future.result()
        seen.append("body")
        return "done"

    chunks = []

    def run() -> None:
        for chunk in graph.stream("in", on()):
            seen.append(f"stream: {next(iter(chunk))}")
            chunks.append(chunk)

    in_background(run).outcome()
    assert seen[0] == "done: False"
    assert set(seen[1:]) == {"callback", "body", "stream: work", "stream: graph"}


def test_the_journal_has_it_when_the_body_goes_on(store: Store) -> None:
    counts = []

    @task
    def work(n):
        return n

    @entrypoint(checkpointer=store)
    def graph(value):
        for n in range(3):
            work(n).result()
            counts.append(len(store.submit(lambda: facts(store, "task")).result()))

    graph.invoke("in", on())
    assert counts == [1, 2, 3]


def test_the_stream_tells_a_question_when_it_can_be_answered(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return interrupt("ok?")

    for chunk in graph.stream("in", on()):
        (asked,) = chunk["__interrupt__"]
        assert store.question(asked.id).status == "pending"
    assert graph.invoke(Command(resume="yes"), on()) == "yes"


def test_a_result_that_could_not_be_written_is_seen_by_nobody() -> None:
    seen: list[str] = []

    class Broken(InMemorySaver):
        def append(self, lease: Any, facts: Any) -> None:
            raise JournalUnreachable("gone")

    @task
    def work():
        return "result"

    @entrypoint(checkpointer=Broken())
    def graph(value):
        future = work()
        future.add_done_callback(lambda future: seen.append(f"callback {future.result()}"))
        seen.append(future.result())

    chunks = []
    with pytest.raises(JournalUnreachable):
        chunks.extend(graph.stream("in", on()))
    assert (seen, chunks) == ([], [])
