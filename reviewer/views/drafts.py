"""Saving what is being typed, every moment that the hand rests."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST

from hitl.errors import Invalid
from reviewer import access, drafts
from reviewer.access import ANSWER, needs
from reviewer.forms.kinds import form_for
from reviewer.views.question import page, redirect_after_post


@needs(ANSWER)
@require_POST
def draft(request: HttpRequest, question_id: str) -> HttpResponse:
    """Keep the form as it stands for this person; a fragment says that it is kept, or why it is not.

    Not for a question that is settled: then there is nothing to go on with, and the page says so by itself.
    """
    asked = access.question(request.user, question_id)
    if asked.status != asked.Status.PENDING:
        return HttpResponse(status=204)
    version = request.POST.get("version", "")
    try:
        drafts.save(
            form_for(asked),
            question=asked,
            person=access.person(request),
            data=request.POST,
            version=int(version) if version.isdecimal() and len(version) < 9 else asked.version,
        )
    except Invalid as error:
        return render(request, "reviewer/question/draft.html", {"refused": error}, status=422)
    return render(request, "reviewer/question/draft.html", {"saved": True})


@needs(ANSWER)
@require_POST
def discard(request: HttpRequest, question_id: str) -> HttpResponse:
    """Begin again with the form as it was asked."""
    asked = access.question(request.user, question_id)
    drafts.forget(asked, access.person(request))
    if request.headers.get("HX-Request"):
        return page(request, asked)
    return redirect_after_post(reverse("reviewer:question", args=[question_id]))
