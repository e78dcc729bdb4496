"""A place in a list that is read by keyset, as text for a URL: the moment and the key of its last row."""

from __future__ import annotations

from datetime import UTC, datetime

Cursor = tuple[datetime, str]


def write(moment: datetime, key: str) -> str:
    return f"{moment.isoformat()}_{key}"


def read(text: str) -> Cursor | None:
    """What `write` wrote; None for anything else."""
    when, _, key = text.partition("_")
    try:
        moment = datetime.fromisoformat(when)
        # Databases keep moments in UTC, where those at either end of time have no place.
        in_utc = moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return (in_utc, key) if moment.tzinfo and key.isprintable() and key else None
