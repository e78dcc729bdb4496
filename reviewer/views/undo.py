"""Taking answers back while they are held."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from hitl import verbs
from hitl.errors import AnswerConflict
from hitl.models import Interrupt
from reviewer import access, together
from reviewer.access import ANSWER, needs
from reviewer.context import MOST_HELD_COUNTED
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
        said = gettext("Taken back: “{title}”. It waits for an answer again.")
        messages.success(request, said.format(title=asked.title))
    except AnswerConflict:
        messages.warning(request, _why_not(asked))
    return _on_to(request, reverse("reviewer:question", args=[question_id]))


@needs(ANSWER)
@require_POST
def undo_all(request: HttpRequest) -> HttpResponse:
    """Take back those of one's own held answers that the page showed (`pick=id:version`), and those that were too many
    to stand there: all that were given before it was drawn (`until`, when the latest of them was)."""
    person = access.person(request)
    done = 0
    for pick in together.read(request.POST.getlist("pick")):
        if pick.question.answered_by_id != person.pk:
            continue
        try:
            verbs.undo(pick.question.id, version=pick.version, by=person, channel="web")
            done += 1
        except AnswerConflict:
            messages.warning(request, _why_not(pick.question))
    if until := _moment(request.POST.get("until", "")):
        for asked in Interrupt.objects.held_by(person).given_up_to(until)[:MOST_HELD_COUNTED]:
            # Those that have been released meanwhile nobody has seen here.
            with suppress(AnswerConflict):
                verbs.undo(asked.id, version=asked.version, by=person, channel="web")
                done += 1
    if done:
        said = ngettext(
            "Taken back: {n} answer. That question waits again.",
            "Taken back: {n} answers. Those questions wait again.",
            done,
        )
        messages.success(request, said.format(n=done))
    return _on_to(request, reverse("reviewer:queue"))


def _moment(text: str) -> datetime | None:
    """None for what is no moment with a time zone."""
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, OverflowError):
        return None


def _why_not(asked: Interrupt) -> str:
    asked.refresh_from_db()
    if asked.status == Interrupt.Status.PENDING:
        said = gettext("“{title}” was taken back before. It waits for an answer.")
    elif asked.status == Interrupt.Status.HELD:
        said = gettext("“{title}” was answered anew since this page was drawn. Undo that answer on its own page.")
    else:
        said = gettext("Too late to undo “{title}”: the run has gone on.")
    return said.format(title=asked.title)


def _on_to(request: HttpRequest, target: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(target)
    return redirect_after_post(target)
