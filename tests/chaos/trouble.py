"""Everything that goes wrong, by the dice: each injection has its period, and is counted when it took place."""

from __future__ import annotations

import io
import os
import random
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos import outside
from tests.chaos.nursery import Slot
from tests.chaos.proxy import MODES, Cutter

TICK_SECONDS = 0.05
BEGUN_BETWEEN_KILLS = 3
LEASE_SECONDS = 5.0
CLOCK_STEPS_SECONDS = (-86400, -3600, -30, -2, 0, 2, 30, 3600, 86400)

# Whoever holds a row may be stopped with it in hand; nobody here may wait for that.
EXPIRE = """
UPDATE hitl_thread SET lease_expires_at = {earlier} WHERE id IN (
    SELECT id FROM hitl_thread WHERE status = 'busy' AND lease_owner LIKE '{whose}' ORDER BY random() {some} {lock}
) AND status = 'busy' AND lease_owner <> '' RETURNING id, lease_epoch
"""
EXPIRE_ON = {
    "postgresql": {"earlier": "now() - interval '1 second'", "lock": "FOR UPDATE SKIP LOCKED"},
    "sqlite": {"earlier": "'2000-01-01 00:00:00'", "lock": ""},
}


@dataclass
class Trouble:
    """What can be injected into this deployment, and what was."""

    slots: list[Slot]
    seed: str
    is_sqlite: bool
    kill_every_seconds: float = 1.0
    cutter: Cutter | None = None
    restart_redis: Callable[[], Any] | None = None
    counts: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self._stopped: list[tuple[float, Slot]] = []
        self._down: list[tuple[float, Slot]] = []
        self._seen = 0
        injections: list[tuple[float, Callable[[], Any]]] = [
            (self.kill_every_seconds, self.kill),
            (1.0, self.expire_leases),
            (6.0, self.stop_for_a_while),
        ]
        if not self.is_sqlite:
            # Leases go by the database's clock. SQLite has none but this machine's, which is not ours to move.
            injections.append((2.5, self.step_a_clock))
        if self.cutter is not None:
            injections += [(0.4, self.cut_at_commit), (1.5, self.end_a_session), (20.0, self.end_all_sessions)]
        if self.restart_redis is not None:
            injections.append((5.0, self._restart_redis))
        now = time.monotonic()
        self._due = [[now + period * self.dice.random(), period, inject] for period, inject in injections]

    def go_on(self) -> None:
        """One look: inject what is due, start what is down, wake what was stopped."""
        now = time.monotonic()
        for entry in self._due:
            if entry[0] <= now:
                entry[2]()
                entry[0] = now + entry[1] * self.dice.uniform(0.5, 1.5)
        self._tend(now)
        time.sleep(TICK_SECONDS)

    def end(self) -> None:
        """No more of it: everything runs, everybody is awake, clocks stay as they are."""
        self._tend(float("inf"))

    def _tend(self, now: float) -> None:
        for due, slot in [*self._stopped]:
            if due <= now:
                self._stopped.remove((due, slot))
                slot.signal(signal.SIGCONT)
        down = {id(slot) for _, slot in self._down}
        for slot in self.slots:
            # Whoever killed itself, and whoever was killed here.
            if id(slot) not in down and not slot.is_alive():
                self._down.append((now + self.dice.uniform(0, 0.5), slot))
        for due, slot in [*self._down]:
            if due <= now:
                self._down.remove((due, slot))
                slot.start()

    # Injections

    def kill(self) -> None:
        """Whoever it hits, once tasks have begun since the last time: on a slow machine nobody would ever come up."""
        alive = [slot for slot in self.slots if slot.pid is not None]
        if alive and self._have_begun():
            slot = self.dice.choice(alive)
            if (died := slot.kill()) is not None:
                kind = slot.name.rstrip("0123456789")
                self.counts[f"{kind} processes killed with -9"] += 1
                outside.note("kill", victim=died, slot=slot.name)

    def _have_begun(self) -> bool:
        log = Path(os.environ["CHAOS_LOG"])
        with log.open("rb") if log.exists() else io.BytesIO() as file:
            file.seek(self._seen)
            news = file.read()
        if news.count(b'"what": "start"') < BEGUN_BETWEEN_KILLS:
            return False
        self._seen += len(news)
        return True

    def stop_for_a_while(self) -> None:
        """Longer than a lease: it wakes as a zombie that believes it holds what others have taken over.

        Every other time its leases end at once, so that all it was about to write comes too late.
        """
        busy = {id(slot) for _, slot in self._stopped}
        awake = [slot for slot in self.slots if slot.pid is not None and id(slot) not in busy]
        if len(awake) < 2 and not self.is_sqlite:
            return
        slot, pid = (found := self.dice.choice(awake or self.slots)), found.pid
        seconds = LEASE_SECONDS * self.dice.uniform(0.5, 1.6)
        if slot.signal(signal.SIGSTOP):
            self.counts["processes stopped for longer than their lease, or nearly, and woken"] += 1
            outside.note("stop", victim=pid, slot=slot.name, seconds=seconds)
            self._stopped.append((time.monotonic() + seconds, slot))
            if self.dice.random() < 0.5:
                self._expire(whose=f"%:{pid}:%")

    def expire_leases(self) -> None:
        self._expire(whose="_%", some="LIMIT 3")

    def _expire(self, *, whose: str, some: str = "") -> None:
        how = EXPIRE_ON["sqlite" if self.is_sqlite else "postgresql"]
        try:
            rows = self._sql(EXPIRE.format(whose=whose, some=some, **how))
        except sqlite3.OperationalError:
            return  # somebody is stopped with the whole file in hand
        for thread_id, epoch in rows:
            self.counts["leases expired by SQL"] += 1
            outside.note("expire", thread=thread_id, epoch=epoch)

    def step_a_clock(self) -> None:
        slot, off = self.dice.choice(self.slots), self.dice.choice(CLOCK_STEPS_SECONDS)
        slot.set_clock(off)
        self.counts["clocks stepped, by 2 s to a day"] += 1
        outside.note("clock", slot=slot.name, off=off)

    def cut_at_commit(self) -> None:
        assert self.cutter is not None
        self.cutter.want(self.dice.choice(MODES))

    def end_a_session(self) -> None:
        found = self._sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid IN (SELECT pid FROM pg_stat_activity "
            f"WHERE datname = current_database() AND application_name <> '{outside.WATCHER}' "
            "ORDER BY random() LIMIT 1)"
        )
        self._ended(found)

    def end_all_sessions(self) -> None:
        found = self._sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() "
            f"AND application_name <> '{outside.WATCHER}'"
        )
        self._ended(found)
        self.counts["times that all sessions ended at once"] += 1

    def _ended(self, sessions: list[Any]) -> None:
        self.counts["database sessions ended by pg_terminate_backend"] += len(sessions)
        outside.note("sessions ended", count=len(sessions))

    def _restart_redis(self) -> None:
        assert self.restart_redis is not None
        self.restart_redis()
        self.counts["restarts of Redis, with all it held lost"] += 1

    def _sql(self, statement: str) -> list[Any]:
        connection = outside.connect()
        try:
            return list(connection.execute(statement).fetchall())
        finally:
            connection.close()
