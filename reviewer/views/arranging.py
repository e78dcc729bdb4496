"""Snoozing questions, and saving the queue's filter under a name."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.http import require_POST

from reviewer import access, arranging, times
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
        said = gettext("“{title}” is out of your queue until it comes back: {time}.")
        messages.success(request, said.format(title=asked.title, time=times.written(chosen[1], "day")))
    else:
        arranging.wake(asked, person)
        messages.success(request, gettext("“{title}” is in your queue again.").format(title=asked.title))
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
    messages.success(request, gettext("Saved as “{name}”.").format(name=view.name))
    return redirect_after_post(reverse("reviewer:queue") + wanted.query())


@signed_in
@require_POST
def delete_view(request: HttpRequest, view_id: int) -> HttpResponse:
    """Delete a saved view."""
    view = access.saved_view(request.user, view_id)
    view.delete()
    messages.success(request, gettext("The view “{name}” is deleted.").format(name=view.name))
    return redirect_after_post(reverse("reviewer:queue"))
