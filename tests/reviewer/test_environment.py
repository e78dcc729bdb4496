"""What a deployment writes into its environment, and what comes of it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from hitl.conf import Settings
from reviewer import environment

ROOT = Path(environment.__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    for name in ("DATABASE_URL", "REDIS_URL", "HITL_BROKER_URL", "SECRET_KEY", "LOG_FORMAT"):
        monkeypatch.delenv(name, raising=False)
    yield monkeypatch


def test_without_a_url_the_database_is_a_file_that_survives_a_power_cut(tmp_path: Path) -> None:
    database = environment.database(tmp_path / "var" / "db")
    assert database["NAME"] == tmp_path / "var" / "db"
    assert database["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in database["OPTIONS"]["init_command"]
    assert (tmp_path / "var").is_dir()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgres://ana:a%2Fb@db.example:6543/desk?sslmode=require",
            {"NAME": "desk", "USER": "ana", "PASSWORD": "a/b", "HOST": "db.example", "PORT": "6543"},
        ),
        ("postgresql://db/desk", {"NAME": "desk", "USER": "", "PASSWORD": "", "HOST": "db", "PORT": ""}),
        (
            "postgres://ana@/desk?host=/run/postgresql",
            {"NAME": "desk", "USER": "ana", "PASSWORD": "", "HOST": "/run/postgresql", "PORT": ""},
        ),
    ],
)
def test_a_postgres_url_is_taken_apart(
    empty: pytest.MonkeyPatch, tmp_path: Path, url: str, expected: dict[str, str]
) -> None:
    empty.setenv("DATABASE_URL", url)
    database = environment.database(tmp_path / "unused")
    assert {name: database[name] for name in expected} == expected
    assert ("sslmode" in database["OPTIONS"]) == ("sslmode" in url)


@pytest.mark.parametrize(
    ("query", "expected"), [("", 0), ("?prepare_threshold=5", 5), ("?prepare_threshold=none", None)]
)
def test_the_address_says_whether_statements_are_prepared(
    query: str, expected: int | None, empty: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    empty.setenv("DATABASE_URL", f"postgres://db/desk{query}")
    assert environment.database(tmp_path / "unused")["OPTIONS"]["prepare_threshold"] == expected


def test_a_sqlite_url_names_an_absolute_path(empty: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/desk.sqlite3")
    assert environment.database(tmp_path / "unused")["NAME"] == tmp_path / "desk.sqlite3"


def test_another_database_is_refused_by_name(empty: pytest.MonkeyPatch, tmp_path: Path) -> None:
    empty.setenv("DATABASE_URL", "mysql://db/desk")
    with pytest.raises(ImproperlyConfigured, match="mysql"):
        environment.database(tmp_path / "unused")


def test_the_live_layer_is_in_memory_unless_redis_is_named(empty: pytest.MonkeyPatch) -> None:
    assert environment.channel_layer()["BACKEND"].endswith("InMemoryChannelLayer")
    empty.setenv("REDIS_URL", "redis://cache:6379/1")
    assert environment.channel_layer()["CONFIG"]["hosts"] == ["redis://cache:6379/1"]


def test_a_generated_key_is_kept_and_private(tmp_path: Path) -> None:
    path = tmp_path / "var" / "secret_key"
    key = environment.secret_key(path, generate=True)
    assert len(key) >= 50
    assert environment.secret_key(path, generate=True) == key
    assert path.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]


def test_a_named_key_goes_before_a_kept_one(empty: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environment.secret_key(tmp_path / "secret_key", generate=True)
    empty.setenv("SECRET_KEY", "named")
    assert environment.secret_key(tmp_path / "secret_key", generate=True) == "named"


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_deployment_without_a_key_does_not_start(tmp_path: Path) -> None:
    done = manage("check", DATA_DIR=str(tmp_path))
    assert done.returncode != 0
    assert "SECRET_KEY is not set" in done.stderr
    assert not (tmp_path / "secret_key").exists()


def test_a_deployment_never_gets_people_with_a_known_password(tmp_path: Path) -> None:
    variables = {"DATA_DIR": str(tmp_path), "SECRET_KEY": "a deployment's"}
    assert manage("migrate", "--verbosity", "0", **variables).returncode == 0
    done = manage("demo", **variables)
    assert done.returncode != 0
    assert "HITL_DEMO" in done.stderr
    count = "from django.contrib.auth.models import User; print(User.objects.count())"
    assert manage("shell", "--no-imports", "-c", count, **variables).stdout.strip() == "0"


def test_the_log_is_for_people_unless_json_is_asked_for(empty: pytest.MonkeyPatch) -> None:
    assert environment.log_formatter().endswith("LineFormatter")
    empty.setenv("LOG_FORMAT", "json")
    assert environment.log_formatter().endswith("JSONFormatter")
    empty.setenv("LOG_FORMAT", "xml")
    with pytest.raises(ImproperlyConfigured, match="LOG_FORMAT is 'xml'; use line or json"):
        environment.log_formatter()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, environment.IN_PROCESS),
        ({"REDIS_URL": "redis://cache"}, environment.IN_PROCESS),
        ({"DATABASE_URL": "postgres://db/desk"}, environment.PROCRASTINATE),
        ({"DATABASE_URL": "postgres://db/desk", "REDIS_URL": "redis://cache"}, environment.CELERY),
        ({"DATABASE_URL": "postgres://db/desk", "HITL_BROKER_URL": "amqp://rabbit"}, environment.CELERY),
        ({"DATABASE_URL": "postgres://db/desk", "HITL_EXECUTOR": environment.IN_PROCESS}, environment.IN_PROCESS),
    ],
)
def test_the_executor_follows_from_database_and_broker(
    empty: pytest.MonkeyPatch, tmp_path: Path, variables: dict[str, str], expected: str
) -> None:
    empty.delenv("HITL_EXECUTOR", raising=False)
    for name, value in variables.items():
        empty.setenv(name, value)
    assert environment.executor(environment.database(tmp_path / "db")) == expected


def test_numbers_are_read_and_nonsense_is_named(empty: pytest.MonkeyPatch) -> None:
    empty.setenv("HITL_CONCURRENCY", "3")
    assert environment.numbers("CONCURRENCY", "NOT_SET", kind=int) == {"HITL_CONCURRENCY": 3}
    empty.setenv("HITL_CONCURRENCY", "many")
    with pytest.raises(ImproperlyConfigured, match="HITL_CONCURRENCY is 'many'; it has to be a whole number"):
        environment.numbers("CONCURRENCY", kind=int)


def test_json_is_read_and_nonsense_is_named(empty: pytest.MonkeyPatch) -> None:
    assert environment.json_object("HITL_RETENTION") is None
    empty.setenv("HITL_RETENTION", '{"*": {"days": 30, "keep": "nothing"}}')
    assert environment.json_object("HITL_RETENTION") == {"*": {"days": 30, "keep": "nothing"}}
    for text, problem in (("{", "HITL_RETENTION is no JSON"), ("[]", "it has to be a JSON object")):
        empty.setenv("HITL_RETENTION", text)
        with pytest.raises(ImproperlyConfigured, match=problem):
            environment.json_object("HITL_RETENTION")


def test_every_setting_of_the_engine_can_be_chosen(tmp_path: Path) -> None:
    """By a variable of its name; the journal's database is the desk's own."""
    values = {
        "float": "7",
        "int": "7",
        "str": "seven",
        "dict[str, Any] | None": "{}",
        "tuple[str, ...]": "reviewer.demo",
    }
    fields = [field for field in dataclasses.fields(Settings) if field.name != "database"]
    given = {f"HITL_{field.name.upper()}": values[str(field.type)] for field in fields}
    told = "from django.conf import settings; print(*(repr(getattr(settings, name, None)) for name in %r), sep='|')"
    variables = {"DATA_DIR": str(tmp_path), "SECRET_KEY": "of a deployment", **given}
    done = manage("shell", "--no-imports", "-c", told % sorted(given), **variables)
    read = {
        "float": "7.0",
        "int": "7",
        "str": "'seven'",
        "dict[str, Any] | None": "{}",
        "tuple[str, ...]": "['reviewer.demo']",
    }
    expected = {f"HITL_{field.name.upper()}": read[str(field.type)] for field in fields}
    assert dict(zip(sorted(given), done.stdout.strip().split("|"), strict=True)) == expected
