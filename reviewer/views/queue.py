"""The queue: what waits for a person."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from hitl.models import Interrupt
from reviewer import access, beside, cursor, times
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
    wide = beside.counting_asked(beside.with_company(waiting.as_rows().beside_newest()), request.user)
    rows = list(wide.page(after=after, order=wanted.order_name)[: PAGE + 1])
    if rows:
        Desk(request).know_asked(rows[0].asked_of_me)  # type: ignore[attr-defined]
    for row in rows:
        row.looked_at_by = sorted(presence.looking(row.pk))  # type: ignore[attr-defined]
    more = rows[PAGE - 1] if len(rows) > PAGE else None
    # A first page that is not full has just been counted.
    waiting_count = len(rows) if after is None and not more else waiting.count_up_to(MOST_COUNTED + 1)
    context = {
        "filter": wanted,
        "query": wanted.query(),
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

    `since` is the newest question then, `seen` the ids of the rows that stand there. New questions are
    only counted, so that no row moves; rows whose question is settled say so.
    """
    wanted = QueueFilter(request)
    waiting = wanted.questions()
    since = cursor.read(request.GET.get("since", ""))
    seen = request.GET.getlist("seen")[:PAGE]
    settled = set(seen) - Interrupt.objects.still_pending(seen)
    context = {
        "filter": wanted,
        "query": wanted.query(),
        "count": counted(waiting.count_up_to(MOST_COUNTED + 1)),
        "new": counted(waiting.page(after=since, order="oldest").count_up_to(MOST_COUNTED + 1)),
        "settled": Interrupt.objects.as_rows().among(settled),
    }
    return render(request, "reviewer/queue/changes.html", context)


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
