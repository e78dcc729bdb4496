"""Going on from an earlier checkpoint in a new thread, with another answer if wanted."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_http_methods

from hitl import codec, questions, verbs
from hitl.errors import HitlError, InvalidAnswer, NotFound, NothingPending
from hitl.models import Interrupt, Thread
from reviewer import access, timeline
from reviewer.access import ANSWER, START, needs
from reviewer.forms.answer import Answer
from reviewer.forms.kinds import form_for
from reviewer.forms.schema import focus_first_error
from reviewer.telling import told
from reviewer.views.question import redirect_after_post
from reviewer.views.runs import number_of


@needs(START)
@require_http_methods(["GET", "HEAD", "POST"])
def fork(request: HttpRequest, thread_id: str) -> HttpResponse:
    """What is kept and what is not when the run goes on from `?at=seq`; a POST does it, in a thread of its own.

    Where a question was asked there, it is answered in the same breath, or left to be asked anew.
    """
    found = access.thread(request.user, thread_id)
    seq = number_of(request.GET.get("at"))
    asked = Interrupt.objects.of(thread_id).filter(asked_seq=seq).first()
    may_answer = access.may(request.user, ANSWER)
    form = form_for(asked, request.POST if request.method == "POST" else None) if asked and may_answer else None
    if request.method != "POST":
        return page(request, found, seq, asked, form)
    given: dict[str, Any] = {}
    if form is not None and asked is not None and "anew" not in request.POST:
        if not form.is_valid():
            focus_first_error(form)
            return page(request, found, seq, asked, form, status=422)
        given = {asked.id: form.value()}
    try:
        run = verbs.fork(thread_id, seq, answers=given, by=access.person(request), channel="web")
    except InvalidAnswer as error:
        assert form is not None
        form.add_errors(error.errors or [("", str(error))])
        return page(request, found, seq, asked, form, status=422)
    except (NotFound, NothingPending) as error:
        return page(request, found, seq, asked, form, problem=error, status=404)
    except HitlError as error:
        return page(request, found, seq, asked, form, problem=error, status=error.status)
    messages.success(request, gettext("This run went on from another one's checkpoint. That one stays as it is."))
    return redirect_after_post(reverse("reviewer:thread", args=[run.thread_id]))


def page(
    request: HttpRequest,
    found: Thread,
    seq: int,
    asked: Interrupt | None,
    form: Answer | None,
    *,
    problem: HitlError | None = None,
    status: int = 200,
) -> HttpResponse:
    rows = timeline.read(found.id, after=max(0, found.seq - timeline.MAX_FACTS), up_to=found.seq).rows
    context = {
        "thread": found,
        "seq": seq,
        "question": asked,
        "described": questions.get(asked.kind).describe(codec.plain(asked.value)) if asked else None,
        "form": form,
        "problem": told(problem) if problem else "",
        "kept": [row for row in rows if row.kind in ("task", "question") and row.seq <= seq],
        "lost": [row for row in rows if row.kind in ("task", "question") and row.seq > seq],
    }
    return render(request, "reviewer/runs/fork.html", context, status=status)
