"""Questions that are alike to the letter, as one row of the queue: how many there are, and what the row said of them.

Which questions are alike stands in a column (`hitl.likeness`), so nothing is compared when the queue is read.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Self

from hitl.querysets import InterruptQuerySet

_MARK = re.compile(r"([0-9a-f]{32}):([0-9a-z]{1,32}):(\d{1,8})")


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """A row that stands for several questions; `first_id` is the one whose title it bears."""

    likeness: str
    first_id: str
    count: int
    due_at: datetime | None = None

    @property
    def mark(self) -> str:
        """What a page sends to hear what has changed since."""
        return f"{self.likeness}:{self.first_id}:{self.count}"

    @classmethod
    def read(cls, mark: str) -> Self | None:
        """What `mark` wrote; None for anything else."""
        found = _MARK.fullmatch(mark)
        return cls(found[1], found[2], int(found[3])) if found else None


def read(marks: Iterable[str], *, most: int) -> list[Group]:
    """The groups that a page shows; what is none is left out."""
    return [group for group in map(Group.read, list(marks)[:most]) if group]


def of(row: Any) -> Group | None:
    """The group that a row (`InterruptQuerySet.beside_alike`) stands for; None where it stands for itself alone."""
    if row.alike_count < 2:
        return None
    return Group(row.likeness, row.id, row.alike_count, row.alike_due)


def now(shown: Sequence[Group], waiting: InterruptQuerySet) -> list[Group]:
    """The same groups as they are now, in the same order; one of which nothing waits counts none."""
    there = waiting.counted_alike(group.likeness for group in shown) if shown else {}
    return [dataclasses.replace(group, count=there.get(group.likeness, 0)) for group in shown]
