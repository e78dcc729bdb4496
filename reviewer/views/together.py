"""Several questions decided together: what was selected, the choices they share, and a report."""

from __future__ import annotations

import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from reviewer import access, together
from reviewer.access import ANSWER, needs
from reviewer.forms import rows
from reviewer.forms.queue import QueueFilter


@needs(ANSWER)
@require_http_methods(["GET", "HEAD", "POST"])
def decide(request: HttpRequest) -> HttpResponse:
    """The selected questions (`pick=id:version`) and what can be decided on all of them; a POST decides.

    The report says of each what became of it: those that could not be answered are untouched, and selected again.
    """
    wanted = QueueFilter(request)
    picked = (request.POST if request.method == "POST" else request.GET).getlist("pick")
    picks = together.read(picked)
    # Only looking opens a group: what is decided is what was listed.
    room = together.MOST - len(picks)
    members, left_out = together.members(picked, wanted.questions(), room=room) if request.method != "POST" else ([], 0)
    known = {pick.question.id for pick in picks}
    picks += [member for member in members if member.question.id not in known]
    picks = together.with_drafts(picks, access.person(request))
    outcomes: list[together.Outcome] = []
    is_sent = request.method == "POST" and not rows.is_pressed(request.POST)
    if is_sent and picks:
        choice = request.POST.get("choice", "")
        by = access.person(request)
        if choice:
            outcomes = together.decide(request, picks, choice=choice, by=by)
        elif together.shared_form(picks) is not None:
            outcomes = together.send(request, picks, by=by)
        left = {outcome.question.id for outcome in outcomes if outcome.problem}
        again = [f"{pick.question.id}:{pick.question.version}" for pick in picks if pick.question.id in left]
        picks = together.with_drafts(together.read(again), by)
    open_picks = [pick for pick in picks if not pick.has_changed]
    context = {
        "picks": picks,
        "sets": together.sets(picks),
        "left_out": left_out,
        "choices": together.choices(open_picks),
        "form": together.shared_form(
            open_picks, typed=None if is_sent or not request.POST else rows.rearranged(request.POST)
        ),
        "outcomes": outcomes,
        "done": [outcome for outcome in outcomes if not outcome.problem],
        "not_done": [outcome for outcome in outcomes if outcome.problem],
        "token": uuid.uuid4().hex,
        "query": wanted.query(),
    }
    return render(request, "reviewer/queue/together.html", context)
