"""How facts are written and read: the statements, on each database.

The fence is the UPDATE of the thread's row, whose RETURNING feeds the INSERT, so that a lost lease writes nothing
(rule 2): one statement on PostgreSQL, one short IMMEDIATE transaction on SQLite.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import transaction

from hitl.checkpoint import driver
from hitl.checkpoint.rows import Change, Table
from hitl.facts import Fact
from hitl.lease import Lease

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
# Each may be a megabyte, and the server takes no more than a gigabyte in one value.
MOST_IN_ONE = 200
MOST_BYTES_IN_ONE = 16_000_000
# One for all: `json.dumps` would make another each time.
_as_json = json.JSONEncoder(default=str).encode
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_REPLAYED = """
SELECT seq, kind, turn, path, attempt, name, digest, position, alone,
       CASE WHEN kind IN ('event', 'enqueue') THEN NULL ELSE value END AS value,
       CASE WHEN kind IN ('task', 'event', 'leg', 'warning', 'enqueue') THEN '' ELSE detail END AS detail, epoch
  FROM hitl_checkpoint WHERE thread_id = %s AND seq {}
"""
REPLAYED = f"{_REPLAYED.format('BETWEEN %s AND %s')} ORDER BY seq"
# From where the open (or last) turn begins, behind the value it builds on.
LAST_TURN = f"""
{_REPLAYED.format("= (SELECT previous_seq FROM hitl_thread WHERE id = %s AND previous_seq < turn_seq)")}
UNION ALL
{_REPLAYED.format(">= (SELECT turn_seq FROM hitl_thread WHERE id = %s)")}
ORDER BY seq
"""

LAST_TURN_PACKED = f"""
(SELECT json_agg(json_build_array(
    seq, kind, turn, path, attempt, name, digest, position, alone, value, detail, epoch) ORDER BY seq)
   FROM ({LAST_TURN}) AS turn)
"""


Part = tuple[Lease, Sequence[Fact]]


def append(connection: Any, parts: Sequence[Part]) -> set[tuple[str, int]]:
    """Write the facts of some leases, one part each, in one commit, and number them.

    Returns thread and epoch of those whose lease still stands; of the others nothing is written.
    """
    if connection.vendor == "postgresql" and _fits_in_one(parts):
        return _append_postgres(connection, parts)
    return _append_generic(connection, parts)


def _fits_in_one(parts: Sequence[Part]) -> bool:
    facts = [fact for _, facts in parts for fact in facts]
    return len(facts) <= MOST_IN_ONE and sum(len(fact.value or "") for fact in facts) <= MOST_BYTES_IN_ONE


# Facts travel as JSON: one statement whatever their number, which the server plans once.
_FACT_TYPES = {
    "kind": "text",
    "turn": "integer",
    "path": "text",
    "attempt": "integer",
    "name": "text",
    "digest": "text",
    "position": "integer",
    "alone": "boolean",
    "value": "text",
    "detail": "text",
    "epoch": "bigint",
    "started_at": "timestamptz",
    "created_at": "timestamptz",
}
_APPEND = f"""
WITH part AS MATERIALIZED (
    SELECT * FROM json_to_recordset(%s::json) AS p (id text, epoch bigint, facts integer, claims integer, warning text)
), f AS (
    UPDATE hitl_thread
       SET seq = seq + part.facts, claims = coalesce(part.claims, hitl_thread.claims),
           warning = coalesce(part.warning, hitl_thread.warning)
      FROM part WHERE hitl_thread.id = part.id AND lease_epoch = part.epoch
    RETURNING hitl_thread.id AS locked, seq AS last, lease_epoch
), written AS (
    INSERT INTO hitl_checkpoint (thread_id, seq, {", ".join(_FACT_TYPES)})
    SELECT locked, last - back, {", ".join(_FACT_TYPES)}
      FROM f JOIN json_to_recordset(%s::json) AS fact (
          id text, back integer, {", ".join(f"{name} {kind}" for name, kind in _FACT_TYPES.items())}
      ) ON fact.id = locked AND fact.epoch = lease_epoch
)
SELECT locked, lease_epoch, last FROM f
"""


def _append_postgres(connection: Any, parts: Sequence[Part]) -> set[tuple[str, int]]:
    """Fences, numbering and facts in one statement, one round trip."""
    # In the order of their ids, so that two groups seldom wait for each other.
    parts = sorted(parts, key=lambda part: part[0].thread_id)
    leases, rows = [], []
    for lease, facts in parts:
        changes = _thread_changes(facts)
        leases.append({"id": lease.thread_id, "epoch": lease.epoch, "facts": len(facts), **changes})
        for back, fact in zip(range(len(facts) - 1, -1, -1), facts, strict=True):
            fact.epoch = lease.epoch
            values = zip(_FACT_TYPES, _values(connection, fact), strict=True)
            rows.append({"id": lease.thread_id, "back": back, **dict(values)})
    done = driver.execute(connection, _APPEND, [_as_json(leases), _as_json(rows)])
    last = {(thread_id, epoch): seq for thread_id, epoch, seq in done.fetchall()}
    for lease, facts in parts:
        if (lease.thread_id, lease.epoch) in last:
            _number(facts, last[lease.thread_id, lease.epoch], lease)
    return set(last)


def _append_generic(connection: Any, parts: Sequence[Part]) -> set[tuple[str, int]]:
    """The same in a short transaction, for databases without UPDATE in WITH."""
    met: set[tuple[str, int]] = set()
    # Without a savepoint: a lost lease writes nothing, and after an error the whole transaction is given up.
    with transaction.atomic(using=connection.alias, savepoint=False):
        for lease, facts in sorted(parts, key=lambda part: part[0].thread_id):
            changes = _thread_changes(facts)
            sets = "".join(f", {name} = %s" for name in changes)
            fence = f"UPDATE hitl_thread SET seq = seq + %s{sets} WHERE id = %s AND lease_epoch = %s RETURNING seq"
            params = [len(facts), *changes.values(), lease.thread_id, lease.epoch]
            found = driver.execute(connection, fence, params).fetchall()
            if found:
                _number(facts, found[0][0], lease)
                insert_facts(connection, lease.thread_id, facts)
                met.add((lease.thread_id, lease.epoch))
    return met


def _thread_changes(facts: Sequence[Fact]) -> dict[str, Any]:
    """What else the fencing UPDATE sets on the thread, by column."""
    # A `call` only says what is under way: it is no progress that a run's claims are counted from (rule 27).
    changes: dict[str, Any] = {} if all(fact.kind == "call" for fact in facts) else {"claims": 0}
    warnings = [fact.detail["message"] for fact in facts if fact.kind == "warning"]
    return changes | ({"warning": warnings[-1]} if warnings else {})


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
        _as_json(fact.detail) if fact.detail else "",
        fact.epoch,
        moment(fact.started_at),
        moment(fact.created_at),
    ]


def replayed(connection: Any, thread_id: str, first: int, last: int) -> list[Fact]:
    """Facts as replay needs them: without times, the texts of what is not replayed, and results' arguments."""
    return replayed_facts(driver.execute(connection, REPLAYED, [thread_id, first, last]).fetchall())


def ask_last_turn(connection: Any, thread_id: str) -> Callable[[], list[Fact]]:
    """The last turn's, behind the one that it builds on; what is returned reads them."""
    found = driver.execute(connection, LAST_TURN, [thread_id] * 4)
    return lambda: replayed_facts(found.fetchall())


def replayed_facts(rows: Iterable[Sequence[Any]]) -> list[Fact]:
    """Facts from what `LAST_TURN` and `REPLAYED` give."""
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
        for seq, kind, turn, path, attempt, name, digest, position, alone, value, detail, epoch in rows
    ]
