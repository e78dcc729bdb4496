"""The starts of a thread that wait: for the open turn to end, or for their time.

Such a start is a fact of its own, `enqueue`, and a run in state `waiting`. The transition that ends a turn opens the
next one in the same transaction, so that a thread is never idle while a start could begin: there is no moment in
between at which one could be lost, skipped or begun twice. What only waits for its time is begun by the sweep.

The order is that of the times for which they were asked; what is not due yet holds nobody up. A turn that waits for
an answer, or that failed, has not ended: the line waits until it is answered, retried or cancelled.
"""

from __future__ import annotations

from typing import Any

from hitl import errors
from hitl.facts import Author, Fact
from hitl.opening import PUSHING, Start, give_up, in_undo_window, open_turn
from hitl.unit import Unit

# Every transition of a thread reads its line.
MOST_WAITING = 1000


def has_to_wait(unit: Unit, asked: Start) -> bool:
    """Whether this start is not for now: its time has not come, or it is to come after the open turn."""
    if asked.run_at is not None and asked.run_at > unit.now:
        return True
    return asked.strategy == "enqueue" and unit.thread.status != "idle"


def put(unit: Unit, asked: Start) -> Any:
    """Put a start in line. Returns its waiting run."""
    thread = unit.thread
    if len(waiting(unit)) >= MOST_WAITING:
        raise errors.LineFull(
            f"{MOST_WAITING} starts wait on thread {thread.id!r} already; this one was not stored. Wait until "
            "some have run, or cancel some."
        )
    detail = asked.detail() | {
        "strategy": asked.strategy,
        "run_at": asked.run_at.isoformat() if asked.run_at else None,
    }
    attempt = thread.seq + 1
    # By the database's clock: the order goes by it, whichever process was asked.
    unit.add(Fact("enqueue", thread.turn, attempt=attempt, value=asked.text, detail=detail, created_at=unit.now))
    return unit.runs[asked.run]


def waiting(unit: Unit) -> list[Any]:
    """The runs that wait, in the order in which they will begin."""
    found = [run for run in unit.runs.values() if run.status == "waiting"]
    return sorted(found, key=lambda run: (run.run_at or run.created_at, run.seq))


def go_on(unit: Unit) -> Any:
    """Begin the first start that is due if no turn is open. Returns its queued run, or None."""
    if unit.thread.status != "idle":
        return None
    return next((_begin(unit, run) for run in _due(unit)), None)


def begin_due(unit: Unit) -> Any:
    """The same; and one whose time has come and that says so stops the open turn, unless an answer can be undone."""
    if unit.thread.status == "idle":
        return go_on(unit)
    first = next((run for run in _due(unit) if run.strategy in PUSHING), None)
    if first is None or in_undo_window(unit):
        return None
    author = Author(first.requested_by_id, first.requested_by_name, first.channel)
    give_up(unit, author=author, roll_back=first.strategy == "rollback")
    return _begin(unit, first)


def withdraw(unit: Unit, run_id: str, *, author: Author, reason: str = "") -> Any:
    """Take a start out of line. Returns its run; NothingToCancel where it does not wait."""
    thread = unit.thread
    run = unit.runs.get(run_id)
    if run is None or run.status != "waiting":
        raise errors.NothingToCancel(
            f"No start {run_id} waits on thread {thread.id!r}: it has begun, or was cancelled before. "
            "Look at the thread."
        )
    detail = author.detail() | {"run": run_id, "reason": reason}
    unit.add(Fact("withdraw", thread.turn, attempt=thread.seq + 1, detail=detail))
    return run


def told(unit: Unit) -> str:
    """What to add to a refusal where starts wait."""
    count = len(waiting(unit))
    return f" Of the {count} that wait to start, cancel each by its run." if count else ""


def _due(unit: Unit) -> list[Any]:
    return [run for run in waiting(unit) if run.run_at is None or run.run_at <= unit.now]


def _begin(unit: Unit, run: Any) -> Any:
    # Whoever ran the turn before holds this number: nothing of theirs may come into the next one.
    unit.thread.lease_epoch += 1
    return open_turn(unit, Start.read(unit.fact(run.seq)))
