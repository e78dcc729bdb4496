"""What PostgreSQL itself takes: a script that makes the durable statements of DESIGN.md's workflow, and no more.

Eight of them, each a round trip and a commit: the thread with its input, then a fact under the fence for the leg,
step_1, the question, the answer, human_feedback, step_3 and the output.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from os import urandom
from threading import local
from typing import Any

import psycopg

from bench.measures import thread_id

COLUMNS = (
    "thread_id, seq, kind, turn, path, attempt, name, digest, position, alone, value, detail, epoch, started_at, "
    "created_at"
)
VALUES = "1, %s, 1, %s, '', 0, false, %s, %s, 1, %s::timestamptz, %s::timestamptz"
BEGIN = f"""
WITH f AS (
    INSERT INTO hitl_thread (id, workflow, workflow_version, status, seq, turn, turn_seq, metadata, warning, created_at,
                             updated_at, lease_epoch, lease_owner, claims, nudges)
    VALUES (%s, 'bare', '', 'busy', 1, 1, 1, '{{}}', '', %s, %s, 1, 'me', 0, 0) RETURNING id, seq
)
INSERT INTO hitl_checkpoint ({COLUMNS}) SELECT id, seq, %s, {VALUES} FROM f
"""
GO_ON = f"""
WITH f AS (UPDATE hitl_thread SET seq = seq + 1 WHERE id = %s AND lease_epoch = 1 RETURNING id, seq)
INSERT INTO hitl_checkpoint ({COLUMNS}) SELECT id, seq, %s, {VALUES} FROM f
"""
FACTS = ("leg", "task", "question", "answer", "task", "task", "output")


class Bare:
    """One connection a thread, as a worker would have it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._local = local()

    def __call__(self) -> None:
        connection, thread = self._connection(), thread_id()
        self._write(connection, BEGIN, [thread, datetime.now(UTC), datetime.now(UTC), "input"])
        for kind in FACTS:
            self._write(connection, GO_ON, [thread, kind])

    def _connection(self) -> psycopg.Connection[Any]:
        if not hasattr(self._local, "connection"):
            self._local.connection = psycopg.connect(self._url, autocommit=True)
        connection: psycopg.Connection[Any] = self._local.connection
        return connection

    def _write(self, connection: psycopg.Connection[Any], sql: str, params: list[Any]) -> None:
        now, path = datetime.now(UTC), urandom(8).hex()
        fact = [path, "step", json.dumps("foo bar baz"), json.dumps({"args": ["foo bar"]}), now, now]
        done = connection.execute(sql.encode(), [*params, *fact], prepare=True)
        assert done.rowcount == 1
