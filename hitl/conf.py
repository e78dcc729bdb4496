"""The settings, all with one prefix, typed and defaulted. Without Django set up the defaults hold."""

from __future__ import annotations

import dataclasses
from os import environ
from typing import Any


@dataclasses.dataclass(frozen=True, slots=True)
class Settings:
    """What a project may set, as `HITL_` and the name in capitals."""

    # The class that gets queued runs executed; see hitl.executors.
    executor: str = "hitl.executors.inprocess.InProcess"
    # Modules with workflows beside every installed app's `workflows.py`.
    workflows: tuple[str, ...] = ()
    # The database alias of the journal.
    database: str = "default"
    # How many runs one process executes at the same time.
    concurrency: int = 8
    # How long a worker that is told to stop lets its runs go on before it hands them back.
    stop_seconds: float = 20.0
    # Where the messages of the Celery executor go: redis://… or amqp://….
    broker_url: str = ""
    # How long an executor may be silent before another may take its thread.
    lease_seconds: float = 30.0
    # How often due threads, timers and held answers are looked for.
    sweep_seconds: float = 1.0
    # How long a lost or locked database is waited for before a run gives up its lease.
    database_patience_seconds: float = 60.0
    # Connections that write the journal of running legs; SQLite always has one.
    journal_threads: int = 4
    # How long an answer given on the desk can be undone before the run goes on; 0 switches it off (rule 22).
    undo_seconds: float = 5.0
    # The largest value that is stored, in bytes of its JSON text.
    max_value_bytes: int = 1_000_000
    # The largest task arguments kept for the page; larger ones are kept as digest and size.
    max_arguments_bytes: int = 8_192
    # What is forgotten of idle threads, by workflow: {"refund": {"days": 90, "keep": "last_value"}} (hitl.retention).
    retention: dict[str, Any] | None = None
    # Overrides the digest of the workflow's module as the code version.
    code_version: str = ""


_current: Settings | None = None


def settings() -> Settings:
    """The settings in force. Tests that change Django's settings call `reset()`, as the app does by a signal."""
    global _current
    if _current is None:
        _current = _read()
    return _current


def reset(**_: Any) -> None:
    global _current
    _current = None


def has_django() -> bool:
    """Whether this process has Django's settings, or says where they are."""
    from django.conf import settings as django_settings

    return django_settings.configured or "DJANGO_SETTINGS_MODULE" in environ


def _read() -> Settings:
    if not has_django():
        return Settings()
    from django.conf import settings as django_settings

    given: dict[str, Any] = {}
    for field in dataclasses.fields(Settings):
        value = getattr(django_settings, f"HITL_{field.name.upper()}", None)
        if value is not None:
            given[field.name] = _names(value) if field.name == "workflows" else value
    return Settings(**given)


def _names(value: Any) -> tuple[str, ...]:
    """One module's name is no list of letters; that it should be a list is the system checks' to say."""
    return (value,) if isinstance(value, str) else tuple(value)
