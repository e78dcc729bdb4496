"""What the environment says, as Django settings: flags, lists, the database, the secret key.

Only `reviewer.settings` reads it, so that every choice of a deployment is visible in one file.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.conf.locale import LANG_INFO
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import get_language_info

IN_PROCESS = "hitl.executors.inprocess.InProcess"
PROCRASTINATE = "hitl.executors.procrastinate.Procrastinate"
CELERY = "hitl.executors.celery.Celery"


def flag(name: str) -> bool:
    """Whether the variable is set to something other than an empty string, `0`, `no` or `false`."""
    return os.environ.get(name, "").strip().lower() not in ("", "0", "no", "false", "off")


def words(name: str, default: str = "") -> list[str]:
    """The variable's comma-separated words."""
    return [word.strip() for word in os.environ.get(name, default).split(",") if word.strip()]


def languages() -> list[tuple[str, str]]:
    """`LANGUAGES`, comma-separated codes, with their own names; English and German unless it is set."""
    given = words("LANGUAGES", default="en,de")
    unknown = [code for code in given if code not in LANG_INFO]
    if unknown or not given:
        raise ImproperlyConfigured(
            f"LANGUAGES has {unknown or 'nothing'}; it takes codes that Django knows, like en,de."
        )
    return [(code, get_language_info(code)["name_local"]) for code in given]


def numbers(*names: str, kind: type[int] | type[float]) -> dict[str, float]:
    """Those of the engine's settings that are set, as whole numbers (`int`) or any (`float`)."""
    found = {}
    for name in (f"HITL_{name}" for name in names):
        if text := os.environ.get(name):
            try:
                found[name] = kind(text)
            except ValueError:
                what = "a whole number" if kind is int else "a number"
                raise ImproperlyConfigured(f"{name} is {text!r}; it has to be {what}.") from None
    return found


def json_object(name: str) -> dict[str, Any] | None:
    """The variable's JSON object, None where it is not set."""
    text = os.environ.get(name)
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError as problem:
        raise ImproperlyConfigured(f"{name} is no JSON ({problem}): {text[:100]!r}.") from None
    if not isinstance(found, dict):
        raise ImproperlyConfigured(f"{name} is {text[:100]!r}; it has to be a JSON object.")
    return found


def secret_key(path: Path, *, generate: bool) -> str:
    """`SECRET_KEY`, else the key kept in `path`, else (only when `generate`) a new one kept there."""
    if key := os.environ.get("SECRET_KEY"):
        return key
    if not path.exists():
        if not generate:
            raise ImproperlyConfigured(
                "SECRET_KEY is not set. Set it to a long random text that no one else knows, for example from "
                "`python -c 'import secrets; print(secrets.token_urlsafe(50))'`; for a try-out, use `make run`."
            )
        keep_new_key(path)
    return path.read_text().strip()


def keep_new_key(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place, so that of two processes that start at once one key wins.
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(50))
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def database(default: Path) -> dict[str, Any]:
    """The `DATABASES` entry that `DATABASE_URL` names, else a SQLite file at `default`.

    Understands `postgres://user:password@host:port/name?option=value` (a host that starts with `/`
    goes into the query: `postgres:///name?host=/run/postgresql`) and `sqlite:////absolute/path`.
    """
    url = urlsplit(os.environ.get("DATABASE_URL", ""))
    if not url.scheme:
        return sqlite(default)
    if url.scheme == "sqlite":
        return sqlite(Path(unquote(url.path.removeprefix("/"))))
    if url.scheme in ("postgres", "postgresql"):
        options = dict(parse_qsl(url.query))
        return postgresql(
            NAME=unquote(url.path.removeprefix("/")),
            USER=unquote(url.username or options.pop("user", "")),
            PASSWORD=unquote(url.password or options.pop("password", "")),
            HOST=url.hostname or options.pop("host", ""),
            PORT=str(url.port or options.pop("port", "")),
            options=options,
        )
    raise ImproperlyConfigured(f"DATABASE_URL begins with {url.scheme!r}; use postgres:// or sqlite://.")


def sqlite(path: Path) -> dict[str, Any]:
    """A SQLite database that survives a power cut and lets readers go on beside one writer."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "OPTIONS": {
            "timeout": 20,
            # A transaction that reads first and writes later would fail at once when another one
            # wrote in between; IMMEDIATE waits for its turn at the start instead.
            "transaction_mode": "IMMEDIATE",
            # Mapped, so that each request, whose connection has an empty cache, finds in memory what others read.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA mmap_size=268435456;",
        },
    }


def postgresql(*, options: dict[str, str], **connection: str) -> dict[str, Any]:
    """A PostgreSQL database behind a pool: under ASGI, connections kept by age would leak.

    The journal's statements are prepared once a connection, unless `prepare_threshold=none` (behind a pooler that
    gives each transaction another connection) or a number says otherwise.
    """
    threshold = options.pop("prepare_threshold", "0")
    return {
        "ENGINE": "django.db.backends.postgresql",
        **connection,
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            **options,
            "prepare_threshold": int(threshold) if threshold.isdigit() else None,
            "pool": {"min_size": 1, "max_size": 20, "timeout": 10},
        },
    }


def log_formatter() -> str:
    """The class that writes the log, as `LOG_FORMAT` has it: `line` for people, `json` for machines."""
    name = os.environ.get("LOG_FORMAT") or "line"
    formatters = {"line": "hitl.logs.LineFormatter", "json": "hitl.logs.JSONFormatter"}
    if name not in formatters:
        raise ImproperlyConfigured(f"LOG_FORMAT is {name!r}; use {' or '.join(formatters)}.")
    return formatters[name]


def executor(database: dict[str, Any]) -> str:
    """`HITL_EXECUTOR`, else the one of the tier that database and broker make."""
    if path := os.environ.get("HITL_EXECUTOR"):
        return path
    if not database["ENGINE"].endswith("postgresql"):
        return IN_PROCESS
    return CELERY if broker() else PROCRASTINATE


def broker() -> str:
    """Where Celery's messages go: `HITL_BROKER_URL`, else the Redis that the live pages use."""
    return os.environ.get("HITL_BROKER_URL") or os.environ.get("REDIS_URL", "")


def channel_layer() -> dict[str, Any]:
    """The layer that `REDIS_URL` names, else one in this process's memory.

    The pub/sub layer, not the default one: it is not hit by redis-py 8's socket timeout, which ends
    idle consumers, and needs fewer connections.
    """
    if url := os.environ.get("REDIS_URL"):
        return {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": [url], "prefix": os.environ.get("REDIS_PREFIX", "hitl")},
        }
    return {"BACKEND": "channels.layers.InMemoryChannelLayer"}
