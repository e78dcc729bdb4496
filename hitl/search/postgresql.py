"""On PostgreSQL: a GIN index over trigrams, from the extension pg_trgm that comes with the server."""

from __future__ import annotations

from typing import Any

REMEDY = (
    "Have an administrator of the database run “CREATE EXTENSION pg_trgm”, then run `manage.py migrate`: it makes the "
    "index. Until then a search reads every pending question."
)
INDEX, STATISTICS = "hitl_interrupt_search", "hitl_interrupt_words"
# As Django writes `icontains`. New rows wait in a list that every search reads through, so it is kept short.
CREATE = f"""
CREATE INDEX {INDEX} ON hitl_interrupt USING gin (UPPER(search) gin_trgm_ops)
WITH (gin_pending_list_limit = 256) WHERE status = 'pending'
"""
# How common a word is decides between this index and reading the queue in order. PostgreSQL does not take that from
# the statistics of a partial index.
MEASURE = f"CREATE STATISTICS IF NOT EXISTS {STATISTICS} ON UPPER(search) FROM hitl_interrupt"


def stands(connection: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [INDEX])
        return bool(cursor.fetchone()[0])


def make(connection: Any) -> None:
    """Raises DatabaseError where the extension is not there and may not be created."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'")
        if cursor.fetchone() is None:
            cursor.execute("CREATE EXTENSION pg_trgm")
        cursor.execute(f"DROP INDEX IF EXISTS {INDEX}")
        cursor.execute(CREATE)
        cursor.execute(MEASURE)


def strays(connection: Any) -> int:
    """None: an index of PostgreSQL is never behind its table."""
    return 0
