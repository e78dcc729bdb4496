"""The queue as one reader watches it: how many questions are new, and how many rows have left.

A watch is compared with the table, not with a stream of events: what it says follows from what the page
showed and what is pending now, so that nothing that was lost on the way can make it wrong. It says only that
the page is behind; what changed, the page fetches (`reviewer:queue_changes`), since every filter sees another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from hitl.models import Interrupt
from reviewer import cursor
from reviewer.cursor import Cursor

MAX_SHOWN = 500
# New questions beyond these are not looked at: the page is far behind whatever they are.
MAX_NEW = 500
# One more than pages tell: they say "1,000+".
MAX_WAITING = 1001


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """What has changed since the page was made: rows to come, rows of it that wait no longer, and the total."""

    new: int
    gone: int
    waiting: int


@dataclasses.dataclass(slots=True)
class Watch:
    """What a page shows (`shown`), the newest question when it was made, and its filter."""

    since: Cursor | None = None
    shown: frozenset[str] = frozenset()
    workflow: str = ""
    assignee_id: Any = None
    words: tuple[str, ...] = ()
    last: State | None = None

    @classmethod
    def parse(cls, given: Any, *, user_id: Any) -> Watch:
        """From what a page sends; raises ValueError."""
        if not isinstance(given, dict):
            raise ValueError("a watch is an object")
        shown = given.get("shown") or []
        if not isinstance(shown, list) or len(shown) > MAX_SHOWN:
            raise ValueError(f"`shown` is a list of at most {MAX_SHOWN} ids")
        return cls(
            since=cursor.read(str(given.get("since") or "")),
            shown=frozenset(map(str, shown)),
            workflow=str(given.get("workflow") or ""),
            assignee_id=user_id if given.get("mine") else None,
            words=tuple(str(given.get("q") or "").lower().split()),
        )

    def wants(self, question: dict[str, Any]) -> bool:
        return (
            (self.since is None or (question["asked_at"], question["id"]) > self.since)
            and question["id"] not in self.shown
            and self.workflow in ("", question["workflow"])
            and self.assignee_id in (None, question["assignee_id"])
            and all(word in question["search"].lower() for word in self.words)
        )


def compare(watches: Sequence[Watch]) -> list[State]:
    """Where each watch stands now, in three queries however many there are."""
    asked = _newest(with_text=any(watch.words for watch in watches))
    pending = Interrupt.objects.still_pending(frozenset[str]().union(*(watch.shown for watch in watches)))
    waiting = Interrupt.objects.pending().count_up_to(MAX_WAITING)
    return [State(sum(map(watch.wants, asked)), len(watch.shown - pending), waiting) for watch in watches]


def _newest(*, with_text: bool) -> list[dict[str, Any]]:
    fields = ["id", "asked_at", "workflow", "assignee_id", *(["search"] if with_text else [])]
    newest = Interrupt.objects.pending().page(after=None, newest_first=True)
    return [{"search": "", **question} for question in newest.values(*fields)[:MAX_NEW]]
