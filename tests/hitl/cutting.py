"""Real trouble with a real database: connections cut on PostgreSQL, a locked file or row on either."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from hitl import testing
from hitl.checkpoint.database import saver


def cut(pid: int) -> None:
    """End a PostgreSQL session from the server's side, and wait until it is gone."""
    with another_session() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


def cut_all() -> None:
    """End every session of this database; this thread, and whoever asks Django's pool, begins anew."""
    end_all_sessions()
    saver().renew_connection()
    if connection.pool is not None:
        connection.pool.check()


def end_all_sessions() -> None:
    """As a restart of the server does."""
    with another_session() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()


@contextmanager
def another_session() -> Iterator[Any]:
    import psycopg

    settings = connection.settings_dict
    with psycopg.connect(
        host=settings["HOST"], user=settings["USER"], dbname=settings["NAME"], autocommit=True
    ) as other:
        yield other.cursor()


def own_pid() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def lose_connection() -> None:
    """Cut this thread's session; the next word over it is the error that a lost server makes."""
    cut(own_pid())
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


class Once:
    """An execute wrapper that lets `trouble` happen before or after the first statement with `word` in it."""

    def __init__(self, word: str, *, before: Callable[[], Any] | None = None, after: Callable[[], Any] | None = None):
        self.word, self.before, self.after = word, before, after
        self.happened = False

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if self.happened or self.word not in sql:
            return execute(sql, params, many, context)
        self.happened = True
        if self.before:
            self.before()
        result = execute(sql, params, many, context)
        if self.after:
            self.after()
        return result


@contextmanager
def locked(thread_id: str) -> Iterator[None]:
    """The thread's row (PostgreSQL) or the whole file (SQLite) is locked by somebody else."""
    if connection.vendor == "postgresql":
        import psycopg

        settings = connection.settings_dict
        with psycopg.connect(host=settings["HOST"], user=settings["USER"], dbname=settings["NAME"]) as other:
            other.execute("SELECT 1 FROM hitl_thread WHERE id = %s FOR UPDATE", [thread_id])
            yield
        return
    file = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    try:
        file.execute("BEGIN IMMEDIATE")
        yield
        file.execute("ROLLBACK")
    finally:
        file.close()


@contextmanager
def impatience() -> Iterator[None]:
    """Connections made meanwhile wait for locks a moment only, whichever thread they belong to."""
    options = connection.settings_dict["OPTIONS"]
    kept = dict(options)
    options |= {"timeout": 0.05} if connection.vendor == "sqlite" else {"options": "-c lock_timeout=50ms"}
    renew_connections()
    try:
        yield
    finally:
        options.clear()
        options.update(kept)
        renew_connections()


def renew_connections() -> None:
    testing.close()
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()
