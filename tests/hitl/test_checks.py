"""What `manage.py check` says about settings that would hurt later."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connections
from pytest_django import Settings

from hitl import checks, conf, registry
from hitl.checkpoint.memory import InMemorySaver
from hitl.func import entrypoint


@pytest.fixture
def database(settings: Settings) -> Iterator[Any]:
    """Describes a database that is never opened: the checks read what its settings say."""

    def describe(vendor: str, **options: Any) -> None:
        forget()
        engine = f"django.db.backends.{'sqlite3' if vendor == 'sqlite' else vendor}"
        described = {"ENGINE": engine, "NAME": "checked", "OPTIONS": options}
        connections.settings |= connections.configure_settings({"default": {}, "checked": described}) | {
            "default": connections.settings["default"]
        }

    def forget() -> None:
        connections.settings.pop("checked", None)
        with suppress(AttributeError):  # it was never asked for
            del connections["checked"]

    settings.HITL_DATABASE = "checked"
    yield describe
    forget()


@pytest.fixture
def load(settings: Settings) -> Iterator[Callable[..., None]]:
    """Loads these modules' workflows, and afterwards the project's own again."""

    def load_modules(*names: str) -> None:
        settings.HITL_WORKFLOWS = names
        registry.load()

    own = settings.HITL_WORKFLOWS
    yield load_modules
    load_modules(*own)


def ids(messages: list[Any]) -> list[str]:
    return [message.id for message in messages]


def test_this_project_is_well() -> None:
    assert run_checks(tags=["hitl"]) == []


def test_sqlite_as_django_makes_it_is_warned_of(database: Any) -> None:
    database("sqlite")
    assert ids(checks.sqlite()) == ["hitl.W001", "hitl.W002"]


def test_sqlite_as_the_readme_has_it_is_well(database: Any) -> None:
    database(
        "sqlite",
        transaction_mode="IMMEDIATE",
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    )
    assert checks.sqlite() == []


def test_sqlite_that_trades_commits_for_speed_is_warned_of(database: Any) -> None:
    database(
        "sqlite",
        transaction_mode="IMMEDIATE",
        init_command="PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;",
    )
    assert ids(checks.sqlite()) == ["hitl.W003"]


def test_postgresql_must_read_what_is_committed(database: Any) -> None:
    from psycopg import IsolationLevel

    database("postgresql", isolation_level=IsolationLevel.SERIALIZABLE)
    assert ids(checks.isolation()) == ["hitl.E004"]
    database("postgresql", isolation_level=IsolationLevel.READ_COMMITTED)
    assert checks.isolation() == []
    database("postgresql")
    assert checks.isolation() == []


def test_an_executor_that_is_not_there_is_an_error(settings: Settings) -> None:
    settings.HITL_EXECUTOR = "nowhere.Executor"
    (error,) = checks.executor()
    assert error.id == "hitl.E005"
    assert "nowhere" in error.msg


def test_a_misspelt_setting_is_told_its_right_name(settings: Settings) -> None:
    settings.HITL_LEASE_SECOND = 3
    (warning,) = checks.names()
    assert (warning.id, warning.hint) == ("hitl.W006", "Did you mean HITL_LEASE_SECONDS?")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HITL_LEASE_SECONDS", "30"),
        ("HITL_CONCURRENCY", 0),
        ("HITL_CONCURRENCY", 2.5),
        ("HITL_CONCURRENCY", True),
        ("HITL_LEASE_SECONDS", float("nan")),
        ("HITL_SWEEP_SECONDS", float("inf")),
        ("HITL_WORKFLOWS", "one.module"),
        ("HITL_UNDO_SECONDS", -1),
    ],
)
def test_a_setting_of_the_wrong_kind_is_an_error(settings: Settings, name: str, value: Any) -> None:
    setattr(settings, name, value)
    (error,) = checks.types()
    assert error.id == "hitl.E009"
    assert name in error.msg


def test_zero_switches_undo_off(settings: Settings) -> None:
    settings.HITL_UNDO_SECONDS = 0
    assert list(checks.types()) == []


def test_a_module_given_as_text_is_one_module(settings: Settings) -> None:
    settings.HITL_WORKFLOWS = "one.module"
    assert conf.settings().workflows == ("one.module",)


def test_moments_need_a_time_zone(settings: Settings) -> None:
    assert checks.time_zones() == []
    settings.USE_TZ = False
    assert ids(checks.time_zones()) == ["hitl.E013"]


def test_a_lease_that_cannot_be_kept_is_warned_of(settings: Settings) -> None:
    settings.HITL_LEASE_SECONDS = 0.001
    assert ids(checks.leases()) == ["hitl.W014"]
    settings.HITL_LEASE_SECONDS = 1
    assert checks.leases() == []


def test_the_journal_needs_a_database_that_exists(settings: Settings) -> None:
    settings.HITL_DATABASE = "elsewhere"
    assert ids(checks.database()) == ["hitl.E010"]


def test_pages_and_engine_must_use_the_same_database(database: Any) -> None:
    database("sqlite")
    assert ids(checks.database()) == ["hitl.E010"]


@pytest.mark.django_db
def test_the_database_itself_is_asked_where_it_is_allowed_to_be() -> None:
    assert checks.running_database(databases=["default"]) == []
    assert checks.running_database(databases=[]) == []


def test_a_module_that_cannot_be_imported_is_an_error_and_takes_no_other_along(load: Callable[..., None]) -> None:
    load("nowhere.workflows", "reviewer.demo.workflows")
    (error,) = checks.workflows()
    assert error.id == "hitl.E007"
    assert "nowhere" in error.msg
    assert registry.get("graph")
    load("reviewer.demo.workflows")
    assert checks.workflows() == []


def test_two_workflows_of_one_name_are_an_error(load: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    twin = ModuleType("twin")
    exec("from hitl.func import entrypoint\n@entrypoint()\ndef graph(value): return value\n", vars(twin))
    monkeypatch.setitem(sys.modules, "twin", twin)
    load("reviewer.demo.workflows", "twin")
    (error,) = checks.workflows()
    assert error.id == "hitl.E008"
    assert "reviewer.demo.workflows.graph" in error.msg
    assert registry.get("graph").__module__ == "reviewer.demo.workflows"


def test_a_registered_workflow_that_keeps_its_calls_in_memory_is_warned_of(register: Callable[..., Any]) -> None:
    @entrypoint(name="in memory", checkpointer=InMemorySaver())
    def forgetful(value: int) -> int:
        return value

    register(forgetful)
    assert ids(run_checks(tags=["hitl"])) == ["hitl.W017"]
