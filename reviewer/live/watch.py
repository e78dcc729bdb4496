"""The queue as one reader watches it: how many questions are new, and how many rows have left.

A watch is compared with the table, not with a stream of events: what it says follows from what the page
showed and what is pending now, so that nothing that was lost on the way can make it wrong. It says only that
the page is behind; what changed, the page fetches (`reviewer:queue_changes`), since every filter sees another.
"""

from __future__ import annotations

import dataclasses
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from hitl.models import Interrupt
from reviewer import cursor, groups
from reviewer.cursor import Cursor
from reviewer.groups import Group

MAX_SHOWN = 500
# New questions beyond these are not looked at: the page is far behind whatever they are.
MAX_NEW = 500
# One more than pages tell: they say "1,000+".
MAX_WAITING = 1001


@dataclasses.dataclass(frozen=True, slots=True)
class State:
    """What has changed since the page was made: rows to come, rows of it that are no longer so, and the total.

    And how many there are of each group that has a row.
    """

    new: int
    gone: int
    waiting: int
    groups: tuple[int, ...] = ()

    def told(self) -> dict[str, int]:
        """What a page needs to know of it."""
        return {"new": self.new, "gone": self.gone, "waiting": self.waiting}


@dataclasses.dataclass(frozen=True, slots=True)
class Filter:
    """Which pending questions a page shows; pages with the same filter are counted together."""

    workflow: str = ""
    assignee_id: Any = None
    words: tuple[str, ...] = ()

    def passes(self, question: dict[str, Any]) -> bool:
        return (
            self.workflow in ("", question["workflow"])
            and self.assignee_id in (None, question["assignee_id"])
            and all(word in question["search"].lower() for word in self.words)
        )


@dataclasses.dataclass(slots=True)
class Watch:
    """What a page shows (`shown`, `groups`), the newest question when it was made, and its filter."""

    since: Cursor | None = None
    shown: frozenset[str] = frozenset()
    filter: Filter = Filter()
    groups: tuple[Group, ...] = ()
    last: State | None = None

    @classmethod
    def parse(cls, given: Any, *, user_id: Any) -> Watch:
        """From what a page sends; raises ValueError."""
        if not isinstance(given, dict):
            raise ValueError("a watch is an object")
        shown = given.get("shown") or []
        if not isinstance(shown, list) or len(shown) > MAX_SHOWN:
            raise ValueError(f"`shown` is a list of at most {MAX_SHOWN} ids")
        wanted = Filter(
            workflow=str(given.get("workflow") or ""),
            assignee_id=user_id if given.get("mine") else None,
            words=tuple(str(given.get("q") or "").lower().split()),
        )
        grouped = given.get("groups") or []
        if not isinstance(grouped, list) or len(grouped) > MAX_SHOWN:
            raise ValueError(f"`groups` is a list of at most {MAX_SHOWN} marks")
        return cls(
            since=cursor.read(str(given.get("since") or "")),
            shown=frozenset(map(str, shown)),
            filter=wanted,
            groups=tuple(groups.read(map(str, grouped), most=MAX_SHOWN)),
        )


class Passing:
    """The newest questions that one filter lets through, in order, to be counted for every page that has it."""

    def __init__(self, wanted: Filter, newest: Sequence[dict[str, Any]]) -> None:
        passing = [(one["asked_at"], one["id"]) for one in reversed(newest) if wanted.passes(one)]
        self._places = passing
        self._at = {question_id: at for at, (_, question_id) in enumerate(passing)}

    def new(self, watch: Watch) -> int:
        """Those after the page was made that it does not show."""
        first = bisect_right(self._places, watch.since) if watch.since else 0
        shown = sum(self._at.get(question_id, -1) >= first for question_id in watch.shown)
        return len(self._places) - first - shown


def compare(watches: Sequence[Watch]) -> list[State]:
    """Where each watch stands now. Read once for all of them; a thousand watches take milliseconds."""
    wanted = {watch.filter for watch in watches}
    newest = _newest(with_text=any(one.words for one in wanted))
    passing = {one: Passing(one, newest) for one in wanted}
    pending = {question["id"] for question in newest}
    older = frozenset[str]().union(*(watch.shown for watch in watches)) - pending
    pending |= Interrupt.objects.still_pending(older)
    waiting = Interrupt.objects.pending().count_up_to(MAX_WAITING)
    likenesses = {group.likeness for one in watches for group in one.groups}
    there = Interrupt.objects.pending().counted_alike(likenesses) if likenesses else {}
    states = []
    for one in watches:
        counts = tuple(there.get(group.likeness, 0) for group in one.groups)
        changed = sum(count != group.count for count, group in zip(counts, one.groups, strict=True))
        states.append(State(passing[one.filter].new(one), len(one.shown - pending) + changed, waiting, counts))
    return states


def _newest(*, with_text: bool) -> list[dict[str, Any]]:
    fields = ["id", "asked_at", "workflow", "assignee_id", *(["search"] if with_text else [])]
    newest = Interrupt.objects.pending().page(after=None)
    return [{"search": "", **question} for question in newest.values(*fields)[:MAX_NEW]]
