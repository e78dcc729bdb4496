"""The driver's own cursor, for the few statements that every fact passes through.

Django's takes a part of the time that a commit takes: it translates placeholders, and on PostgreSQL it writes the
values into the text of the statement, so that the server plans each one anew. Where somebody watches what Django's
cursors do (execute wrappers, `queries_log`), they are used here too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any


def execute(connection: Any, sql: str, params: Sequence[Any] = ()) -> Any:
    """Run a statement with `%s` for its values. Returns a cursor, which within `together` has its rows afterwards."""
    if _is_watched(connection):
        cursor = connection.cursor()
        cursor.execute(sql, params)
        return cursor
    connection.validate_thread_sharing()
    connection.validate_no_broken_transaction()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        if connection.vendor == "sqlite":
            return connection.connection.execute(_question_marks(sql), params)
        return _server_bound(connection.connection).execute(_numbered(sql), params)


@contextmanager
def together(connection: Any) -> Iterator[None]:
    """Send the statements of the block in one round trip, where the database can."""
    if connection.vendor != "postgresql" or _is_watched(connection):
        yield
        return
    connection.ensure_connection()
    with connection.wrap_database_errors, connection.connection.pipeline():
        yield


def _is_watched(connection: Any) -> bool:
    return connection.execute_wrappers or connection.queries_logged or connection.vendor not in ("sqlite", "postgresql")


def _server_bound(connection: Any) -> Any:
    """Values travel beside the statement, which the server keeps planned if `prepare_threshold` lets it."""
    from psycopg import RawCursor

    return RawCursor(connection)


@lru_cache(maxsize=512)
def _question_marks(sql: str) -> str:
    return sql.replace("%s", "?")


@lru_cache(maxsize=512)
def _numbered(sql: str) -> str:
    """With the server's own placeholders: psycopg would look for its own anew in each statement of more than 50."""
    first, *others = sql.split("%s")
    return first + "".join(f"${number}{text}" for number, text in enumerate(others, 1))
