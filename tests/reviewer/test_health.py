"""`healthz` and `readyz`: whether the process lives, and whether it can serve people; asked for by machines."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from channels.layers import channel_layers
from django.core.checks import Error
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hitl import executors
from hitl.models import Process
from hitl.testing import ManualExecutor
from reviewer import readiness
from reviewer.readiness import Look, Unwell, look, verdict

WAIT_SECONDS = 30


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine may take longer than a probe should."""
    monkeypatch.setattr(look, "__kwdefaults__", {"deadline_seconds": WAIT_SECONDS})


@pytest.fixture
def with_executor(transactional_db: None) -> None:
    """Somewhere a process executes runs."""
    now = timezone.now()
    Process.objects.create(
        id="elsewhere:1:abc", executor="", host="elsewhere", pid=1, concurrency=1, started_at=now, seen_at=now
    )


def readyz(client: Client, *, expect: int) -> dict[str, Any]:
    response = client.get("/readyz")
    assert response.status_code == expect, response.content
    assert "no-store" in response["Cache-Control"]
    answer: dict[str, Any] = response.json()
    return answer


def test_a_process_that_answers_lives_and_asks_nobody(client: Client) -> None:
    """Without a database mark: a query would fail the test."""
    response = client.get(reverse("reviewer:healthz"))
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert client.post("/healthz").status_code == 405


@pytest.mark.django_db(transaction=True)
def test_a_process_with_all_it_needs_is_ready(client: Client, with_executor: None) -> None:
    answer = readyz(client, expect=200)
    assert answer["status"] == "ready"
    assert answer["checks"] == {
        name: {"ok": True} for name in ("database", "migrations", "channel_layer", "executor", "workers")
    }


@pytest.mark.django_db(transaction=True)
def test_a_database_that_lacks_a_migration_gets_no_people(client: Client, with_executor: None) -> None:
    newest = sorted(name for app, name in readiness.newest_migrations() if app == "hitl")[-1]
    recorder = MigrationRecorder(connection)
    recorder.record_unapplied("hitl", newest)
    try:
        answer = readyz(client, expect=503)
    finally:
        recorder.record_applied("hitl", newest)
    assert answer["status"] == "unready"
    assert answer["checks"]["migrations"] == {"ok": False, "problem": f"not applied: hitl.{newest}"}


@pytest.mark.django_db(transaction=True)
def test_a_lost_database_gets_no_people_and_tells_no_secret(
    client: Client, with_executor: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused() -> None:
        raise OperationalError("connection to db.internal as ana failed: hunter2")

    lost = (Look("database", refused, needed=True),)
    monkeypatch.setattr(readiness, "LOOKS", lost)
    answer = readyz(client, expect=503)
    assert answer["checks"] == {"database": {"ok": False, "problem": "OperationalError"}}
    assert caplog.text == "", "each probe would write a line"


@pytest.mark.django_db(transaction=True)
def test_what_people_can_do_without_degrades_and_no_more(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(ManualExecutor):
        def check(self) -> list[Any]:
            return [Error("the password is hunter2", id="hitl.E005")]

    monkeypatch.setattr(executors, "current", Wrong)
    answer = readyz(client, expect=200)
    assert answer["status"] == "degraded"
    assert answer["checks"]["executor"] == {"ok": False, "problem": "its check says hitl.E005"}
    assert answer["checks"]["workers"] == {"ok": False, "problem": "none seen"}
    assert "hunter2" not in json.dumps(answer)


@pytest.mark.redis
def test_a_channel_layer_is_asked_for_real(monkeypatch: pytest.MonkeyPatch) -> None:
    from channels_redis.pubsub import RedisPubSubChannelLayer

    from reviewer import environment

    there = environment.channel_layer()["CONFIG"]
    monkeypatch.setattr(channel_layers, "backends", {"default": RedisPubSubChannelLayer(**there)})
    asked = (Look("channel_layer", readiness.channel_layer, needed=False),)
    assert [one.problem for one in look(asked)] == [""]
    nobody = there | {"hosts": ["redis://:hunter2@127.0.0.1:1/0"]}
    monkeypatch.setattr(channel_layers, "backends", {"default": RedisPubSubChannelLayer(**nobody)})
    assert [one.problem for one in look(asked)] == ["ConnectionError"]


@pytest.fixture
def hanging() -> Iterator[tuple[Look, list[int]]]:
    """A look that hangs until the test is over, and how often it was begun."""
    over, begun = threading.Event(), list[int]()

    def hang() -> None:
        begun.append(1)
        over.wait(WAIT_SECONDS)

    one = Look("hanging", hang, needed=True)
    yield one, begun
    over.set()
    one.begin().result(WAIT_SECONDS)


def test_a_look_that_hangs_is_wrong_in_time_and_not_begun_again(hanging: tuple[Look, list[int]]) -> None:
    one, begun = hanging
    for _ in range(3):
        assert [found.problem for found in look((one,), deadline_seconds=0.01)] == ["no answer within 0.01 s"]
    assert begun == [1]


def test_one_that_is_over_is_begun_again() -> None:
    problems = iter(["is away", ""])

    def come_and_go() -> None:
        if problem := next(problems):
            raise Unwell(problem)

    one = Look("coming", come_and_go, needed=True)
    assert [verdict(look((one,))) for _ in range(2)] == ["unready", "ready"]
