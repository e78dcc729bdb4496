"""Snoozing questions, and saving the queue's filter under a name."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from reviewer import access, arranging
from reviewer.access import signed_in
from reviewer.forms.queue import QueueFilter, ViewForm
from reviewer.views.question import redirect_after_post


@signed_in
@require_POST
def snooze(request: HttpRequest, question_id: str) -> HttpResponse:
    """Leave a question out of one's own queue until `until` (a word of `arranging.times`), or have it back (`""`)."""
    asked = access.question(request.user, question_id)
    person = access.person(request)
    chosen = arranging.times(timezone.now()).get(request.POST.get("until", ""))
    if chosen:
        arranging.snooze(asked, person, until=chosen[1])
        messages.success(request, f"“{asked.title}” is out of your queue until it comes back: {chosen[0].lower()}.")
    else:
        arranging.wake(asked, person)
        messages.success(request, f"“{asked.title}” is in your queue again.")
    return redirect_after_post(reverse("reviewer:queue") + QueueFilter(request).query())


@signed_in
@require_POST
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the filter of this address under a name."""
    wanted = QueueFilter(request)
    form = ViewForm(request.POST)
    if not form.is_valid():
        return render(request, "reviewer/queue/save.html", {"form": form, "query": wanted.query()}, status=422)
    view = arranging.save_view(
        access.person(request), query=wanted.query().removeprefix("?")[:500], **form.cleaned_data
    )
    messages.success(request, f"Saved as “{view.name}”.")
    return redirect_after_post(reverse("reviewer:queue") + wanted.query())


@signed_in
@require_POST
def delete_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Delete a saved view."""
    view = access.saved_view(request.user, view_id)
    view.delete()
    messages.success(request, f"The view “{view.name}” is deleted.")
    return redirect_after_post(reverse("reviewer:queue"))
