"""The right to run a thread: who has it, since when, and what its holder knows of the thread."""

from __future__ import annotations

import dataclasses
import os
import socket
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from math import inf
from time import monotonic, time_ns
from typing import TYPE_CHECKING
from uuid import uuid4

from hitl.errors import LeaseLost
from hitl.facts import Fact
from hitl.projection import Projection

if TYPE_CHECKING:
    from hitl.unit import Opened, Unit


class Kept:
    """A leased thread as its lease-holder knows it: the open turn, to begin with, and the rows.

    The rows stand for as long as nobody else has written there. The holder's own facts are counted in as they are
    committed. Whatever anybody else does to a thread raises its `seq`, so that a compare of `seq` and `lease_epoch`
    tells whether these rows are still what stands.
    """

    __slots__ = ("_opened", "_projection", "held_until", "seq")

    def __init__(self) -> None:
        self._opened: Opened | None = None
        self._projection: Projection | None = None
        self.seq = 0
        # By the monotonic clock: nobody else can have the lease before that.
        self.held_until = inf

    def keep(self, unit: Unit) -> None:
        """What the transition that took the lease has committed."""
        self._opened, self._projection, self.seq = unit.opened(), unit.projection.committed(), unit.thread.seq

    def count_in(self, facts: Sequence[Fact]) -> None:
        """Facts of the holder that are committed: a gap before them is somebody else's, and stays a difference."""
        if facts and facts[0].seq == self.seq + 1:
            self.seq = facts[-1].seq
        if any(fact.kind == "warning" for fact in facts):
            self._projection = None  # that changes the row itself

    def take_turn(self) -> Opened | None:
        """The open turn as it was when the lease was taken, once: for the first pass over it."""
        taken, self._opened = self._opened, None
        return taken

    def take(self) -> Projection | None:
        """The rows, once: whoever gets them changes them."""
        taken, self._projection = self._projection, None
        return taken


@dataclasses.dataclass(frozen=True, slots=True)
class Lease:
    """The right to run one thread. `claims` counts how often it was claimed since the last new fact.

    version: of the workflow, which the open turn needs.
    taken_at: by the store's clock, by which also the thread's timers are found due; `now()` goes on from there.
    """

    thread_id: str
    epoch: int
    owner: str
    claims: int = 1
    version: str = ""
    taken_at: datetime = dataclasses.field(default_factory=lambda: datetime.now(UTC), compare=False)
    taken_monotonic: float = dataclasses.field(default_factory=monotonic, compare=False)
    kept: Kept = dataclasses.field(default_factory=Kept, compare=False, repr=False)

    def now(self) -> datetime:
        """The store's time, whatever this machine's clock shows or jumps to meanwhile (rule 3)."""
        return self.taken_at + timedelta(seconds=monotonic() - self.taken_monotonic)


@cache
def host() -> str:
    """This machine and, on Linux, this space of process ids: where a pid means what it says."""
    try:
        return f"{socket.gethostname()}/{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return socket.gethostname()


_process: tuple[int, str] = (0, "")


def owner() -> str:
    """The name this process signs its leases with."""
    global _process
    if _process[0] != os.getpid():
        _process = (os.getpid(), f"{host()}:{os.getpid()}:{uuid4().hex[:8]}")
    return _process[1]


def owner_is_dead(name: str) -> bool:
    """Whether the process that signed so ran on this machine and is gone; False when in doubt."""
    where, _, rest = name.partition(":")
    pid, _, _ = rest.partition(":")
    if where != host() or not pid.isdigit() or name == owner():
        return False
    if int(pid) == os.getpid():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def first_epoch() -> int:
    """Where a new thread's epochs begin: past those of a deleted thread of its id, which somebody may still run."""
    return time_ns() // 1000


def lost(lease: Lease) -> LeaseLost:
    return LeaseLost(
        f"Thread {lease.thread_id!r} is no longer held by {lease.owner}: it was cancelled, or its lease ran out "
        "and another executor took it up. What this run was doing is not recorded; look at the thread."
    )
