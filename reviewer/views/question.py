"""A question's page: what is asked, what led to it, and the answer."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect

from hitl import codec, questions, verbs
from hitl.errors import AnswerConflict, Invalid, InvalidAnswer, InvalidOption
from hitl.models import Interrupt
from reviewer import access, arranging, beside, diff, drafts, people, precedents, record, shown, timeline, undoing
from reviewer.access import ADMINISTER, ANSWER, needs, signed_in
from reviewer.context import Desk
from reviewer.forms.answer import Answer
from reviewer.forms.kinds import form_for
from reviewer.forms.queue import QueueFilter, place_of
from reviewer.forms.schema import focus_first_error
from reviewer.forms.triage import TriageForm
from reviewer.models import Comment, Draft
from reviewer.telling import told
from reviewer.views.queue import MOST_COUNTED, counted


@signed_in
@require_safe
def question(request: HttpRequest, question_id: str) -> HttpResponse:
    """The question, open or settled."""
    return page(request, access.question(request.user, question_id))


@signed_in
@require_safe
def neighbour(request: HttpRequest, question_id: str, *, before: bool) -> HttpResponse:
    """On to the question that follows in the queue this one was opened from, or that comes before it.

    Where there is none the page stays, and says so.
    """
    asked = access.question(request.user, question_id)
    wanted = QueueFilter(request)
    order = wanted.order_name
    beyond = wanted.questions().page(after=place_of(asked, order), order=order, reverse=before).first()
    if beyond is None:
        first, last = gettext("This is the first question of the queue."), gettext("This is the last one of the queue.")
        messages.info(request, first if before else last)
    return redirect(reverse("reviewer:question", args=[(beyond or asked).id]) + wanted.query())


@signed_in
@require_safe
def state(request: HttpRequest, question_id: str) -> HttpResponse:
    """Whether the question still waits as it was read: a fragment that is empty while it does."""
    asked = access.question(request.user, question_id)
    context = {"question": asked, "is_open": waits(asked, request.GET.get("version", ""))}
    return render(request, "reviewer/question/state.html", context)


@signed_in
@require_safe
def past(request: HttpRequest, question_id: str) -> HttpResponse:
    """How questions like this one were decided before, and what followed: a fragment, or a page of its own."""
    asked = access.question(request.user, question_id)
    template = "precedents" if request.headers.get("HX-Request") else "past"
    context = {"question": asked, "precedents": precedents.of(asked), "query": QueueFilter(request).query()}
    return render(request, f"reviewer/question/{template}.html", context)


@needs(ANSWER)
@require_POST
def answer(request: HttpRequest, question_id: str) -> HttpResponse:
    """Take an answer: 303 when it stands, 422 with the form when it does not fit, 409 when it came second."""
    asked = access.question(request.user, question_id)
    form = form_for(asked, request.POST)
    if not form.is_valid():
        if not waits(asked, request.POST.get("version", "")):
            return overtaken(request, form)
        return rearranged(request, form) if form.touched else refused(request, form)
    try:
        verbs.answer(
            question_id,
            form.value(),
            version=form.cleaned_data["version"],
            token=form.cleaned_data["token"],
            by=access.person(request),
            channel="web",
            hold_seconds=undoing.seconds(request, asked.workflow),
        )
    except InvalidAnswer as error:
        form.add_errors(error.errors or [("", str(error))])
        return refused(request, form)
    except Invalid as error:
        form.add_errors([("", told(error))])
        return refused(request, form)
    except AnswerConflict:
        return overtaken(request, form)
    return accepted(request, form)


@signed_in
@require_POST
def assign(request: HttpRequest, question_id: str) -> HttpResponse:
    """Claim a question (`to=me`), give it back (`to=`), or to `name` (`to=name`).

    Another person's, and giving it to somebody, takes more permission.
    """
    asked = access.question(request.user, question_id)
    to_name = request.POST.get("to") == "name"
    of_another = asked.assignee_id not in (None, request.user.pk)
    access.require(request.user, ADMINISTER if of_another or to_name else ANSWER)
    to = access.person(request) if request.POST.get("to") == "me" else None
    if to_name:
        to = people.by_name(request.POST.get("name", "").strip().replace("\x00", ""))
        if to is None or not access.may(to, ANSWER):
            said = gettext("Nobody of that name may answer questions. The question is whose it was.")
            messages.error(request, said)
            return onward(request, reverse("reviewer:question", args=[question_id]))
    # What may be done depends on whose it is, so it has to be still theirs when it is done.
    was = asked.assignee
    asked = verbs.assign(question_id, to=to, instead_of=was, by=access.person(request), channel="web")
    if request.headers.get("HX-Request"):
        return render(request, "reviewer/question/assignment.html", assignment(request, asked))
    return redirect_after_post(reverse("reviewer:question", args=[question_id]))


@needs(ANSWER)
@require_POST
def triage(request: HttpRequest, question_id: str) -> HttpResponse:
    """Say how urgent a question is."""
    asked = access.question(request.user, question_id)
    form = TriageForm(asked, request.POST)
    where = reverse("reviewer:question", args=[question_id])
    if not form.is_valid():
        wrong = " ".join(str(one) for errors in form.errors.values() for one in errors)
        messages.error(request, gettext("{problem} Nothing was changed.").format(problem=wrong))
        return redirect_after_post(where)
    try:
        verbs.triage(
            question_id,
            priority=form.cleaned_data["priority"] or 0,
            due=form.cleaned_data["due"],
            by=access.person(request),
            channel="web",
        )
    except InvalidOption:
        messages.error(request, gettext("Choose a time within ten years. Nothing was changed."))
    return redirect_after_post(where)


def waits(asked: Interrupt, version: str) -> bool:
    return asked.status == Interrupt.Status.PENDING and version == str(asked.version)


def rearranged(request: HttpRequest, form: Answer) -> HttpResponse:
    """The form with a row more or less, which is kept as a draft like everything that is typed."""
    asked, typed = form.question, form.typed
    assert typed is not None, "a form that was rearranged is not bound"
    drafts.save(form, question=asked, person=access.person(request), data=typed, version=asked.version)
    return page(request, asked, form=form)


def refused(request: HttpRequest, form: Answer) -> HttpResponse:
    focus_first_error(form)
    return page(request, form.question, form=form, status=422)


def overtaken(request: HttpRequest, form: Answer) -> HttpResponse:
    """Somebody or something was first: what stands there now, beside what was typed."""
    current = access.question(request.user, form.question.id)
    return page(request, current, form=form, status=409, conflict=True, **side_by_side(current, form))


def side_by_side(current: Interrupt, form: Answer) -> dict[str, Any]:
    """What was typed here, beside the answer that stands; the words that differ where both are texts."""
    is_valid = form.is_valid()
    given = form.value() if is_valid else None
    form.freeze()
    theirs = codec.plain(current.answer) if current.answer is not None else None
    return {
        "is_same": is_valid and current.answer is not None and is_same(given, current.answer),
        "typed": shown.data(given) if is_valid else None,
        "kept": form.kept(),
        "compared": diff.words(theirs, given) if isinstance(theirs, str) and isinstance(given, str) else (),
    }


def unsent(asked: Interrupt, draft: Draft | None) -> dict[str, Any]:
    """What somebody had typed when a colleague answered, read from their draft."""
    if draft is None or not draft.fields or asked.answer is None:
        return {}
    form = form_for(asked, drafts.as_posted(draft, version=asked.version))
    return side_by_side(asked, form) if form.is_valid() else {}


def is_same(given: Any, stored: str) -> bool:
    return codec.digest(given) == codec.digest(codec.plain(stored))


def accepted(request: HttpRequest, form: Answer) -> HttpResponse:
    """On to the next question, or back to the queue, as this person likes it.

    What was typed is kept: it stands in the form again when the answer is undone, or given back by the workflow.
    """
    asked = form.question
    if seconds := undoing.seconds(request, asked.workflow):
        Desk(request).hold(seconds)
    drafts.save(form, question=asked, person=access.person(request), data=request.POST, version=asked.version + 1)
    wanted = QueueFilter(request)
    waiting = wanted.questions()
    following = waiting.page(after=place_of(asked, wanted.order_name), order=wanted.order_name).first()
    left = waiting.count_up_to(MOST_COUNTED + 1)
    said = format_html(
        '{} {} <a href="{}">{}</a>',
        gettext("Answered “{title}”.").format(title=asked.title),
        ngettext("{n} left.", "{n} left.", left).format(n=counted(left)) if left else gettext("None left."),
        reverse("reviewer:thread", args=[asked.thread_id]),
        gettext("Watch the run"),
    )
    # Where it can be undone, that is what is seen of it; who cannot see hears this.
    messages.success(request, said, extra_tags="hidden-text" if seconds else "")
    target = reverse("reviewer:queue") + wanted.query() + (f"#q-{following.id}" if following else "")
    if following and Desk(request).after == "next":
        target = reverse("reviewer:question", args=[following.id]) + wanted.query()
    return onward(request, target)


def onward(request: HttpRequest, target: str) -> HttpResponse:
    """To another page, whether htmx has sent the form or not."""
    if request.headers.get("HX-Request"):
        return HttpResponseClientRedirect(target)
    return redirect_after_post(target)


def redirect_after_post(target: str) -> HttpResponseRedirect:
    response = HttpResponseRedirect(target)
    response.status_code = 303
    return response


def page(
    request: HttpRequest, asked: Interrupt, *, form: Answer | None = None, status: int = 200, **more: Any
) -> HttpResponse:
    """The whole page, or its answer section alone when htmx asked for it."""
    may_answer = access.may(request.user, ANSWER)
    is_pending = asked.status == Interrupt.Status.PENDING
    person = access.person(request)
    there = beside.drafts_of(asked, person)
    draft = next((one for one in there if one.person_id == person.pk and one.fields), None)
    if form is not None or not may_answer:
        draft = None
    elif is_pending:
        form = begun(asked, draft, there)
    elif asked.answered_by_id != person.pk:
        more |= unsent(asked, draft)
    context = {
        "question": asked,
        "form": form,
        "draft": draft,
        "may_answer": may_answer,
        "missing": None if may_answer else access.PermissionMissing(ANSWER),
        "query": QueueFilter(request).query(),
        "answer": shown.stored(asked.answer),
        "record": record.of(asked) if not is_pending else (),
        "described": questions.get(asked.kind).describe(codec.plain(asked.value)),
        **more,
    }
    if request.headers.get("HX-Request"):
        return render(request, "reviewer/question/answer.html", context, status=status)
    Desk(request).know_asked(asked.asked_of_me)  # type: ignore[attr-defined]
    context |= assignment(request, asked) | surroundings(asked) | talking(request, asked)
    context["beside"] = beside.of(asked, person, there)
    if may_answer and is_pending:
        context |= {"triage": TriageForm(asked), "snoozes": arranging.times(timezone.now())}
    return render(request, "reviewer/question/page.html", context, status=status)


def begun(asked: Interrupt, draft: Draft | None, there: list[Draft]) -> Answer:
    """The form with what this person has typed, or the answer that the workflow has given back."""
    if draft is None and asked.problem and asked.answer is not None:
        draft = next((one for one in there if one.person_id == asked.answered_by_id and one.fields), None)
        if draft is None:
            form = form_for(asked)
            form.recall(codec.plain(asked.answer))
            return form
    return form_for(asked, typed=drafts.typed(draft) if draft else None)


def talking(request: HttpRequest, asked: Interrupt) -> dict[str, Any]:
    """What was said beside the question, and whether this person may say more."""
    said = list(Comment.objects.of(asked))
    return {
        "comments": said,
        "said_mark": beside.mark_of(said),
        "may_comment": access.comments_on(request.user, said),
        "may_administer": access.may(request.user, ADMINISTER),
    }


def surroundings(asked: Interrupt) -> dict[str, Any]:
    """What is asked and what led to it."""
    after = max(0, asked.thread.seq - timeline.WINDOW_FACTS)
    return {
        "events": timeline.read(asked.thread_id, after=after),
        "is_cut": after > 0,
        "effects": precedents.effects_of(asked.workflow),
    }


def assignment(request: HttpRequest, asked: Interrupt) -> dict[str, Any]:
    is_mine = asked.assignee_id == request.user.pk
    needed = ANSWER if asked.assignee_id is None or is_mine else ADMINISTER
    is_open = asked.status == Interrupt.Status.PENDING
    return {
        "question": asked,
        "is_mine": is_mine,
        "may_assign": is_open and access.may(request.user, needed),
        "may_give": is_open and access.may(request.user, ADMINISTER),
    }
