"""An executor at work for a test: in this process, or in a worker process on this test's database."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from hitl import executors
from tests.hitl.flows import noted
from tests.hitl.racing import WAIT_SECONDS, database_url
from tests.services.worker import Worker

IN_PROCESS = pytest.param("hitl.executors.inprocess.InProcess", id="inprocess")
PROCRASTINATE = pytest.param(
    "hitl.executors.procrastinate.Procrastinate", id="procrastinate", marks=pytest.mark.postgres
)
if os.environ.get("REDIS_URL"):
    # Its tables are not installed then: with Redis, Celery executes.
    PROCRASTINATE = pytest.param(*PROCRASTINATE.values, id="procrastinate", marks=pytest.mark.skip("Celery executes"))
CELERY = pytest.param("hitl.executors.celery.Celery", id="celery", marks=pytest.mark.redis)
EXECUTORS = [IN_PROCESS, PROCRASTINATE, CELERY]

NEVER = 3600.0


def worker(home: Path, path: str, *arguments: str, name: str = "worker", **environment: str) -> Worker:
    """A worker process on this test's database, with the contracted workflows."""
    return Worker(
        home,
        *arguments,
        name=name,
        **{
            "DATABASE_URL": database_url(),
            "REDIS_URL": os.environ.get("REDIS_URL", ""),
            "HITL_EXECUTOR": path,
            "HITL_WORKFLOWS": "tests.hitl.contracted",
            "FLOW_NOTES": os.environ["FLOW_NOTES"],
        }
        | environment,
    )


class Serving:
    """What the contract says `executor.serve()` and `executor.stop()` to."""

    def __init__(self, path: str, *, home: Path) -> None:
        self.path = path
        self.executor = executors.current()
        self.worker = worker(home, path) if self.executor.by_workers else None

    def start(self, *, sweep_seconds: float) -> None:
        if self.worker is None:
            self.executor.serve()
            return
        self.worker.environment["HITL_SWEEP_SECONDS"] = str(sweep_seconds)
        self.worker.start()

    def stop(self) -> None:
        self.executor.stop()
        if self.worker is not None:
            self.worker.kill()


def notes() -> list[str]:
    return noted(Path(os.environ["FLOW_NOTES"]))


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another thread or process does, looking again and again."""
    waiting = threading.Event()
    for _ in range(WAIT_SECONDS * 50):
        if condition():
            return
        waiting.wait(0.02)
    raise AssertionError("it did not happen")
