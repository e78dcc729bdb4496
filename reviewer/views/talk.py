"""Comments beside a question, questions back to somebody, and what changes there while a page stands open."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.views.decorators.http import require_POST, require_safe

from hitl.models import Interrupt
from reviewer import access, beside, leases, people, talk
from reviewer.access import ANSWER, needs, signed_in
from reviewer.forms.queue import QueueFilter
from reviewer.models import Comment
from reviewer.views.question import page, redirect_after_post, talking


@signed_in
@require_POST
def comment(request: HttpRequest, question_id: str) -> HttpResponse:
    """Say something beside a question; with `ask` (a name) it is a question to that person."""
    asked = access.question(request.user, question_id)
    said = list(Comment.objects.of(asked))
    if not access.comments_on(request.user, said):
        access.require(request.user, ANSWER)
    text, ask = request.POST.get("text", ""), request.POST.get("ask")
    try:
        made = talk.say(asked, by=access.person(request), text=text, ask=ask)
    except talk.CannotSay as error:
        refused: dict[str, Any] = {"refused": error, "typed": {"text": text, "ask": ask}}
        if request.headers.get("HX-Request"):
            return section(request, asked, status=422, **refused)
        return page(request, asked, status=422, **refused)
    if request.headers.get("HX-Request"):
        return section(request, asked, made=made)
    return redirect_after_post(f"{where(asked)}#comment-{made.pk}")


@signed_in
@require_POST
def withdraw(request: HttpRequest, question_id: str, comment_id: int) -> HttpResponse:
    """Take a question back that nobody has replied to."""
    asked = access.question(request.user, question_id)
    talk.withdraw(access.question_back(request.user, asked, comment_id), by=access.person(request))
    if request.headers.get("HX-Request"):
        return section(request, asked)
    return redirect_after_post(f"{where(asked)}#talk")


@signed_in
@require_POST
def put_aside(request: HttpRequest, question_id: str) -> HttpResponse:
    """Have a question that mentions oneself out of “asked of me”."""
    asked = access.question(request.user, question_id)
    talk.put_aside(asked, by=access.person(request))
    said = gettext("“{title}” is put aside until somebody mentions you there again.")
    messages.success(request, said.format(title=asked.title))
    return redirect_after_post(reverse("reviewer:queue") + QueueFilter(request).query())


@needs(ANSWER)
@require_POST
def take_over(request: HttpRequest, question_id: str) -> HttpResponse:
    """Have a question to oneself that somebody else types an answer to."""
    asked = access.question(request.user, question_id)
    if asked.status == Interrupt.Status.PENDING:
        leases.take_over(asked, by=access.person(request))
    if request.headers.get("HX-Request"):
        return changes(request, asked)
    return redirect_after_post(where(asked))


@signed_in
@require_safe
def around(request: HttpRequest, question_id: str) -> HttpResponse:
    """What has changed beside a question since its page was drawn: 204, or fragments that htmx puts in their places.

    `people` and `said` are the marks of what stands there.
    """
    return changes(request, access.question(request.user, question_id))


@signed_in
@require_safe
def of_run(request: HttpRequest, thread_id: str) -> HttpResponse:
    """What was said beside a run's questions: a fragment of its page, or a page of its own."""
    thread = access.thread(request.user, thread_id)
    template = "run" if request.headers.get("HX-Request") else "run_page"
    context = {"thread": thread, "comments": list(Comment.objects.of_thread(thread.id))}
    return render(request, f"reviewer/talk/{template}.html", context)


@signed_in
@require_safe
def names(request: HttpRequest) -> HttpResponse:
    """Names that begin with what is typed into a field, as options."""
    typed = request.GET.get("ask") or request.GET.get("name") or ""
    return render(request, "reviewer/talk/names.html", {"names": people.suggested(typed.strip().removeprefix("@"))})


def changes(request: HttpRequest, asked: Interrupt) -> HttpResponse:
    person = access.person(request)
    there = beside.of(asked, person, beside.drafts_of(asked, person))
    context = {"question": asked, "beside": there, "oob": True, **talking(request, asked)}
    context["may_answer"] = access.may(request.user, ANSWER)
    context["people_changed"] = there.mark != request.GET.get("people")
    context["said_changed"] = context["said_mark"] != request.GET.get("said")
    if not (context["people_changed"] or context["said_changed"]):
        return HttpResponse(status=204)
    return render(request, "reviewer/talk/changes.html", context)


def section(request: HttpRequest, asked: Interrupt, *, status: int = 200, **more: Any) -> HttpResponse:
    """The comments alone, for htmx."""
    context = {"question": asked, **talking(request, asked), **more}
    return render(request, "reviewer/talk/section.html", context, status=status)


def where(asked: Interrupt) -> str:
    return reverse("reviewer:question", args=[asked.id])
