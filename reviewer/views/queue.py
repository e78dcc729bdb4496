"""The queue: what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from hitl.models import Interrupt
from reviewer import access, beside, cursor, groups, times
from reviewer.access import ANSWER, signed_in
from reviewer.context import Desk
from reviewer.forms.queue import QueueFilter, ViewForm, cursor_of
from reviewer.live import presence
from reviewer.models import SavedView

PAGE = 50
# Beyond this nobody needs the exact number, and counting it would cost more than the page.
MOST_COUNTED = 1000


@signed_in
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """A page of pending questions and how many there are."""
    wanted = QueueFilter(request)
    waiting = wanted.questions()
    after = cursor.read(request.GET.get("after", ""))
    standing = waiting.first_of_each(order=wanted.order_name).beside_alike(waiting) if wanted.is_grouped else waiting
    wide = beside.counting_asked(beside.with_company(standing.as_rows().beside_newest()), request.user)
    rows = list(wide.page(after=after, order=wanted.order_name)[: PAGE + 1])
    if rows:
        Desk(request).know_asked(rows[0].asked_of_me)  # type: ignore[attr-defined]
    for row in rows:
        row.looked_at_by = sorted(presence.looking(row.pk))  # type: ignore[attr-defined]
        row.group = groups.of(row) if wanted.is_grouped else None  # type: ignore[attr-defined]
        row.members = wanted.query(alike=row.likeness)  # type: ignore[attr-defined]
    more = rows[PAGE - 1] if len(rows) > PAGE else None
    # A first page that is not full has just been counted.
    is_all = after is None and not more
    waiting_count = standing_for(rows) if is_all else waiting.count_up_to(MOST_COUNTED + 1)
    context = {
        "filter": wanted,
        "query": wanted.query(),
        "grouped": wanted.query(grouped="1") if any_alike(rows) and not wanted.given().get("alike") else "",
        # Of the group whose members are shown: the queue in which it is one row.
        "whole": wanted.query(without="alike"),
        "views": SavedView.objects.seen_by(access.person(request)),
        "view_form": ViewForm(auto_id="view-%s"),
        "may_answer": access.may(request.user, ANSWER),
        "rows": rows[:PAGE],
        "count": counted(waiting_count),
        "later": wanted.query(after=cursor_of(more, wanted.order_name)) if more else "",
        "is_first": after is None,
        "changes": wanted.query(since=newest(rows)),
    }
    return render(request, "reviewer/queue/page.html", context)


@signed_in
@require_safe
def changes(request: HttpRequest) -> HttpResponse:
    """What has changed since a queue page was drawn, as fragments that htmx puts in their places.

    `since` is the newest question then, `seen` the ids of the rows that stand there, and `group` what the rows of
    groups said (`Group.mark`). New questions are only counted, so that no row moves; rows whose question is settled,
    or all of whose questions are, say so, and those of groups say how many there are now.
    """
    wanted = QueueFilter(request)
    waiting = wanted.questions()
    since = cursor.read(request.GET.get("since", ""))
    seen = request.GET.getlist("seen")[:PAGE]
    settled = set(seen) - Interrupt.objects.still_pending(seen)
    shown = groups.read(request.GET.getlist("group"), most=PAGE)
    changed = [now for was, now in zip(shown, groups.now(shown, waiting), strict=True) if now != was]
    # What joins a group is told in its row.
    fresh = waiting.page(after=since, order="oldest").unlike(group.likeness for group in shown)
    gone = {group.first_id: group for group in changed if not group.count}
    context = {
        "filter": wanted,
        "query": wanted.query(),
        "count": counted(waiting.count_up_to(MOST_COUNTED + 1)),
        "new": counted(fresh.count_up_to(MOST_COUNTED + 1)),
        "settled": Interrupt.objects.as_rows().among(settled),
        "changed": [group for group in changed if group.count],
        # No row is left that waits: the page says what comes next.
        "is_bare": not set(seen) - settled and len(gone) == len(shown),
        "gone": Interrupt.objects.as_rows().among(gone) if gone else (),
    }
    return render(request, "reviewer/queue/changes.html", context)


def standing_for(rows: Sequence[Any]) -> int:
    """How many questions these rows stand for."""
    return sum(row.group.count if row.group else 1 for row in rows)


def any_alike(rows: Sequence[Interrupt]) -> bool:
    """Whether grouping would make fewer rows of these."""
    known = [row.likeness for row in rows if row.likeness]
    return len(set(known)) < len(known)


def newest(rows: Sequence[Interrupt]) -> str:
    """The place of the newest question there is, which every row knows."""
    for row in rows:
        return cursor.write(row.newest_at, row.newest_id)  # type: ignore[attr-defined]
    return cursor_of(Interrupt.objects.pending().page(after=None).first())


def counted(number: int) -> str:
    """A number for people; the empty text for none."""
    if number > MOST_COUNTED:
        return gettext("{number}+").format(number=times.count(MOST_COUNTED))
    return times.count(number) if number else ""
