"""What is said of leases and versions: nobody wrote who did not hold, and nothing that was undone stands."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.chaos.aftermath import Books

# What only the holder of a lease writes, and with what it gives the lease back.
HELD = ("call", "event", "task", "error", "attempt", "question", "pause", "wait", "output", "failed")
GIVEN_BACK = ("pause", "wait", "output", "failed")
TAKEN_AWAY = ("cancel", "discard", "rollback")
UNTHINKABLE = ("IntegrityError", "AssertionError", "was changed by somebody who did not lock")


def detail(fact: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(fact.detail or "{}")
    return found


def nobody_wrote_without_the_lease(books: Books) -> Iterator[str]:
    """Each fact of a run lies between its leg and that leg's end, and a pass ends only what it has read.

    Facts that are not fenced at all come with the number of whoever holds by then: so the order tells, not the number.
    """
    for thread in books.threads:
        leg: Any = None
        for fact in books.facts[thread.id]:
            said = detail(fact) if fact.kind in GIVEN_BACK else {}
            if fact.kind == "leg":
                leg = fact
            elif fact.kind in TAKEN_AWAY or said.get("poisoned"):
                leg = None
            elif fact.kind in HELD:
                what = f"{thread.id} has a {fact.kind} at {fact.seq}"
                if leg is None or leg.epoch != fact.epoch:
                    yield f"{what} that nobody who held the thread can have written"
                elif said.get("seen", leg.seq) < leg.seq:
                    yield f"{what} of a pass that began before its leg at {leg.seq}"
                if fact.kind in GIVEN_BACK:
                    leg = None


def no_lease_was_taken_while_it_stood(books: Books) -> Iterator[str]:
    yield from (f"{theft} was taken while it stood" for theft in books.thefts)


def nothing_that_was_undone_stands(books: Books) -> Iterator[str]:
    """An answer that comes after an undo was given to a later version: the undone form is good for nothing."""
    for thread in books.threads:
        held: dict[str, int] = {}
        undone: dict[str, int] = {}
        for fact in books.facts[thread.id]:
            if fact.kind not in ("hold", "undo", "answer", "release"):
                continue
            said = detail(fact)
            if fact.kind == "undo":
                undone[said["id"]] = held[said["id"]]
            else:
                held[said["id"]] = said["version"]
                if said["version"] <= undone.get(said["id"], 0):
                    yield f"{thread.id} has an answer at {fact.seq} to version {said['version']}, which was undone"


def no_process_met_what_cannot_be(books: Books) -> Iterator[str]:
    """Two facts of one address, or a row that somebody changed without the thread's lock: only the log tells of it."""
    for log in sorted(Path(os.environ["CHAOS_LOG"]).parent.glob("log-*")):
        for line in log.read_text(errors="replace").splitlines():
            if any(name in line for name in UNTHINKABLE):
                yield f"{log.name}: {line[:200]}"


CHECKS = [
    nobody_wrote_without_the_lease,
    no_lease_was_taken_while_it_stood,
    nothing_that_was_undone_stands,
    no_process_met_what_cannot_be,
]
