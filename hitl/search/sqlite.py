"""On SQLite: an FTS5 table over trigrams, kept in step by triggers.

A row of hitl_searchable is the text of one pending question under a number, since an FTS table wants numbers
and a question's own id is a text. What SQLite says of the objects is compared with what is written here, so
that a changed trigger, or one that went with its table, has everything made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import OperationalError

REMEDY = (
    "Run `manage.py migrate`: it makes the index. It takes SQLite 3.34 or later with FTS5, as Python's own comes. "
    "Until then a search reads every pending question."
)
# So many candidates are looked up one by one; with more of them, reading the queue in order meets a page sooner.
MOST_CANDIDATES = 2500

OBJECTS = {
    "hitl_searchable": """CREATE TABLE hitl_searchable (
    key INTEGER PRIMARY KEY, question_id TEXT NOT NULL UNIQUE, search TEXT NOT NULL)""",
    "hitl_search": """CREATE VIRTUAL TABLE hitl_search USING fts5(
    search, content='hitl_searchable', content_rowid='key', tokenize='trigram', detail=none)""",
    "hitl_searchable_added": """CREATE TRIGGER hitl_searchable_added AFTER INSERT ON hitl_searchable BEGIN
    INSERT INTO hitl_search (rowid, search) VALUES (NEW.key, NEW.search);
END""",
    "hitl_searchable_removed": """CREATE TRIGGER hitl_searchable_removed AFTER DELETE ON hitl_searchable BEGIN
    INSERT INTO hitl_search (hitl_search, rowid, search) VALUES ('delete', OLD.key, OLD.search);
END""",
    "hitl_interrupt_added": """CREATE TRIGGER hitl_interrupt_added AFTER INSERT ON hitl_interrupt
WHEN NEW.status = 'pending' BEGIN
    INSERT INTO hitl_searchable (question_id, search) VALUES (NEW.id, NEW.search);
END""",
    "hitl_interrupt_changed": """CREATE TRIGGER hitl_interrupt_changed
AFTER UPDATE OF id, status, search ON hitl_interrupt
WHEN (OLD.status = 'pending' OR NEW.status = 'pending')
    AND (OLD.id <> NEW.id OR OLD.status <> NEW.status OR OLD.search <> NEW.search) BEGIN
    DELETE FROM hitl_searchable WHERE question_id = OLD.id;
    INSERT INTO hitl_searchable (question_id, search) SELECT NEW.id, NEW.search WHERE NEW.status = 'pending';
END""",
    "hitl_interrupt_removed": """CREATE TRIGGER hitl_interrupt_removed AFTER DELETE ON hitl_interrupt
WHEN OLD.status = 'pending' BEGIN
    DELETE FROM hitl_searchable WHERE question_id = OLD.id;
END""",
}
FILL = (
    "INSERT INTO hitl_searchable (question_id, search) SELECT id, search FROM hitl_interrupt WHERE status = 'pending'"
)
CANDIDATES = """
SELECT question_id FROM hitl_searchable WHERE key IN
    (SELECT rowid FROM hitl_search WHERE hitl_search MATCH %s LIMIT %s)
"""
# Pending questions that the index lacks, and rows of it that no pending question has.
STRAYS = """
WITH pending AS (SELECT id, search FROM hitl_interrupt WHERE status = 'pending'),
    held AS (SELECT question_id, search FROM hitl_searchable)
SELECT COUNT(*) FROM (SELECT * FROM pending EXCEPT SELECT * FROM held) UNION ALL
SELECT COUNT(*) FROM (SELECT * FROM held EXCEPT SELECT * FROM pending)
"""


def stands(connection: Any) -> bool:
    return made(connection) == OBJECTS


def made(connection: Any) -> dict[str, str]:
    """The objects of ours that are there, and how they were made."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT name, sql FROM sqlite_master WHERE name IN ({', '.join(['%s'] * len(OBJECTS))})", [*OBJECTS]
        )
        return dict(cursor.fetchall())


def make(connection: Any) -> None:
    """Make everything anew. Raises DatabaseError where SQLite has no FTS5 or knows no trigrams."""
    remove(connection)
    with connection.cursor() as cursor:
        for statement in (*OBJECTS.values(), FILL):
            cursor.execute(statement)


def remove(connection: Any) -> None:
    """Take away what there is of it. Triggers go first: with them goes what would fail without FTS5."""
    there = made(connection)
    with connection.cursor() as cursor:
        for name in sorted(there, key=lambda name: "TRIGGER" not in there[name]):
            kind = "TRIGGER" if "TRIGGER" in there[name] else "TABLE"
            cursor.execute(f"DROP {kind} {name}")


def strays(connection: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(STRAYS)
        return sum(count for (count,) in cursor.fetchall())


def candidates(connection: Any, words: Sequence[str]) -> list[str] | None:
    """The ids of the pending questions that may hold all the words; None if they are many, or there is no index."""
    wanted = " AND ".join('"{}"'.format(part.replace('"', '""')) for word in words for part in trigrams(word))
    try:
        with connection.cursor() as cursor:
            cursor.execute(CANDIDATES, [wanted, MOST_CANDIDATES + 1])
            found = [question_id for (question_id,) in cursor.fetchall()]
    except OperationalError:
        return None
    return found if len(found) <= MOST_CANDIDATES else None


def trigrams(word: str) -> Iterator[str]:
    """As few as cover the word. Where they stand in a text is not in the index: who asks compares the word itself."""
    for begin in range(0, len(word) - 3, 3):
        yield word[begin : begin + 3]
    yield word[-3:]
