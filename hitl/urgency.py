"""How urgent a question is: its priority, when it is due, and the one moment that the queue is ordered by.

A question is as urgent as the moment by which it should be answered: when it is due, else a year after it was asked.
Each step of priority counts for ten years, so that priority comes first, then what is due, then what is oldest.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hitl.errors import InvalidOption

MOST = 9
SOMETIME = timedelta(days=365)
STEP = timedelta(days=3650)
LATEST = timedelta(days=3650)


def rank(asked_at: datetime, *, priority: int, due_at: datetime | None) -> datetime:
    """Where the question stands: the earlier, the more urgent."""
    return (due_at or asked_at + SOMETIME) - priority * STEP


def checked_priority(priority: int) -> int:
    """Raises InvalidOption for anything but a whole number from -9 to 9."""
    if isinstance(priority, bool) or not isinstance(priority, int) or abs(priority) > MOST:
        raise InvalidOption(f"priority={priority!r} is no priority; use a whole number from -{MOST} to {MOST}.")
    return priority


def checked_due(due: datetime | timedelta | None, *, now: datetime) -> datetime | None:
    """The moment; a span counts from `now`. Raises InvalidOption for a moment without a time zone or ten years away."""
    if isinstance(due, timedelta) and abs(due) <= LATEST:
        return now + due
    if isinstance(due, datetime) and due.utcoffset() is not None and abs(due - now) <= LATEST:
        return due
    if due is None:
        return None
    raise InvalidOption(
        f"due={due!r} is no time to be due; use a timedelta from now or a datetime with a time zone, at most "
        "ten years away."
    )
