"""Rules 25 and 28: a run that is cancelled while it waits to try again does not try again."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event
from time import monotonic
from typing import Any

import pytest

from hitl import conf, pool
from hitl.errors import RunCancelled
from hitl.func import entrypoint, task
from hitl.retrying import RetryPolicy
from hitl.store import Store
from tests.hitl.programs import WAIT_SECONDS, cancel, facts, on
from tests.hitl.racing import in_background

SOON = RetryPolicy(initial_interval=2.0, jitter=False, retry_on=OSError)


@pytest.fixture
def quick_pulse(monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    settings = dataclasses.replace(conf.settings(), lease_seconds=0.3)
    monkeypatch.setattr(conf, "settings", lambda: settings)


def until(condition: Callable[[], bool]) -> None:
    end = monotonic() + WAIT_SECONDS
    while not condition():
        assert monotonic() < end


def cancelled_while_it_waits(store: Store, graph: Any, failed: Event) -> None:
    running = in_background(lambda: graph.invoke("in", on()))
    assert failed.wait(WAIT_SECONDS)
    until(lambda: bool(facts(store, "attempt")))
    cancel(store)
    with pytest.raises(RunCancelled):
        running.outcome()
    # What waits on a thread of the pool has come to its end when this returns.
    pool.close()


@pytest.mark.usefixtures("quick_pulse")
def test_a_task_does_not_run_again(store: Store) -> None:
    failed, tries = Event(), list[str]()

    @task(retry_policy=SOON)
    def send(value):
        tries.append(value)
        failed.set()
        raise OSError("busy")

    @entrypoint(checkpointer=store)
    def graph(value):
        return send(value).result()

    cancelled_while_it_waits(store, graph, failed)
    assert tries == ["in"]


@pytest.mark.usefixtures("quick_pulse")
def test_a_body_does_not_run_again(store: Store) -> None:
    failed, tries = Event(), list[str]()

    @entrypoint(checkpointer=store, retry_policy=SOON)
    def graph(value):
        tries.append(value)
        failed.set()
        raise OSError("busy")

    cancelled_while_it_waits(store, graph, failed)
    assert tries == ["in"]
