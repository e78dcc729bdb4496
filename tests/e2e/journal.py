"""What the desk's database holds, read beside the running server: the journal that the pages are compared with."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_SECONDS = 15.0
# Facts of the engine's own, which are no event for anybody who watches.
SILENT = {"leg", "pause", "save"}


@dataclass(frozen=True)
class Fact:
    """One row of a thread's journal."""

    seq: int
    kind: str
    turn: int
    path: str
    name: str
    value: Any
    detail: dict[str, Any]


@dataclass(frozen=True)
class Question:
    """One question as the queue knows it."""

    id: str
    thread: str
    status: str
    title: str

    @property
    def page(self) -> str:
        return f"/questions/{self.id}/"

    @property
    def run(self) -> str:
        return f"/runs/{self.thread}/"


class Journal:
    """The database of one desk, for reading."""

    def __init__(self, home: Path) -> None:
        self.path = home / "hitl.sqlite3"

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)) as connection:
            return connection.execute(query, parameters).fetchall()

    def spoil(self, question: Question) -> None:
        """Make the question's row one that no page can be drawn of."""
        with closing(sqlite3.connect(self.path, timeout=10)) as connection, connection:
            connection.execute("UPDATE hitl_interrupt SET kind = 'schema', schema = '{' WHERE id = ?", [question.id])

    def facts(self, thread: str, *kinds: str) -> list[Fact]:
        """A thread's facts in order, all of them or those of some kinds."""
        found = self.rows(
            "SELECT seq, kind, turn, path, name, value, detail FROM hitl_checkpoint WHERE thread_id = ? ORDER BY seq",
            thread,
        )
        facts = [Fact(*row[:5], json.loads(row[5] or "null"), json.loads(row[6] or "{}")) for row in found]
        return [fact for fact in facts if not kinds or fact.kind in kinds]

    def seqs(self, thread: str) -> list[int]:
        """The `data-seq` of each line of a timeline that has lost nothing and doubled nothing, from top to bottom.

        Facts about one call or one question share a line, which stays where the first stood and bears the
        seq of the last. A call that failed leaves its line behind; its next attempt begins another. A cancel
        is the last fact of whatever was open.
        """
        lines: dict[tuple[Any, ...], int] = {}
        open_lines: set[tuple[Any, ...]] = set()
        failures: dict[tuple[Any, ...], int] = {}
        for fact in self.facts(thread):
            if fact.kind in SILENT:
                continue
            call = (fact.turn, fact.path)
            line: tuple[Any, ...] = ("fact", fact.seq)
            if fact.kind in ("call", "task", "error"):
                line = ("call", *call, failures.get(call, 0))
                failures[call] = failures.get(call, 0) + (fact.kind == "error")
            elif "id" in fact.detail and "version" in fact.detail:
                line = ("question", fact.detail["id"])
            lines[line] = fact.seq
            (open_lines.add if fact.kind in ("call", "question") else open_lines.discard)(line)
            if fact.kind == "cancel":
                lines |= dict.fromkeys(open_lines, fact.seq)
                open_lines.clear()
        return list(lines.values())

    def question(self, thread: str) -> Question:
        """The thread's newest question, once it is asked and its run has paused."""
        query = (
            "SELECT i.id, i.thread_id, i.status, i.title FROM hitl_interrupt i JOIN hitl_thread t ON t.id = i.thread_id"
            " WHERE t.id = ? AND i.status = 'pending' AND t.status = 'interrupted' ORDER BY i.asked_at DESC LIMIT 1"
        )
        return Question(*eventually(lambda: self.rows(query, thread))[0])

    def ended(self, thread: str) -> str:
        """The thread's status, once nothing moves any more."""
        query = "SELECT status FROM hitl_thread WHERE id = ? AND status != 'busy'"
        return str(eventually(lambda: self.rows(query, thread))[0][0])


def eventually(look: Callable[[], T], *, seconds: float = PATIENCE_SECONDS) -> T:
    """What `look` returns, as soon as that is something."""
    for _ in until(time.monotonic() + seconds):
        if found := look():
            return found
    raise AssertionError(f"it did not come about in {seconds:.0f} s")


def until(deadline: float) -> Iterator[None]:
    while time.monotonic() < deadline:
        yield
        time.sleep(0.03)
