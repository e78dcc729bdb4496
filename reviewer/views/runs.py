"""The list of runs, the page of one, and what can be done to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from hitl import registry, verbs
from hitl.errors import Conflict, UnknownRun, UnknownWorkflow
from hitl.models import Run, Thread
from reviewer import access, cursor, runstate, shown, timeline, waterfall
from reviewer.context import Desk
from reviewer.live import reader
from reviewer.telling import told

PAGE_ROWS = 50
PREVIEW_CHARS = 2000


class Filter(models.TextChoices):
    """What the list can be narrowed to, by the thread's status."""

    INTERRUPTED = "interrupted", pgettext_lazy("state of a run", "Waiting")
    BUSY = "busy", pgettext_lazy("state of a run", "Running")
    ERROR = "error", pgettext_lazy("state of a run", "Failed")
    IDLE = "idle", pgettext_lazy("state of a run", "Ended")


@require_GET
@access.signed_in
def runs(request: HttpRequest) -> HttpResponse:
    """All threads, newest first."""
    status = request.GET.get("status", "")
    workflow = request.GET.get("workflow", "")
    after = cursor.read(request.GET.get("after", ""))
    found = Thread.objects.with_latest(preview_chars=PREVIEW_CHARS).page(after=after)
    if status in Filter.values:
        found = found.in_status(status)
    if workflow:
        found = found.of(workflow)
    threads = list(found[: PAGE_ROWS + 1])
    last = threads[PAGE_ROWS - 1] if threads[PAGE_ROWS:] else None
    kept = {name: value for name, value in (("status", status), ("workflow", workflow)) if value}
    context = {
        "rows": [_listed(thread) for thread in threads[:PAGE_ROWS]],
        "older": urlencode({**kept, "after": cursor.write(last.created_at, last.id)}) if last else "",
        "filters": Filter.choices,
        "workflows": access.workflows(request.user),
        "status": status,
        "workflow": workflow,
        "filtered": bool(kept) or "after" in request.GET,
    }
    return render(request, "reviewer/runs/list.html", context)


@require_GET
@access.signed_in
def thread(request: HttpRequest, thread_id: str) -> HttpResponse:
    """The page of one thread, live."""
    return _page(request, access.thread(request.user, thread_id))


@require_GET
@access.signed_in
def events(request: HttpRequest, thread_id: str) -> HttpResponse:
    """What has changed since `?after=seq`: what the socket sends, for pages that have none."""
    after = number_of(request.GET.get("after"))
    found = access.thread(request.user, thread_id)
    if found.seq <= after:
        return HttpResponse(status=204)
    news = reader.news(thread_id, after=after)
    return HttpResponse(news.html(), headers={"X-Live-Seq": str(news.seq)})


@require_GET
@access.needs(access.ADMINISTER)
def tracebacks(request: HttpRequest, thread_id: str) -> HttpResponse:
    """Where in the code a run failed: for those who administer, since code and paths stand in it."""
    found = access.thread(request.user, thread_id)
    return render(request, "reviewer/runs/tracebacks.html", {"thread": found, "failures": timeline.failures(thread_id)})


@require_GET
@access.signed_in
def bars(request: HttpRequest, thread_id: str) -> HttpResponse:
    """The waterfall as it stands now: a fragment."""
    found = access.thread(request.user, thread_id)
    after = max(0, found.seq - timeline.WINDOW_FACTS)
    rows = timeline.read(thread_id, after=after, up_to=found.seq).rows
    context = {"thread": found, "waterfall": waterfall.of(rows), "may_start": access.may(request.user, access.START)}
    return render(request, "reviewer/runs/waterfall.html", context)


@require_POST
@access.needs(access.ADMINISTER)
def cancel(request: HttpRequest, thread_id: str) -> HttpResponse:
    found = access.thread(request.user, thread_id)
    reason = request.POST.get("reason", "").strip()[:500]
    turn = number_of(request.POST.get("turn")) or None
    try:
        verbs.cancel(thread_id, by=access.person(request), channel="web", reason=reason, turn=turn)
    except Conflict as error:
        return _page(request, found, problem=error)
    messages.success(request, gettext("The run is cancelled."))
    return redirect("reviewer:thread", thread_id)


@require_http_methods(["GET", "POST"])
@access.needs(access.ADMINISTER)
def withdraw(request: HttpRequest, thread_id: str, run_id: str) -> HttpResponse:
    """Ask, and then take a start out of line."""
    found = access.thread(request.user, thread_id)
    if request.method == "GET":
        start = Run.objects.of(thread_id).with_input(preview_chars=PREVIEW_CHARS).filter(pk=run_id).first()
        value = runstate.preview(start.preview, chars=PREVIEW_CHARS) if start else None  # type: ignore[attr-defined]
        context = {"thread": found, "title": _title(found.workflow), "start": start, "value": value}
        return render(request, "reviewer/runs/withdraw.html", context, status=200 if start else 404)
    try:
        verbs.withdraw(run_id, by=access.person(request), channel="web", thread_id=thread_id)
    except (Conflict, UnknownRun) as error:
        return _page(request, found, problem=error)
    messages.success(request, gettext("The start is cancelled: it will not begin."))
    return redirect("reviewer:thread", thread_id)


@require_POST
@access.needs(access.ADMINISTER)
def retry(request: HttpRequest, thread_id: str) -> HttpResponse:
    found = access.thread(request.user, thread_id)
    try:
        verbs.retry(thread_id, by=access.person(request), channel="web")
    except Conflict as error:
        return _page(request, found, problem=error)
    messages.success(request, gettext("The run goes on from its last finished step."))
    return redirect("reviewer:thread", thread_id)


def _page(request: HttpRequest, thread: Thread, *, problem: Conflict | UnknownRun | None = None) -> HttpResponse:
    run = runstate.read(thread.id, thread=thread)
    Desk(request).know_asked(thread.asked_of_me)  # type: ignore[attr-defined]
    after = number_of(request.GET.get("from"), default=max(0, run.seq - timeline.WINDOW_FACTS))
    rows = timeline.read(thread.id, after=after, up_to=run.seq).rows
    context = {
        "thread": thread,
        "title": _title(thread.workflow),
        "run": run,
        "rows": rows,
        "waterfall": waterfall.of(rows),
        "may_start": access.may(request.user, access.START),
        "earlier": max(0, after - 2 * timeline.WINDOW_FACTS) if after > max(0, run.seq - timeline.MAX_FACTS) else None,
        "metadata": {name: shown.data(value) for name, value in thread.metadata.items()},
        "may_administer": access.may(request.user, access.ADMINISTER),
        "may_answer": access.may(request.user, access.ANSWER),
        "problem": told(problem) if problem else "",
    }
    return render(request, "reviewer/runs/page.html", context, status=problem.status if problem else 200)


def _listed(thread: Any) -> dict[str, Any]:
    state = runstate.word(thread.status, thread.latest_status, wake_at=thread.wake_at)
    return {
        "thread": thread,
        "title": _title(thread.workflow),
        "state": state,
        "mark": runstate.MARKS.get(state, state),
        "label": str(runstate.LABELS[state]),
        "input": runstate.preview(thread.preview, chars=PREVIEW_CHARS),
    }


def _title(workflow: str) -> str:
    try:
        return registry.get(workflow).title
    except UnknownWorkflow:
        return workflow


def number_of(text: str | None, *, default: int = 0) -> int:
    """A number from an address; the default for what is none."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 19 else default
