"""What `manage.py check` says about the engine. Ids are stable: they can be silenced and searched for.

hitl.W001   SQLite transactions do not begin IMMEDIATE
hitl.W002   SQLite is not set to write ahead (WAL)
hitl.W003   SQLite may lose commits when the power fails (synchronous OFF or NORMAL)
hitl.E004   PostgreSQL transactions are not READ COMMITTED
hitl.E005   HITL_EXECUTOR cannot be imported
hitl.W006   a HITL_ setting that does not exist
hitl.E007   a module of HITL_WORKFLOWS, or an app's workflows.py, cannot be imported
hitl.E008   two workflows have the same name
hitl.E009   a setting has the wrong type, or is no finite number above zero
hitl.E010   HITL_DATABASE is no alias in DATABASES, or a router sends the models elsewhere
hitl.W011   PostgreSQL opens transactions with another isolation level of its own (needs --database)
hitl.W012   SQLite's file is not in WAL mode (needs --database)
hitl.E013   USE_TZ is off
hitl.W014   leases are too short to be kept
hitl.E015   HITL_RETENTION has a policy that makes no sense
hitl.W016   HITL_RETENTION names a workflow that is not registered
hitl.W017   a registered workflow keeps the journal of its calls in memory
hitl.W020   search in the queue goes without its index (needs --database)
hitl.E030   the procrastinate executor is not on PostgreSQL
hitl.E031   procrastinate's tables are not installed
hitl.E032   the Celery executor has no broker
hitl.W033   SQLite, and more than one process executes
hitl.W034   no worker has been seen for a while
hitl.W035   no sweep has been made for a while
hitl.W036   Redis throws messages away when its memory is full
hitl.W037   the broker cannot be reached
hitl.W038   between here and PostgreSQL is a pooler in transaction mode
hitl.W039   a process's clock is not the database's
hitl.W040   processes have different versions of a workflow's code
hitl.W041   nobody serves a workflow
hitl.W042   migrations are not applied
hitl.I043   the database cannot be asked about the deployment
hitl.W044   processes have different executors

E030 to E032 come from the executors' own `check()`, those from W033 on from `hitl.deployment`.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, router

from hitl import conf, executors, registry, search

TAG = "hitl"
# Settings with our prefix that the project around the desk reads.
OF_THE_PROJECT = {"HITL_DEMO", "HITL_METRICS_TOKEN"}
# What is renewed three times in a lease has to come through a slow disk or a busy processor meanwhile.
SHORTEST_LEASE = 1
KINDS: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "tuple[str, ...]": (list, tuple),
    "dict[str, Any] | None": (dict,),
}

Check = Callable[..., list[CheckMessage]]


def check(*tags: str) -> Callable[[Callable[..., Iterator[CheckMessage]]], Check]:
    """Register a generator of messages as a check."""

    def decorate(messages: Callable[..., Iterator[CheckMessage]]) -> Check:
        @wraps(messages)
        def checked(**options: Any) -> list[CheckMessage]:
            return list(messages(**options))

        register(checked, TAG, *tags)
        return checked

    return decorate


@check()
def names(**_: Any) -> Iterator[CheckMessage]:
    known = {f"HITL_{field.name.upper()}" for field in dataclasses.fields(conf.Settings)} | OF_THE_PROJECT
    for name in dir(settings):
        if name.startswith("HITL_") and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else "docs/operations.md lists the settings there are."
            yield Warning(f"There is no setting {name}", hint=hint, id="hitl.W006")


# Settings that 0 switches off.
MAY_BE_ZERO = ("undo_seconds",)


@check()
def types(**_: Any) -> Iterator[CheckMessage]:
    for field in dataclasses.fields(conf.Settings):
        name = f"HITL_{field.name.upper()}"
        value = getattr(settings, name, None)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, KINDS[str(field.type)]):
            hint = f"It has to be {field.type}."
            yield Error(f"{name} is {value!r}", hint=hint, id="hitl.E009")
        elif isinstance(value, int | float) and not (math.isfinite(value) and value >= 0):
            yield Error(f"{name} is {value}", hint="It has to be a finite number above zero.", id="hitl.E009")
        elif value == 0 and field.name not in MAY_BE_ZERO:
            yield Error(f"{name} is 0", hint="It has to be above zero.", id="hitl.E009")


@check()
def policies(**_: Any) -> Iterator[CheckMessage]:
    from hitl import retention

    if not isinstance(conf.settings().retention, dict):
        return
    try:
        named = set(retention.policies()) - {retention.OTHERS}
    except ImproperlyConfigured as problem:
        hint = 'As {"refund": {"days": 90, "keep": "last_value"}, "*": {"days": 365, "keep": "nothing"}}.'
        yield Error(str(problem), hint=hint, id="hitl.E015")
        return
    for name in sorted(named - {workflow.name for workflow in registry.all()}):
        hint = (
            "Write its name as `manage.py hitl workflows` does; threads of a workflow that is gone may need it still."
        )
        yield Warning(f"HITL_RETENTION names “{name}”, which is no workflow here", hint=hint, id="hitl.W016")


@check()
def time_zones(**_: Any) -> Iterator[CheckMessage]:
    if not settings.USE_TZ:
        hint = "Set USE_TZ = True: leases, timers and holds compare moments, which have a time zone."
        yield Error("USE_TZ is off", hint=hint, id="hitl.E013")


@check()
def leases(**_: Any) -> Iterator[CheckMessage]:
    seconds = conf.settings().lease_seconds
    if isinstance(seconds, int | float) and 0 < seconds < SHORTEST_LEASE:
        hint = f"Give it {SHORTEST_LEASE} or more; a busy machine is silent for so long."
        yield Warning(f"HITL_LEASE_SECONDS is {seconds}: runs would lose their leases", hint=hint, id="hitl.W014")


@check()
def database(**_: Any) -> Iterator[CheckMessage]:
    from hitl.models import Thread

    alias = conf.settings().database
    if alias not in connections.settings:
        hint = f"Name one of {', '.join(connections.settings)}."
        yield Error(f"HITL_DATABASE is “{alias}”, which is not in DATABASES", hint=hint, id="hitl.E010")
        return
    for chosen in {router.db_for_write(Thread), router.db_for_read(Thread)} - {alias}:
        hint = "Let the router and HITL_DATABASE name the same database: pages and engine read the same rows."
        yield Error(
            f"A router sends hitl's models to “{chosen}”, HITL_DATABASE is “{alias}”",
            hint=hint,
            id="hitl.E010",
        )


@check()
def sqlite(**_: Any) -> Iterator[CheckMessage]:
    connection = ours("sqlite")
    if connection is None:
        return
    options = connection.settings_dict.get("OPTIONS", {})
    if str(options.get("transaction_mode", "")).upper() != "IMMEDIATE":
        yield Warning(
            "SQLite's transactions begin DEFERRED: where two writers meet, one fails instead of waiting",
            hint='Set OPTIONS["transaction_mode"] = "IMMEDIATE".',
            id="hitl.W001",
        )
    pragmas = "".join(options.get("init_command", "").lower().split())
    if "journal_mode=wal" not in pragmas:
        yield Warning(
            "SQLite is not set to write ahead: pages wait while a run writes",
            hint='Set OPTIONS["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;".',
            id="hitl.W002",
        )
    if any(f"synchronous={mode}" in pragmas for mode in ("off", "normal", "0", "1")):
        yield Warning(
            "SQLite may lose the last results when the power fails, and their tasks would run again",
            hint="PRAGMA synchronous=FULL.",
            id="hitl.W003",
        )


@check()
def isolation(**_: Any) -> Iterator[CheckMessage]:
    connection = ours("postgresql")
    if connection is None:
        return
    level = connection.settings_dict.get("OPTIONS", {}).get("isolation_level")
    if level is not None and getattr(level, "name", str(level)).upper() not in ("READ_COMMITTED", "2"):
        yield Error(
            "PostgreSQL's isolation level is not READ COMMITTED: verbs that meet would fail instead of waiting",
            hint='Remove OPTIONS["isolation_level"] for the database that HITL_DATABASE names.',
            id="hitl.E004",
        )


@check()
def executor(**_: Any) -> Iterator[CheckMessage]:
    try:
        chosen = executors.current()
    except Exception as problem:
        path = conf.settings().executor
        hint = "Name a class, as “hitl.executors.inprocess.InProcess”."
        yield Error(f"HITL_EXECUTOR “{path}” cannot be used: {problem}", hint=hint, id="hitl.E005")
        return
    yield from chosen.check()


@check()
def workflows(**_: Any) -> Iterator[CheckMessage]:
    for name, problem in registry.problems().items():
        if isinstance(problem, ImproperlyConfigured):
            yield Error(str(problem), id="hitl.E008")
        else:
            hint = "Its workflows can be neither started nor gone on with until it can be imported."
            what = f"{type(problem).__name__}: {problem}"
            yield Error(f"The workflows of {name} are not available: {what}", hint=hint, id="hitl.E007")
    for workflow in registry.all():
        if workflow.keeps_elsewhere:
            yield Warning(
                f"Calls of workflow “{workflow.name}” keep their journal in memory; desk, executors, timers and "
                "retention know of the database alone",
                hint="Leave checkpointer= out of its @entrypoint.",
                id="hitl.W017",
            )


@check(Tags.database)
def running_database(databases: Sequence[str] | None = None, **_: Any) -> Iterator[CheckMessage]:
    """What only the database itself knows. Django runs it for `check --database`, `migrate` and the doctor."""
    alias = conf.settings().database
    if alias not in (databases or ()) or alias not in connections.settings:
        return
    connection = connections[alias]
    if (
        connection.vendor == "postgresql"
        and (level := asked(connection, "SHOW transaction_isolation")) != "read committed"
    ):
        yield Warning(
            f"PostgreSQL opens transactions as {level}: verbs that meet would fail instead of waiting",
            hint="Set default_transaction_isolation to “read committed” for this database and user.",
            id="hitl.W011",
        )
    if connection.vendor == "sqlite" and (mode := asked(connection, "PRAGMA journal_mode")) not in (
        "wal",
        "memory",
    ):
        yield Warning(
            f"SQLite's journal mode is {mode}: pages wait while a run writes",
            hint="PRAGMA journal_mode=WAL; it needs a local disk.",
            id="hitl.W012",
        )
    if remedy := search.missing(connection):
        yield Warning("Search in the queue goes without its index", hint=remedy, id="hitl.W020")


def ours(vendor: str) -> Any:
    """The connection of the journal's database if it is of this vendor; nothing is opened."""
    alias = conf.settings().database
    connection = connections[alias] if alias in connections.settings else None
    return connection if connection is not None and connection.vendor == vendor else None


def asked(connection: Any, question: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(question)
        return str(cursor.fetchone()[0]).lower()
