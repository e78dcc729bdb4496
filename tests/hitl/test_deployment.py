"""What is wrong with a deployment as it runs: each is found, and its absence is not."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import checks
from django.db import OperationalError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from hitl import deployment, registry
from hitl.models import Process
from tests.services import pooler
from tests.services.server import free_port

pytestmark = pytest.mark.django_db
CELERY = "hitl.executors.celery.Celery"
TESTS = "hitl.testing.ManualExecutor"


def process(name: str = "1", *, seen: float = 0, swept: float | None = 0, **fields: Any) -> Process:
    """A process on another machine, seen and swept so many seconds ago."""
    now = timezone.now()
    served = {flow.name: flow.code_version for flow in registry.all()}
    given: dict[str, Any] = {
        "id": f"there:{name}:x",
        "executor": TESTS,
        "host": "there",
        "pid": int(name),
        "workflows": served,
        "concurrency": 8,
        "started_at": now - timedelta(hours=1),
        "seen_at": now - timedelta(seconds=seen),
        "swept_at": None if swept is None else now - timedelta(seconds=swept),
    }
    return Process.objects.create(**given | fields)


def on_celery(settings: Any, broker_url: str) -> None:
    settings.HITL_EXECUTOR, settings.HITL_BROKER_URL = CELERY, broker_url
    Process.objects.update(executor=CELERY)


def ids() -> list[str | None]:
    found = checks.run_checks(tags=["hitl"], include_deployment_checks=True)
    assert all(message.hint for message in found)
    return [message.id for message in found]


@pytest.fixture(autouse=True)
def nothing_else() -> None:
    """One healthy process is nothing to complain of."""
    process()
    assert ids() == []


def test_two_processes_on_sqlite() -> None:
    process("2")
    assert ids() == (["hitl.W033"] if connection.vendor == "sqlite" else [])


def test_no_worker_seen_for_a_while(settings: Any) -> None:
    on_celery(settings, "memory://")
    assert ids() == []
    Process.objects.update(seen_at=timezone.now() - timedelta(seconds=90))
    assert ids() == ["hitl.W034"]


@pytest.mark.parametrize("swept", [None, 90])
def test_no_sweep_for_a_while(swept: float | None) -> None:
    Process.objects.all().delete()
    process(swept=swept)
    assert ids() == ["hitl.W035"]
    Process.objects.update(started_at=timezone.now())
    assert ids() == []  # it has only just begun


@pytest.mark.redis
def test_a_redis_that_drops(settings: Any) -> None:
    import redis

    on_celery(settings, os.environ["REDIS_URL"])
    assert ids() == []
    with redis.Redis.from_url(os.environ["REDIS_URL"]) as client:
        client.config_set("maxmemory", "100mb")
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert ids() == ["hitl.W036"]
        finally:
            client.config_set("maxmemory-policy", "noeviction")
            client.config_set("maxmemory", "0")


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_not_there(settings: Any, scheme: str) -> None:
    on_celery(settings, f"{scheme}://127.0.0.1:{free_port()}/0")
    assert ids() == ["hitl.W037"]


@pytest.mark.postgres
def test_a_pooler_in_transaction_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    # As the desk's own settings have it: what a session has prepared, the next client's names collide with.
    given = connection.get_connection_params() | {"prepare_threshold": 0}
    with pooler.running(f"{given['host']}/.s.PGSQL.5432") as port:
        through = given | {"host": "127.0.0.1", "port": str(port)}
        monkeypatch.setattr(connection, "get_connection_params", lambda: through)
        assert ids() == ["hitl.W038"]
        assert ids() == ["hitl.W038"]


@pytest.mark.parametrize("offset", [3.0, -3.0])
def test_clocks_that_disagree(offset: float) -> None:
    Process.objects.update(clock_offset_seconds=offset)
    assert ids() == ["hitl.W039"]


@pytest.mark.postgres
def test_the_clock_of_this_machine() -> None:
    with time_machine.travel(timezone.now() + timedelta(minutes=1)):
        found = deployment.clocks()
    assert "hitl.W039" in [message.id for message in found]
    assert "this machine" in found[-1].msg


def test_another_version_of_the_code() -> None:
    name = registry.all()[0].name
    Process.objects.update(workflows={flow.name: flow.code_version for flow in registry.all()} | {name: "old"})
    assert ids() == ["hitl.W040"]


def test_a_workflow_that_nobody_serves() -> None:
    served = {flow.name: flow.code_version for flow in registry.all()[1:]}
    Process.objects.update(workflows=served)
    found = deployment.unserved_workflows()
    assert ids() == ["hitl.W041"]
    assert registry.all()[0].name in found[0].msg


def test_processes_with_another_executor() -> None:
    Process.objects.update(executor=CELERY)
    assert ids() == ["hitl.W044"]


def test_a_database_that_is_away_is_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment, "_away_since", -deployment.AGAIN_SECONDS)
    waits = []

    def away(*args: Any, **options: Any) -> None:
        waits.append(1)
        raise OperationalError("no connection")

    with monkeypatch.context() as patch:
        patch.setattr(connection, "cursor", away)
        assert ids() == ["hitl.I043"]
    assert len(waits) == 1
    monkeypatch.setattr(deployment, "AGAIN_SECONDS", 0.0)
    assert ids() == []


def test_migrations_that_are_not_applied() -> None:
    ((app, newest),) = MigrationLoader(connection).graph.leaf_nodes("hitl")
    MigrationRecorder(connection).record_unapplied(app, newest)
    assert ids() == ["hitl.W042"]
