"""Two checkpoints of a thread, side by side."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from hitl.errors import NotFound
from hitl.models import Checkpoint
from reviewer import access, comparing
from reviewer.access import signed_in
from reviewer.views.runs import number_of

MOST_LISTED = 500


@signed_in
@require_safe
def compare(request: HttpRequest, thread_id: str) -> HttpResponse:
    """What differs between the checkpoints `a` and `b`, and the lists to choose them from."""
    found = access.thread(request.user, thread_id)
    choices = list(Checkpoint.objects.steps(thread_id)[:MOST_LISTED])[::-1]
    seqs = [fact.seq for fact in choices]
    first = number_of(request.GET.get("a")) or (seqs[0] if seqs else 0)
    second = number_of(request.GET.get("b")) or (seqs[-1] if seqs else 0)
    for fact in choices:
        fact.called = comparing.KINDS.get(fact.kind, fact.kind)  # type: ignore[attr-defined]
    context = {"thread": found, "choices": choices, "a": first, "b": second}
    try:
        context["items"], context["same"] = comparing.between(thread_id, first, second)
    except NotFound:
        return render(
            request,
            "reviewer/runs/compare.html",
            context | {"problem": gettext("There is no such checkpoint.")},
            status=404,
        )
    return render(request, "reviewer/runs/compare.html", context)
