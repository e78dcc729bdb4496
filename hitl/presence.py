"""Which processes execute runs: each says so every few seconds, in a row of its own.

Nothing depends on these rows: leases decide who runs what. They are there for people and their checks: who is
there, with which code, how far is its clock from the database's, and when did somebody last sweep.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from threading import Event, Lock, Thread
from typing import Any

from django.db import connections
from django.db.models.functions import Now

from hitl import conf, discreet, lease, registry
from hitl.models import Process

BEAT_SECONDS = 5.0
# Who has not been seen for so long is taken to be gone.
GONE = timedelta(seconds=60)
FORGOTTEN = timedelta(days=1)

logger = logging.getLogger(__name__)
_lock = Lock()
_current: _Presence | None = None


def processes(*, within: timedelta = GONE) -> list[Process]:
    """The processes that execute runs now, as far as anybody can tell from here."""
    seen = _rows().seen(within)
    return [process for process in seen if not lease.owner_is_dead(process.pk)]


def serves(workflow: str) -> bool:
    """Whether any process executes runs of this workflow now."""
    return any(workflow in process.workflows for process in processes())


def swept_within(time: timedelta) -> bool:
    """Whether any process that executes has swept not longer ago than that."""
    return bool(_rows().filter(swept_at__gte=Now() - time).exists())


def longest_seconds() -> float:
    """How long the oldest of the processes seen has been there."""
    return max(((one.seen_at - one.started_at).total_seconds() for one in processes()), default=0.0)


def start(*, workflows: Iterable[str], concurrency: int) -> None:
    """Say from now on that this process executes runs; a second call does nothing.

    workflows: the names of those it runs. concurrency: how many runs at the same time.
    """
    global _current
    with _lock:
        if _current is None:
            _current = _Presence(frozenset(workflows), concurrency)
            _current.thread.start()


def stop() -> None:
    """Take the row back, so that nobody counts on this process any more."""
    global _current
    with _lock:
        leaving, _current = _current, None
    if leaving is not None:
        leaving.stopping = True
        leaving.wake.set()
        leaving.thread.join(timeout=2.0)


def swept() -> None:
    """A sweep came to its end here."""
    if _current is not None:
        _current.note_sweep()


class _Presence:
    """The thread that says it."""

    def __init__(self, workflows: frozenset[str], concurrency: int) -> None:
        self.stopping = False
        self.wake = Event()
        self._swept: bool | None = None
        self.thread = Thread(target=self._run, name="hitl-presence", daemon=True)
        self._workflows = workflows
        self._concurrency = concurrency

    def note_sweep(self) -> None:
        first, self._swept = self._swept is None, True
        if first:
            # Whoever waits for this process to be of use need not wait for the next beat.
            self.wake.set()

    def _run(self) -> None:
        self._safely(lambda: _rows().forget(FORGOTTEN))
        while not self.stopping:
            self._safely(self._beat)
            self.wake.wait(BEAT_SECONDS)
            self.wake.clear()
        self._safely(lambda: _rows().filter(pk=lease.owner()).delete())
        connections[conf.settings().database].close()

    def _safely(self, work: Callable[[], Any]) -> None:
        try:
            work()
        except Exception as error:
            logger.warning("This process could not say that it is there: %s", discreet.plain(error))
            connections[conf.settings().database].close()

    def _beat(self) -> None:
        told: dict[str, Any] = {"seen_at": Now(), "clock_offset_seconds": clock_offset_seconds()}
        if self._swept:
            self._swept = False
            told["swept_at"] = Now()
        if not _rows().filter(pk=lease.owner()).update(**told):
            _rows().create(pk=lease.owner(), **self._card(), **told)

    def _card(self) -> dict[str, Any]:
        """What does not change while the process lives."""
        host, pid, _ = lease.owner().rsplit(":", 2)
        return {
            "executor": conf.settings().executor,
            "host": host,
            "pid": int(pid),
            "workflows": {flow.name: flow.code_version for flow in registry.all() if flow.name in self._workflows},
            "concurrency": self._concurrency,
            "started_at": Now(),
        }


def clock_offset_seconds() -> float:
    """How far this machine's clock is ahead of the database's; SQLite has no other."""
    connection = connections[conf.settings().database]
    if connection.vendor != "postgresql":
        return 0.0
    with connection.cursor() as cursor:
        before = datetime.now(UTC)
        cursor.execute("SELECT statement_timestamp()")
        there: datetime = cursor.fetchone()[0]
        after = datetime.now(UTC)
    return ((before + (after - before) / 2) - there).total_seconds()


def _rows() -> Any:
    return Process.objects.using(conf.settings().database)
