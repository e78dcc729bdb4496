"""The log outside the database: a file that every process appends to, one JSON object a line.

Its times are the machine's monotonic clock, which is the same in every process and which no injection moves.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WATCHER = "chaos-watcher"


def note(what: str, **told: Any) -> None:
    """Append one line; a line is written whole or, where the process is killed before, not at all."""
    line = json.dumps({"what": what, "at": time.monotonic(), "pid": os.getpid()} | told)
    log = os.open(os.environ["CHAOS_LOG"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(log, f"{line}\n".encode())
    finally:
        os.close(log)


def notes(path: Path) -> Iterator[dict[str, Any]]:
    """All lines so far."""
    if path.exists():
        for line in path.read_text().splitlines():
            yield json.loads(line)


class Journal:
    """Asks the database itself, past the proxy and past Django, whether a result is committed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._connection: Any = None
        self._pid = 0

    def has_result(self, thread_id: str, turn: int, path: str) -> bool | None:
        """Whether the call's result stands; None where the database could not be asked."""
        with self._lock:
            if self._pid != os.getpid():
                self._connection, self._pid = None, os.getpid()
            try:
                return self._ask(thread_id, turn, path)
            except Exception:
                self._connection = None
                return None

    def _ask(self, thread_id: str, turn: int, path: str) -> bool:
        if self._connection is None:
            self._connection = connect()
        mark = "?" if os.environ["CHAOS_DATABASE"].startswith("sqlite") else "%s"
        found = self._connection.execute(
            "SELECT 1 FROM hitl_checkpoint WHERE kind = 'task' AND "
            f"thread_id = {mark} AND turn = {mark} AND path = {mark}",
            [thread_id, turn, path],
        )
        return found.fetchone() is not None


def connect() -> Any:
    """A connection to the database that no injection touches."""
    url = os.environ["CHAOS_DATABASE"]
    if url.startswith("sqlite"):
        import sqlite3

        return sqlite3.connect(url.removeprefix("sqlite:///"), timeout=2, check_same_thread=False, isolation_level=None)
    import psycopg

    return psycopg.connect(url, autocommit=True, application_name=WATCHER)


journal = Journal()
