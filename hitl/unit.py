"""One short transaction on one thread, and the open turn as it finds or leaves it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from hitl.facts import NOT_REPLAYED, Fact
from hitl.lease import Lease, lost, owner
from hitl.projection import Projection


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """The open turn as replay needs it: the thread's state, and the turn's facts in order."""

    thread: Any
    facts: Sequence[Fact]
    events: frozenset[str]
    previous: str | None

    @classmethod
    def of(cls, thread: Any, facts: Sequence[Fact]) -> Opened | None:
        """From a thread's last facts, and the value it builds on; None where they are not all that it takes.

        A turn that goes on from another (a fork) builds on facts that stand elsewhere.
        """
        turn = [fact for fact in facts if fact.seq >= thread.turn_seq]
        if not turn or turn[0].seq != thread.turn_seq or turn[0].kind == "fork":
            return None
        built_on = next((fact for fact in facts if fact.seq == thread.previous_seq), None)
        if thread.previous_seq and built_on is None:
            return None
        return cls.replayed(thread, turn, built_on.value if built_on else None)

    @classmethod
    def replayed(cls, thread: Any, turn: Sequence[Fact], previous: str | None) -> Opened:
        """From all facts of the turn: without those that say nothing to a replay."""
        return cls(
            thread=thread,
            facts=[fact for fact in turn if fact.kind not in NOT_REPLAYED],
            events=frozenset(fact.path for fact in turn if fact.kind in ("event", "warning")),
            previous=previous,
        )


class Unit:
    """One short transaction on one thread whose row is locked. Facts added here are written at its end."""

    def __init__(
        self,
        projection: Projection,
        *,
        now: datetime,
        is_new: bool,
        turn: Callable[[], Sequence[Fact]],
        fact: Callable[[int], Fact],
        recorded: Sequence[Fact] = (),
    ) -> None:
        self.projection = projection
        self.thread = projection.thread
        self.now = now
        self.is_new = is_new
        self.facts: list[Fact] = []
        # The lease that was taken here, if one was.
        self.lease: Lease | None = None
        self._turn = turn
        self._fact = fact
        # Where it was asked for, the last turn as it was found, with the value it builds on.
        self._recorded = recorded

    def under_way(self) -> list[str]:
        """The names of the calls that were begun in the open turn and are not recorded (rule 27)."""
        open_calls: dict[str, str] = {}
        for fact in self._turn():
            if fact.kind == "call":
                open_calls[fact.path] = fact.name
            elif fact.kind in ("task", "error"):
                open_calls.pop(fact.path, None)
        # A call that waits for one below it did not kill anybody.
        return [name for path, name in open_calls.items() if not any(p.startswith(f"{path}/") for p in open_calls)]

    def fact(self, seq: int) -> Fact:
        """A fact of the thread that was written before, in this transaction too; NotFound where it is forgotten."""
        return next((fact for fact in self.facts if fact.seq == seq), None) or self._fact(seq)

    def add(self, fact: Fact) -> Fact:
        fact.seq = self.thread.seq + 1
        fact.epoch = self.thread.lease_epoch
        self.projection.apply(fact)
        self.facts.append(fact)
        return fact

    @property
    def questions(self) -> dict[str, Any]:
        return self.projection.questions

    @property
    def runs(self) -> dict[str, Any]:
        return self.projection.runs

    def opened(self) -> Opened | None:
        """The open turn, where all of it was read or written here: what `load` would read once this is committed."""
        return Opened.of(self.thread, [*self._recorded, *self.facts])

    def check(self, lease: Lease) -> None:
        """Raise LeaseLost unless the lease still stands."""
        if self.is_new or self.thread.lease_epoch != lease.epoch:
            raise lost(lease)

    def lease_is_free(self) -> bool:
        expires = self.thread.lease_expires_at
        return expires is None or expires <= self.now

    def take_lease(self, *, lease_seconds: float) -> Lease:
        thread = self.thread
        thread.lease_epoch += 1
        thread.lease_owner = owner()
        thread.lease_expires_at = self.now + timedelta(seconds=lease_seconds)
        thread.claims += 1
        thread.nudges, thread.nudge_at, thread.wake_at = 0, None, None
        self.lease = Lease(
            thread.id,
            thread.lease_epoch,
            thread.lease_owner,
            thread.claims,
            thread.workflow_version,
            taken_at=self.now,
        )
        self.lease.kept.held_until = self.lease.taken_monotonic + lease_seconds
        return self.lease

    def drop_lease(self) -> None:
        thread = self.thread
        thread.lease_owner, thread.lease_expires_at, thread.claims = "", None, 0
