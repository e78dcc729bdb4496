"""What is wrong with a deployment as it runs: told by `manage.py check --deploy` and `manage.py hitl doctor`.

It follows from the rows in which executing processes say of themselves what they are (`hitl.presence`), and from
asking the database and the broker. Where there is no database to ask, as at build time, that is all that is said.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import wraps
from time import monotonic
from typing import Any

from django.core.checks import CheckMessage, Info, Warning, register
from django.db import DatabaseError, InterfaceError, OperationalError, connections
from django.utils.connection import ConnectionDoesNotExist

from hitl import conf, discreet, executors, presence, registry
from hitl.models import Process

TAG = "hitl"
# Answers are released within a second, so who has not swept for a minute does not sweep.
NO_SWEEP = timedelta(seconds=60)
CLOCKS_DIFFER_SECONDS = 2.0
ASK_SECONDS = 2.0
# Whoever waited for a database in vain does not wait again for the next check.
AGAIN_SECONDS = 5.0

_away_since = -AGAIN_SECONDS

Check = Callable[..., list[CheckMessage]]


def check(messages: Callable[..., Iterator[CheckMessage]]) -> Check:
    """Register a check for `--deploy`."""

    @wraps(messages)
    def checked(**options: Any) -> list[CheckMessage]:
        global _away_since
        if monotonic() - _away_since < AGAIN_SECONDS:
            return []
        try:
            return list(messages(**options))
        except (OperationalError, InterfaceError):
            _away_since = monotonic()
            hint = "Ask again where the database can be reached."
            return [Info("The database cannot be asked how the deployment runs", hint=hint, id="hitl.I043")]
        except (DatabaseError, ConnectionDoesNotExist):
            # It is not migrated yet, or not there: other checks say so.
            return []

    register(checked, TAG, deploy=True)
    return checked


@check
def one_process_on_sqlite(**_: Any) -> Iterator[CheckMessage]:
    there = presence.processes()
    if _vendor() == "sqlite" and len(there) > 1:
        yield Warning(
            f"On SQLite {len(there)} processes execute runs: {_names(there)}",
            hint="Stop all but one, or use PostgreSQL (DATABASE_URL=postgres://…), which many can write to at once.",
            id="hitl.W033",
        )


@check
def workers(**_: Any) -> Iterator[CheckMessage]:
    if executors.current().by_workers and not presence.processes():
        seconds = int(presence.GONE.total_seconds())
        yield Warning(
            f"No worker has been seen for {seconds} seconds: runs wait",
            hint="Start one: `manage.py hitl worker`.",
            id="hitl.W034",
        )


@check
def other_executors(**_: Any) -> Iterator[CheckMessage]:
    """Nudges that go where nobody listens: every run would wait for a sweep."""
    ours = conf.settings().executor
    others = [process for process in presence.processes() if process.executor != ours]
    if others:
        yield Warning(
            f"HITL_EXECUTOR is {ours} here, and {others[0].executor} in {_names(others)}: nudges do not arrive there",
            hint="Give all processes the same HITL_EXECUTOR, DATABASE_URL and REDIS_URL, and restart them.",
            id="hitl.W044",
        )


@check
def sweeps(**_: Any) -> Iterator[CheckMessage]:
    there = presence.processes()
    if there and not presence.swept_within(NO_SWEEP) and presence.longest_seconds() > NO_SWEEP.total_seconds():
        yield Warning(
            f"No sweep has been made for {int(NO_SWEEP.total_seconds())} seconds: lost nudges, timers and held answers "
            "wait",
            hint=f"Look into the logs of {_names(there)}: the sweep fails, or its queue is not served.",
            id="hitl.W035",
        )


@check
def broker(**_: Any) -> Iterator[CheckMessage]:
    url = conf.settings().broker_url
    if not url or not _uses_broker():
        return
    try:
        dropping = _dropping(url) if url.startswith(("redis:", "rediss:")) else _reach(url)
    except Exception as error:
        yield Warning(
            f"The broker cannot be reached ({discreet.plain(error)}): no nudge arrives, and runs wait",
            hint="Start it, or correct HITL_BROKER_URL (REDIS_URL). Nothing is lost meanwhile.",
            id="hitl.W037",
        )
        return
    if dropping:
        yield Warning(
            f"Redis throws messages away when its memory is full (maxmemory-policy {dropping})",
            hint="Set maxmemory-policy to noeviction in redis.conf, or use a Redis of its own for hitl.",
            id="hitl.W036",
        )


def _dropping(url: str) -> str:
    """By which policy this Redis throws away what it has no room for; "" where it keeps all."""
    import redis

    with redis.Redis.from_url(url, socket_timeout=ASK_SECONDS, socket_connect_timeout=ASK_SECONDS) as client:
        memory = client.info("memory")
    policy = str(memory.get("maxmemory_policy", ""))
    return policy if policy != "noeviction" and int(memory.get("maxmemory", 0)) else ""


def _reach(url: str) -> str:
    """Connect to any other broker, or raise."""
    from kombu.connection import Connection

    with Connection(url, connect_timeout=ASK_SECONDS) as connection:  # type: ignore[no-untyped-call]
        connection.ensure_connection(max_retries=1, timeout=ASK_SECONDS)
    return ""


@check
def pooler(**_: Any) -> Iterator[CheckMessage]:
    if _vendor() != "postgresql":
        return
    # Django's own wrapper turns what psycopg raises into Django's errors.
    with connections[conf.settings().database].wrap_database_errors:
        moves = _session_moves()
    if moves:
        yield Warning(
            "Between here and PostgreSQL is a pooler in transaction mode: LISTEN and NOTIFY are lost in it",
            hint="Let DATABASE_URL lead to PostgreSQL itself, or to a pool in session mode. If it cannot, end it with "
            "?prepare_threshold=none: runs go on, and pages look for news every five seconds.",
            id="hitl.W038",
        )


@check
def clocks(**_: Any) -> Iterator[CheckMessage]:
    """Those of the processes that execute, and the one here: web processes have no row."""
    told = {f"process {process}": process.clock_offset_seconds for process in presence.processes()}
    for whose, offset in (told | {"this machine": presence.clock_offset_seconds()}).items():
        if abs(offset) > CLOCKS_DIFFER_SECONDS:
            yield Warning(
                f"The clock of {whose} is {offset:+.1f} s from the database's",
                hint="Let NTP set the clocks of both machines: timers and durations go by them.",
                id="hitl.W039",
            )


@check
def code_versions(**_: Any) -> Iterator[CheckMessage]:
    versions: dict[str, dict[str, list[Process]]] = defaultdict(lambda: defaultdict(list))
    for process in presence.processes():
        for workflow, version in process.workflows.items():
            versions[workflow][version].append(process)
    for workflow, by_version in sorted(versions.items()):
        here = registry.find(workflow)
        told = {version: _names(found) for version, found in by_version.items()}
        if here is not None:
            told[here.code_version] = ", ".join(filter(None, [told.get(here.code_version), "this process"]))
        if len(told) > 1:
            where = "; ".join(f"{version} in {names}" for version, names in sorted(told.items()))
            yield Warning(
                f"There are {len(told)} versions of the code of workflow “{workflow}”: {where}",
                hint="Restart the processes that have the old code; while a deploy goes on, this is as it should be.",
                id="hitl.W040",
            )


@check
def unserved_workflows(**_: Any) -> Iterator[CheckMessage]:
    there = presence.processes()
    served = {workflow for process in there for workflow in process.workflows}
    if not there:
        return
    for workflow in sorted({flow.name for flow in registry.all()} - served):
        yield Warning(
            f"No process serves workflow “{workflow}”: its runs wait",
            hint=f"Start `manage.py hitl worker --workflows {workflow}`, or a worker for all.",
            id="hitl.W041",
        )


@check
def migrations(**_: Any) -> Iterator[CheckMessage]:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connections[conf.settings().database])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    missing = [str(migration) for migration, _ in plan]
    more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
    if missing:
        yield Warning(
            f"Migrations of this code are not applied to the database: {', '.join(missing[:3])}{more}",
            hint="Run `manage.py migrate`.",
            id="hitl.W042",
        )


def _session_moves() -> bool:
    """Whether two transactions of one connection can be served by two sessions of the database."""
    import psycopg

    given = connections[conf.settings().database].get_connection_params()
    parameters = {name: value for name, value in given.items() if name not in ("cursor_factory", "context", "pool")}
    # A name prepared in one session would meet the same name of another client's there.
    parameters["prepare_threshold"] = None
    with psycopg.connect(**parameters) as one, psycopg.connect(**parameters) as other:
        before = _session(one)
        one.rollback()
        # Its transaction stays open and keeps a session: the first one's, where sessions are handed on.
        taken = _session(other)
        return taken == before or _session(one) != before


def _session(connection: Any) -> int:
    return int(connection.execute("SELECT pg_backend_pid()").fetchone()[0])


def _vendor() -> str:
    return str(connections[conf.settings().database].vendor)


def _uses_broker() -> bool:
    return conf.settings().executor == "hitl.executors.celery.Celery"


def _names(processes: list[Process]) -> str:
    return ", ".join(map(str, processes))
