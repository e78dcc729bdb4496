"""Starting a workflow: choose one, fill in its form, land on the run's page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe
from django_htmx.http import HttpResponseClientRedirect

from hitl import verbs
from hitl.errors import Conflict, IdempotencyConflict, Invalid, InvalidInput
from hitl.workflow import Workflow
from reviewer import access
from reviewer.access import START, needs, signed_in
from reviewer.forms.schema import focus_first_error
from reviewer.forms.start import StartForm
from reviewer.telling import told
from reviewer.views.question import redirect_after_post


@signed_in
@require_safe
def choose(request: HttpRequest) -> HttpResponse:
    """The registered workflows."""
    may_start = access.may(request.user, START)
    context = {
        "workflows": access.workflows(request.user),
        "may_start": may_start,
        "missing": None if may_start else access.PermissionMissing(START),
    }
    return render(request, "reviewer/start/choose.html", context)


@needs(START)
@require_http_methods(["GET", "HEAD", "POST"])
def workflow(request: HttpRequest, name: str) -> HttpResponse:
    """A workflow's input form; sent, it starts a run."""
    chosen = access.workflow(request.user, name)
    if request.method != "POST":
        form = StartForm(chosen, thread=request.GET.get("thread", "")[:200])
        return page(request, chosen, form)
    form = StartForm(chosen, request.POST)
    if not form.is_valid():
        return page(request, chosen, form, status=422)
    try:
        run = verbs.start(name, form.value(), by=access.person(request), channel="web", **form.arguments())
    except InvalidInput as error:
        form.add_errors(error.errors or [("", str(error))])
        return page(request, chosen, form, status=422)
    except (Invalid, Conflict) as error:
        about_thread = isinstance(error, Conflict) and not isinstance(error, IdempotencyConflict)
        form.add_error("thread" if about_thread else None, told(error))
        return page(request, chosen, form, status=error.status)
    target = reverse("reviewer:thread", args=[run.thread_id])
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(target)
    return redirect_after_post(target)


def page(request: HttpRequest, chosen: Workflow, form: StartForm, *, status: int = 200) -> HttpResponse:
    """The whole page, or its form alone when htmx asked for it."""
    focus_first_error(form)
    part = "form" if request.headers.get("HX-Request") else "page"
    context = {"workflow": chosen, "form": form}
    return render(request, f"reviewer/start/{part}.html", context, status=status)
