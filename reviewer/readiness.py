"""Whether this process can serve people now: a few looks, side by side, each with a deadline and never twice at once.

A look runs in a thread of its own, since nothing can be relied on to give up in time; one that hangs is not
begun again until it is over, so that probes of a stuck process do not pile up. What a look says is for
everybody: the class of an exception, never its text.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from concurrent.futures import Future, wait
from functools import cache
from threading import Lock, Thread
from typing import Any

from channels.layers import get_channel_layer
from django.core.checks import ERROR
from django.db import connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from hitl import conf, executors, presence

DEADLINE_SECONDS = 2.0
GROUP = "hitl.readyz"


class Unwell(Exception):
    """A look found something wrong; the text may be shown to anybody."""


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """What a look came to. needed: nobody can be served without it."""

    name: str
    needed: bool
    problem: str = ""


class Look:
    """`work` raises what is wrong."""

    def __init__(self, name: str, work: Callable[[], None], *, needed: bool) -> None:
        self.name = name
        self.needed = needed
        self._work = work
        self._lock = Lock()
        self._pending: Future[str] | None = None

    def begin(self) -> Future[str]:
        """The look under way, or a new one: what is wrong, "" for nothing."""
        with self._lock:
            if self._pending is None or self._pending.done():
                self._pending = Future()
                Thread(target=self._run, args=(self._pending,), name=f"hitl-look-{self.name}", daemon=True).start()
            return self._pending

    def _run(self, told: Future[str]) -> None:
        try:
            self._work()
            problem = ""
        except Unwell as unwell:
            problem = str(unwell)
        except Exception as error:
            problem = type(error).__name__
        finally:
            connections.close_all()
        told.set_result(problem)


def look(looks: tuple[Look, ...] | None = None, *, deadline_seconds: float = DEADLINE_SECONDS) -> list[Found]:
    """What each look finds; one that takes longer than the deadline is wrong."""
    begun = {one: one.begin() for one in looks or LOOKS}
    wait(begun.values(), timeout=deadline_seconds)
    late = f"no answer within {deadline_seconds:g} s"
    return [Found(one.name, one.needed, told.result() if told.done() else late) for one, told in begun.items()]


def verdict(found: list[Found]) -> str:
    """`ready`; `degraded` where people can be served but something is wrong; else `unready`."""
    wrong = [one for one in found if one.problem]
    if any(one.needed for one in wrong):
        return "unready"
    return "degraded" if wrong else "ready"


def database() -> None:
    for alias in aliases():
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")


def migrations() -> None:
    for alias in aliases():
        missing = newest_migrations() - set(MigrationRecorder(connections[alias]).applied_migrations())
        if missing:
            names = ", ".join(sorted(f"{app}.{name}" for app, name in missing))
            raise Unwell(f"not applied: {names}")


def channel_layer() -> None:
    layer: Any = get_channel_layer()
    if layer is None:
        raise Unwell("there is no default channel layer")
    asyncio.run(layer.group_send(GROUP, {"type": GROUP}))


def executor() -> None:
    if ids := [message.id or "?" for message in executors.current().check() if message.level >= ERROR]:
        raise Unwell(f"its check says {', '.join(ids)}")


def workers() -> None:
    if not presence.processes():
        raise Unwell("none seen")


def aliases() -> set[str]:
    """The databases that the desk needs: of accounts and sessions, and of the journal."""
    return {"default", conf.settings().database}


@cache
def newest_migrations() -> set[tuple[str, str]]:
    """The last migration of every app, as this code has them."""
    return set(MigrationLoader(None, ignore_no_migrations=True).graph.leaf_nodes())


LOOKS = (
    Look("database", database, needed=True),
    Look("migrations", migrations, needed=True),
    # Pages work without it, and poll.
    Look("channel_layer", channel_layer, needed=False),
    # Answers are kept without them, and runs go on when they are back.
    Look("executor", executor, needed=False),
    Look("workers", workers, needed=False),
)
