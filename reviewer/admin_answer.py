"""Answering in the Admin: the form of the question's kind on a page of the Admin's own, through the same verb.

The answer names the version that was on the page, so a page that is stale is refused, and it is not held: the Admin is
for operators, who mean what they send.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext

from hitl import codec, questions, verbs
from hitl.errors import AnswerConflict, Invalid, InvalidAnswer
from hitl.models import Interrupt
from reviewer import access
from reviewer.forms.answer import Answer
from reviewer.forms.kinds import form_for
from reviewer.telling import told


def may_answer(request: HttpRequest, question: Interrupt | None) -> bool:
    """Whether this person may answer, and there is something to."""
    return (
        question is not None and question.status == Interrupt.Status.PENDING and access.may(request.user, access.ANSWER)
    )


def page(site: admin.ModelAdmin[Any], request: HttpRequest, question: Interrupt) -> HttpResponse:
    """The form, and what becomes of it when it is sent."""
    access.require(request.user, access.ANSWER)
    back = reverse("admin:hitl_interrupt_change", args=[quote(question.pk)])
    if question.status != Interrupt.Status.PENDING:
        said = gettext("This question is no longer open.")
        if request.method == "POST":
            said = f"{said} {gettext('Your answer was not taken.')}"
        site.message_user(request, said, messages.WARNING)
        return HttpResponseRedirect(back)
    form = form_for(question, request.POST if request.method == "POST" else None)
    if request.method == "POST" and request.POST.get("version") != str(question.version):
        said = gettext("This question has changed since you read it. Your answer was not taken.")
        site.message_user(request, said, messages.ERROR)
        return HttpResponseRedirect(request.path)
    if form.is_valid():
        try:
            send(request, question, form)
        except InvalidAnswer as error:
            form.add_errors(error.errors or [("", told(error))])
        except AnswerConflict as error:
            site.message_user(request, told(error), messages.ERROR)
            return HttpResponseRedirect(back)
        except Invalid as error:
            form.add_errors([("", told(error))])
        else:
            site.message_user(request, gettext("Answered: {title}").format(title=question.title), messages.SUCCESS)
            return HttpResponseRedirect(back)
    return draw(site, request, question, form)


def send(request: HttpRequest, question: Interrupt, form: Answer) -> None:
    verbs.answer(
        question.pk,
        form.value(),
        version=form.cleaned_data["version"],
        token=form.cleaned_data["token"],
        by=access.person(request),
        channel="admin",
    )


def draw(site: admin.ModelAdmin[Any], request: HttpRequest, question: Interrupt, form: Answer) -> HttpResponse:
    context = {
        **site.admin_site.each_context(request),
        "title": gettext("Answer"),
        "opts": site.opts,
        "question": question,
        "described": questions.get(question.kind).describe(codec.plain(question.value)),
        "form": form,
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "reviewer/admin/answer.html", context, status=status)
