"""What a transition looks at: the thread's row and what belongs to it, in one round trip.

Under the thread's lock where it is decided for good; without it, in one statement, where the write will say whether
the thread is still what was read (`rows.Table.change`).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

from hitl.checkpoint import driver, statements
from hitl.checkpoint.rows import Table
from hitl.facts import Fact
from hitl.models import Interrupt, Run, Thread
from hitl.projection import OPEN, UNENDED

CLOCK_SECONDS = 10.0
# Of a longer turn the facts are read by themselves; one with more in it is read row by row, for the server makes no
# text of more than a gigabyte.
MOST_AT_ONCE = 1000
MOST_BYTES_AT_ONCE = 8_000_000
_IS_LIGHT = f"""
(SELECT coalesce(sum(octet_length(value)), 0) FROM hitl_checkpoint AS fact
  WHERE fact.thread_id = hitl_thread.id AND fact.seq BETWEEN turn_seq AND turn_seq + {MOST_AT_ONCE})
< {MOST_BYTES_AT_ONCE}
"""


class Tables:
    """The three tables that a transition reads, on one database."""

    def __init__(self, connection: Any) -> None:
        self.threads = Table(Thread, connection, guard=["seq", "lease_epoch"])
        self.runs = Table(Run, connection, guard=["status"])
        self.questions = Table(Interrupt, connection, guard=["status", "version"])

    def of(self, row: Any) -> Table[Any]:
        """The one that this run or question belongs to."""
        return self.runs if isinstance(row, Run) else self.questions


@dataclasses.dataclass(frozen=True, slots=True)
class Seen:
    """What a transition looks at: the thread's row (none, or one), its runs and questions, the last turn, the time."""

    threads: list[Thread]
    runs: list[Run] = dataclasses.field(default_factory=list)
    questions: list[Interrupt] = dataclasses.field(default_factory=list)
    turn: list[Fact] = dataclasses.field(default_factory=list)
    now: datetime = dataclasses.field(kw_only=True)


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What a transition wants to look at beside the thread's row, as conditions and their values."""

    thread_id: str
    closed: bool
    questions: Sequence[str]
    turn: bool

    @property
    def runs(self) -> tuple[str, list[Any]]:
        """Those that have not ended."""
        return "thread_id = %s AND status IN (%s, %s, %s)", [self.thread_id, *UNENDED]

    @property
    def asked(self) -> tuple[str, list[Any]]:
        """The open questions, this turn's, those that it names."""
        params: list[Any] = [self.thread_id, *OPEN]
        others = ""
        if self.closed:
            others += " OR turn = (SELECT turn FROM hitl_thread WHERE id = %s)"
            params.append(self.thread_id)
        if self.questions:
            others += f" OR id IN ({', '.join(['%s'] * len(self.questions))})"
            params += self.questions
        return f"thread_id = %s AND (status IN (%s, %s){others})", params


class Clock:
    """The database's time, as it was last read and has gone on since; for a while, since either clock may drift."""

    def __init__(self) -> None:
        self._read: tuple[datetime, float] | None = None

    def set(self, moment: datetime) -> datetime:
        self._read = (moment, monotonic())
        return moment

    def now(self) -> datetime | None:
        """None where it was not read lately."""
        if self._read is None:
            return None
        moment, at = self._read
        age = monotonic() - at
        return moment + timedelta(seconds=age) if age < CLOCK_SECONDS else None


def locked(connection: Any, tables: Tables, wanted: Wanted, clock: Clock) -> Seen:
    """What a transition looks at, from under the thread's lock, in one round trip.

    The thread comes first: only what is read after the lock is had stands still.
    """
    thread_id = wanted.thread_id
    is_server = connection.vendor == "postgresql"
    if connection.vendor == "sqlite" and getattr(connection, "transaction_mode", None) != "IMMEDIATE":
        # Where transactions begin DEFERRED, a first write takes the lock that FOR UPDATE takes elsewhere.
        driver.execute(connection, "UPDATE hitl_thread SET seq = seq WHERE id = %s", [thread_id])
    with driver.together(connection):
        threads = tables.threads.select("id = %s FOR UPDATE" if is_server else "id = %s", [thread_id])
        runs = tables.runs.select(*wanted.runs)
        asked = tables.questions.select(*wanted.asked)
        facts = statements.ask_last_turn(connection, thread_id) if wanted.turn else list[Fact]
        # Leases go by the database's clock; SQLite's is this machine's.
        time = driver.execute(connection, "SELECT statement_timestamp()") if is_server else None
    now = clock.set(time.fetchone()[0]) if time else datetime.now(UTC)
    return Seen(threads(), runs(), asked(), facts(), now=now)


def at_once(connection: Any, tables: Tables, wanted: Wanted, clock: Clock) -> Seen:
    """The same without the lock, in one statement, so that all of it stood together at one moment (PostgreSQL).

    Nothing where there is no such thread, and where its turn is too much for one text.
    """
    runs, asked = wanted.runs, wanted.asked
    short = f"CASE WHEN seq - turn_seq < {MOST_AT_ONCE} THEN {statements.LAST_TURN_PACKED} END::text"
    sql = (
        f"SELECT statement_timestamp(), {tables.runs.packed(runs[0])}, {tables.questions.packed(asked[0])}, "
        f"{short if wanted.turn else 'NULL'}, {tables.threads.columns} FROM hitl_thread WHERE id = %s"
        f"{f' AND {_IS_LIGHT}' if wanted.turn else ''}"
    )
    params = [*runs[1], *asked[1], *[wanted.thread_id] * (5 if wanted.turn else 1)]
    found = driver.execute(connection, sql, params).fetchall()
    if not found:
        return Seen([], now=datetime.now(UTC))
    (now, packed_runs, packed_questions, packed_turn, *thread) = found[0]
    return Seen(
        [tables.threads.made(thread)],
        tables.runs.unpacked(packed_runs),
        tables.questions.unpacked(packed_questions),
        statements.replayed_facts(json.loads(packed_turn) if packed_turn else ()),
        now=clock.set(now),
    )
