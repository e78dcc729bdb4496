"""How facts are written and read: the statements, on each database.

The fence is the UPDATE of the thread's row, whose RETURNING feeds the INSERT, so that a lost lease writes nothing
(rule 2): one statement on PostgreSQL, one short IMMEDIATE transaction on SQLite.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from hitl.checkpoint import driver
from hitl.checkpoint.rows import Change, Table
from hitl.facts import Fact
from hitl.store import Lease, lost

COLUMNS = [
    "thread_id",
    "seq",
    "kind",
    "turn",
    "path",
    "attempt",
    "name",
    "digest",
    "position",
    "alone",
    "value",
    "detail",
    "epoch",
    "started_at",
    "created_at",
]

# SQLite takes 999 parameters a statement in its oldest builds that Django supports.
MAX_ROWS = 60
# PostgreSQL takes 65,535.
MOST_IN_ONE = 1000
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_REPLAYED = """
SELECT seq, kind, turn, path, attempt, name, digest, position, alone,
       CASE WHEN kind IN ('event', 'enqueue') THEN NULL ELSE value END,
       CASE WHEN kind IN ('task', 'event', 'leg', 'warning', 'enqueue') THEN '' ELSE detail END, epoch
  FROM hitl_checkpoint WHERE thread_id = %s AND seq {} ORDER BY seq
"""
REPLAYED = _REPLAYED.format("BETWEEN %s AND %s")
LAST_TURN = _REPLAYED.format(">= (SELECT turn_seq FROM hitl_thread WHERE id = %s)")


def append_postgres(connection: Any, lease: Lease, facts: Sequence[Fact]) -> None:
    """Fence, numbering and facts in one statement, one round trip."""
    count = len(facts)
    if count > MOST_IN_ONE:
        append_generic(connection, lease, facts)
        return
    changes, changed = _thread_changes(facts)
    values = " UNION ALL ".join([_POSTGRES_ROW] * count)
    sql = (
        f"WITH f AS (UPDATE hitl_thread SET seq = seq + %s{changes} "
        "WHERE id = %s AND lease_epoch = %s RETURNING seq, id) "
        f"INSERT INTO hitl_checkpoint ({', '.join(COLUMNS)}) {values} RETURNING seq"
    )
    params: list[Any] = [count, *changed, lease.thread_id, lease.epoch]
    for index, fact in enumerate(facts):
        fact.epoch = lease.epoch
        params += [count - 1 - index, *_values(connection, fact)]
    rows = driver.execute(connection, sql, params).fetchall()
    if not rows:
        raise lost(lease)
    _number(facts, max(row[0] for row in rows), lease)


_POSTGRES_ROW = (
    "SELECT f.id, f.seq - %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::timestamptz, %s::timestamptz FROM f"
)


def write_postgres(
    connection: Any,
    thread: Change,
    touched: Sequence[tuple[Table[Any], Any]],
    added: Sequence[tuple[Table[Any], Any]],
    facts: Sequence[Fact],
) -> bool:
    """A whole transition in one statement; False, and nothing written, where a row is not what it was decided on."""
    if len(facts) > MAX_ROWS or len(touched) + len(added) > MAX_ROWS:
        return False
    changes = [(table, change) for table, change in ((table, table.change(row)) for table, row in touched) if change]
    same = "".join(f" AND EXISTS (SELECT 1 FROM {table.name} WHERE {change.same})" for table, change in changes)
    parts = [f"f AS ({thread.sql}{same if changes else ''} RETURNING id AS locked)"]
    params = [*thread.values, *thread.compared]
    for _, other in changes:
        params += other.compared
    for index, (table, other) in enumerate(changes):
        parts.append(f"u{index} AS (UPDATE {table.name} SET {other.sets} FROM f WHERE {other.same})")
        params += [*other.values, *other.compared]
    for index, (table, row) in enumerate(added):
        marks, values = table.selected(row)
        parts.append(f"i{index} AS (INSERT INTO {table.name} ({table.columns}) SELECT {marks} FROM f)")
        params += values
    rows = " UNION ALL ".join([_NUMBERED_ROW] * len(facts))
    for fact in facts:
        params += [fact.seq, *_values(connection, fact)]
    sql = f"WITH {', '.join(parts)} INSERT INTO hitl_checkpoint ({', '.join(COLUMNS)}) {rows}"
    return bool(driver.execute(connection, sql, params).rowcount)


_NUMBERED_ROW = (
    "SELECT locked, %s::bigint, %s, %s::integer, %s, %s::integer, %s, %s, %s::integer, %s::boolean, %s, %s, "
    "%s::bigint, %s::timestamptz, %s::timestamptz FROM f"
)


def append_generic(connection: Any, lease: Lease, facts: Sequence[Fact]) -> None:
    """The same in a short transaction, for databases without UPDATE in WITH."""
    changes, changed = _thread_changes(facts)
    fence = f"UPDATE hitl_thread SET seq = seq + %s{changes} WHERE id = %s AND lease_epoch = %s RETURNING seq"
    # Without a savepoint: a lost lease writes nothing, and after an error the whole transaction is given up.
    with transaction.atomic(using=connection.alias, savepoint=False):
        met = driver.execute(connection, fence, [len(facts), *changed, lease.thread_id, lease.epoch]).fetchall()
        if met:
            _number(facts, met[0][0], lease)
            insert_facts(connection, lease.thread_id, facts)
    if not met:
        raise lost(lease)


def _thread_changes(facts: Sequence[Fact]) -> tuple[str, list[Any]]:
    """What else the fencing UPDATE sets on the thread, as SQL and parameters."""
    # A `call` only says what is under way: it is no progress that a run's claims are counted from (rule 27).
    sql = "" if all(fact.kind == "call" for fact in facts) else ", claims = 0"
    warnings = [fact.detail["message"] for fact in facts if fact.kind == "warning"]
    return (f"{sql}, warning = %s", warnings[-1:]) if warnings else (sql, [])


def _number(facts: Sequence[Fact], last: int, lease: Lease) -> None:
    for index, fact in enumerate(facts):
        fact.seq, fact.epoch = last - len(facts) + 1 + index, lease.epoch


def insert_facts(connection: Any, thread_id: str, facts: Sequence[Fact]) -> None:
    """Numbered facts, in as few statements as the database takes parameters for."""
    one = f"({', '.join(['%s'] * len(COLUMNS))})"
    for first in range(0, len(facts), MAX_ROWS):
        some = facts[first : first + MAX_ROWS]
        params: list[Any] = []
        for fact in some:
            params += [thread_id, fact.seq, *_values(connection, fact)]
        values = ", ".join([one] * len(some))
        driver.execute(connection, f"INSERT INTO hitl_checkpoint ({', '.join(COLUMNS)}) VALUES {values}", params)


def _values(connection: Any, fact: Fact) -> list[Any]:
    moment = connection.ops.adapt_datetimefield_value
    return [
        fact.kind,
        fact.turn,
        fact.path,
        fact.attempt,
        fact.name,
        fact.digest,
        fact.position,
        fact.alone,
        fact.value,
        json.dumps(fact.detail, default=str) if fact.detail else "",
        fact.epoch,
        moment(fact.started_at),
        moment(fact.created_at),
    ]


def replayed(connection: Any, thread_id: str, first: int, last: int) -> list[Fact]:
    """Facts as replay needs them: without times, the texts of what is not replayed, and results' arguments."""
    return _replayed(driver.execute(connection, REPLAYED, [thread_id, first, last]))


def ask_last_turn(connection: Any, thread_id: str) -> Callable[[], list[Fact]]:
    """The same from where the open (or last) turn begins; what is returned reads them."""
    found = driver.execute(connection, LAST_TURN, [thread_id, thread_id])
    return lambda: _replayed(found)


def _replayed(found: Any) -> list[Fact]:
    return [
        Fact(
            kind=kind,
            turn=turn,
            path=path,
            attempt=attempt,
            name=name,
            digest=digest,
            position=position,
            alone=bool(alone),
            value=value,
            detail=json.loads(detail) if detail else {},
            created_at=BEGINNING,
            seq=seq,
            epoch=epoch,
        )
        for seq, kind, turn, path, attempt, name, digest, position, alone, value, detail, epoch in found.fetchall()
    ]
