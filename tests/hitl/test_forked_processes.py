"""A process that is forked from one that runs workflows can run some itself, and takes nothing from its parent."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from hitl import pulse
from hitl.checkpoint.database import saver
from hitl.func import entrypoint, task
from hitl.journal import Journal
from hitl.models import Thread
from tests.hitl.programs import on

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("engine"),
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
]
PATIENCE_SECONDS = 30


def forked(work: Callable[[], Any]) -> Any:
    """What `work` returns, as JSON has it, in a forked process, which is killed if it hangs."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            signal.alarm(PATIENCE_SECONDS)
            leave_pool()
            os.write(writing, json.dumps(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the forked process ended with {status}"
    return json.loads(text)


def leave_pool() -> None:
    """Django's pool has to be left to the parent by whoever forks, as Celery does for its workers."""
    pools = getattr(connection, "_connection_pools", {})
    left_to_parent.append(dict(pools))
    pools.clear()


left_to_parent: list[Any] = []


@task
def doubled(number: int) -> int:
    return number * 2


@entrypoint()
def graph(number: int) -> int:
    return sum(future.result() for future in [doubled(number), doubled(number + 1)])


def test_it_runs_workflows_of_its_own() -> None:
    assert graph.invoke(1, on("parent")) == 6
    assert forked(lambda: graph.invoke(2, on("child"))) == 10
    assert graph.invoke(3, on("parent")) == 14
    assert list(Thread.objects.order_by("id").values_list("id", "status")) == [("child", "idle"), ("parent", "idle")]


@pytest.mark.postgres
def test_it_has_connections_of_its_own() -> None:
    journal: Journal = saver().journal

    def session() -> Any:
        return journal.call(backend, key="t")

    here = session()
    assert forked(session) != here
    assert session() == here, "the child has closed it"


def backend() -> Any:
    with saver().connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def test_it_keeps_no_lease_of_its_parents() -> None:
    seen: list[Any] = []

    @entrypoint()
    def forking(_: Any) -> None:
        seen.append((len(pulse._legs), forked(lambda: len(pulse._legs))))

    forking.invoke(1, on())
    assert seen == [(1, 0)]
