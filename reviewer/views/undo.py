"""Taking an answer back while it is held."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from hitl import verbs
from hitl.errors import AnswerConflict
from reviewer import access
from reviewer.access import ANSWER, needs
from reviewer.views.question import redirect_after_post


@needs(ANSWER)
@require_POST
def undo(request: HttpRequest, question_id: str) -> HttpResponse:
    """Take one's own held answer back, and stand before the question again with what was typed.

    Where the window is over, the question's page says what became of the answer.
    """
    asked = access.held(request.user, question_id)
    version = request.POST.get("version", "")
    try:
        verbs.undo(
            question_id,
            version=int(version) if version.isdecimal() and len(version) < 9 else 0,
            by=access.person(request),
            channel="web",
        )
        messages.success(request, f"Taken back: “{asked.title}”. It waits for an answer again.")
    except AnswerConflict:
        messages.warning(request, f"Too late to undo “{asked.title}”: the run has gone on with the answer.")
    target = reverse("reviewer:question", args=[question_id])
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(target)
    return redirect_after_post(target)
