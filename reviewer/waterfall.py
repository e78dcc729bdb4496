"""Where the time of a run went: its calls, retries and waits for people as bars over one axis.

Calls take milliseconds and people take days, so the axis is cut: where nothing runs, a wait is drawn as long as a short
call and says in words how long it was. The bars are a picture beside a table that says the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

from reviewer.timeline import Row
from reviewer.times import duration

WIDTH = 1000.0
# What a stretch without any call is drawn as, and the least that can be seen.
WAIT_SHARE = 0.08
LEAST = 4.0
MOST = 200


@dataclasses.dataclass(frozen=True, slots=True)
class Bar:
    """A line: a row of the timeline, when it began since the first one did, and where it is drawn, of a thousand."""

    row: Row
    began: str
    x: float
    width: float

    @property
    def fork_at(self) -> int:
        """The checkpoint to go on from with this undone: a question as it was asked, a call as it ended."""
        return self.row.first_seq if self.row.kind == "question" else self.row.seq


@dataclasses.dataclass(frozen=True, slots=True)
class Waterfall:
    """The bars in the order in which they began; `left_out` is how many more there are."""

    bars: list[Bar]
    left_out: int = 0


def of(rows: Sequence[Row]) -> Waterfall:
    """The waterfall of these rows of a timeline, the latest where there are more than can be looked at."""
    timed = [row for row in rows if row.kind in ("task", "question") and row.started_at is not None]
    shown = sorted(timed[-MOST:], key=lambda row: (row.started_at or row.at, row.first_seq))
    if not shown:
        return Waterfall([])
    axis = Axis(shown)
    return Waterfall([_bar(row, axis) for row in shown], left_out=len(timed) - len(shown))


class Axis:
    """Moments to places: linear while calls run, and a short piece for each stretch in which none does."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.end = max(_end(row) for row in rows)
        busy = _merged((_start(row), _end(row)) for row in rows if row.kind == "task")
        edges = sorted({_start(row) for row in rows} | {self.end} | {moment for span in busy for moment in span})
        self.first = edges[0]
        active = sum((end - start).total_seconds() for start, end in busy) or 1.0
        self._stretches: list[tuple[datetime, datetime, float]] = []
        for start, end in pairwise(edges):
            seconds = (end - start).total_seconds()
            is_busy = any(begun <= start and end <= done for begun, done in busy)
            self._stretches.append((start, end, seconds if is_busy else min(seconds, active * WAIT_SHARE)))
        self._total = sum(length for _, _, length in self._stretches) or 1.0

    def place(self, moment: datetime) -> float:
        done = 0.0
        for start, end, length in self._stretches:
            if moment >= end:
                done += length
            elif moment > start:
                done += length * ((moment - start) / (end - start))
        return WIDTH * done / self._total


def _bar(row: Row, axis: Axis) -> Bar:
    start, end = axis.place(_start(row)), axis.place(_end(row) if row.ended_at else axis.end)
    width = max(end - start, LEAST)
    seconds = (_start(row) - axis.first).total_seconds()
    return Bar(row, f"+ {duration(seconds)}" if seconds else "0", round(min(start, WIDTH - width), 1), round(width, 1))


def _start(row: Row) -> datetime:
    return row.started_at or row.at


def _end(row: Row) -> datetime:
    return max(row.ended_at or _start(row), _start(row))


def _merged(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged
