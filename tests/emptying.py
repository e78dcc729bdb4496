"""Between tests that commit, every table is emptied by DELETE, rather than by Django's `flush`.

That one truncates, which makes a hundred files anew on PostgreSQL, and then has the permissions made again: a tenth
of a second, many hundred times. Content types and permissions stay here, but for those that a test has added.
"""

from __future__ import annotations

from typing import Any

from django.db import connections, transaction
from django.test import TransactionTestCase

KEPT = ("django_content_type", "auth_permission")
# What has grown larger than that is truncated after all: deleted rows would be read over until the next vacuum.
MOST_BYTES = 1_000_000

_tables: dict[str, list[str]] = {}
_kept: dict[str, dict[str, int]] = {}


def begin(alias: str) -> None:
    """Use it for this database, which holds now what every test is to find."""
    connection = connections[alias]
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    _tables[alias] = sorted(set(tables) - set(KEPT))
    with connection.cursor() as cursor:
        _kept[alias] = {table: cursor.execute(f"SELECT max(id) FROM {table}").fetchone()[0] for table in KEPT}
    TransactionTestCase._fixture_teardown = _teardown  # type: ignore[attr-defined]


def _teardown(test: Any) -> None:
    for alias in test._databases_names(include_mirrors=False):
        empty(alias)


def empty(alias: str) -> None:
    connection, tables = connections[alias], _tables[alias]
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # As TRUNCATE does, wait for whoever is writing still.
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE")
            largest = f"SELECT max(pg_table_size(name)) FROM unnest(ARRAY{tables}::regclass[]) AS name"
            if cursor.execute(largest).fetchone()[0] > MOST_BYTES:
                cursor.execute(f"TRUNCATE {', '.join(tables)}")
                tables = []
        for table in tables:
            cursor.execute(f"DELETE FROM {table}")
        for table in reversed(KEPT):
            cursor.execute(f"DELETE FROM {table} WHERE id > {_kept[alias][table]}")
