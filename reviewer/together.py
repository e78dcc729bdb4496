"""Deciding on several questions at once, each by its own form and through the same verb as alone.

A choice for all means: press this button on each, with everything else as it was proposed, or as this person has typed
it there already (their draft). So an amount, a recipient or an argument that differs from question to question stays
what it is; what cannot be answered that way is told. Where all the forms are alike to the letter, one filled-in form
may be sent for all of them. Drafts are kept, so that undoing an answer brings back what was typed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.http import HttpRequest, QueryDict
from django.utils.translation import gettext

from hitl import verbs
from hitl.errors import AnswerConflict, HitlError
from hitl.models import Interrupt
from hitl.querysets import InterruptQuerySet
from reviewer import drafts, undoing
from reviewer.context import Desk
from reviewer.forms.answer import Answer
from reviewer.forms.kinds import form_for
from reviewer.models import Draft
from reviewer.telling import told

# So many answers take about a second.
MOST = 100
# As many rows as a page of the queue has.
MOST_GROUPS = 50


@dataclasses.dataclass(frozen=True, slots=True)
class Pick:
    """A question as it was seen when it was selected, and the version that was seen."""

    question: Interrupt
    version: int
    draft: Draft | None = None

    @property
    def value(self) -> str:
        return f"{self.question.id}:{self.version}"

    @property
    def has_changed(self) -> bool:
        return self.question.status != Interrupt.Status.PENDING or self.question.version != self.version


@dataclasses.dataclass(frozen=True, slots=True)
class Set:
    """Picks that are alike to the letter, under one heading, in the order they were asked."""

    picks: tuple[Pick, ...]

    @property
    def first(self) -> Pick:
        return self.picks[0]

    @property
    def count(self) -> int:
        return len(self.picks)


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one of them; `problem` is empty where the answer was taken."""

    question: Interrupt
    problem: str = ""


def read(texts: Sequence[str]) -> list[Pick]:
    """What was selected (`id:version`, at most `MOST`); what is none of it, or gone, is left out."""
    wanted: dict[str, int] = {}
    for text in texts:
        question_id, _, version = text.partition(":")
        if version.isdecimal() and len(version) < 9 and question_id.isalnum() and len(wanted) < MOST:
            wanted[question_id] = int(version)
    found = {question.id: question for question in Interrupt.objects.with_people().among(wanted)}
    return [Pick(found[key], version) for key, version in wanted.items() if key in found]


def members(texts: Sequence[str], waiting: InterruptQuerySet, *, room: int) -> tuple[list[Pick], int]:
    """Of the groups that were selected (by their likeness), the questions that wait now, those asked first before
    others, and how many there was no room for."""
    likenesses = [text for text in texts if ":" not in text and text.isalnum()][:MOST_GROUPS]
    if not likenesses:
        return [], 0
    alike = waiting.alike(likenesses)
    found = list(alike.with_people().page(after=None, order="oldest")[: max(0, room)])
    count = sum(alike.counted_alike(likenesses).values())
    return [Pick(question, question.version) for question in found], count - len(found)


def with_drafts(picks: Sequence[Pick], person: User) -> list[Pick]:
    """Each with what this person has typed there and not sent."""
    there = {one.question_id: one for one in Draft.objects.among([pick.question.id for pick in picks], person)}
    return [dataclasses.replace(pick, draft=there.get(pick.question.id)) for pick in picks]


def sets(picks: Sequence[Pick]) -> list[Set]:
    """What is alike, together; in the order in which the first of each was selected."""
    found: dict[str, list[Pick]] = {}
    for pick in picks:
        key = "" if pick.has_changed else pick.question.likeness
        found.setdefault(key or pick.question.id, []).append(pick)
    return [Set(tuple(some)) for some in found.values()]


def choices(picks: Sequence[Pick]) -> list[str]:
    """The labels of the buttons that every one of these forms has, in the order of the first."""
    labels = [[label for _, label, _ in form_for(one.first.question).shared_buttons] for one in sets(picks)]
    if not labels:
        return []
    return [label for label in labels[0] if all(label in others for others in labels[1:])]


def shared_form(picks: Sequence[Pick], *, typed: QueryDict | None = None) -> Answer | None:
    """The form for all of them, where they do not differ in anything that is asked or proposed; filled in with
    what stands there (`typed`), or the latest draft that there is for any of them."""
    found = [form_for(one.first.question) for one in sets(picks)]
    if not found or not found[0].is_shared or len({_signature(form) for form in found}) > 1:
        return None
    if typed is None and (there := [pick.draft for pick in picks if pick.draft]):
        typed = drafts.typed(max(there, key=lambda draft: draft.updated_at))
    return form_for(picks[0].question, typed=typed)


def decide(request: HttpRequest, picks: Sequence[Pick], *, choice: str, by: User) -> list[Outcome]:
    """Press the button of this label on each of them, everything else as proposed or typed there."""
    return [_answer(request, pick, _pressed(pick, choice), by=by) for pick in picks]


def send(request: HttpRequest, picks: Sequence[Pick], *, by: User) -> list[Outcome]:
    """Send the filled-in form for each of them; only where `shared_form` says that one will do.

    It is kept as the draft of each, unless something else was typed there.
    """
    outcomes = [_answer(request, pick, request.POST, by=by) for pick in picks]
    for pick, outcome in zip(picks, outcomes, strict=True):
        if pick.draft is None and not outcome.problem:
            form = form_for(pick.question)
            drafts.save(form, question=pick.question, person=by, data=request.POST, version=pick.version + 1)
    return outcomes


def _answer(request: HttpRequest, pick: Pick, data: QueryDict | None, *, by: User) -> Outcome:
    question = pick.question
    if pick.has_changed:
        return Outcome(question, _standing(question))
    if data is None:
        return Outcome(question, gettext("It does not have this choice."))
    mine = data.copy()
    token = f"{request.POST.get('token', '')[:24]}-{question.id}"
    mine["version"], mine["token"] = str(pick.version), token
    form = form_for(question, mine)
    if not form.is_valid():
        return Outcome(question, _told(form))
    seconds = undoing.seconds(request, question.workflow)
    try:
        verbs.answer(
            question.id,
            form.value(),
            version=pick.version,
            token=token,
            by=by,
            channel="web",
            hold_seconds=seconds,
        )
    except AnswerConflict:
        question.refresh_from_db()
        return Outcome(question, _standing(question))
    except HitlError as error:
        return Outcome(question, told(error))
    if seconds:
        Desk(request).hold(seconds)
    return Outcome(question)


def _standing(question: Interrupt) -> str:
    if question.status == Interrupt.Status.PENDING:
        return gettext("It has changed since you selected it.")
    if question.answered_by_name:
        return gettext("{name} answered first.").format(name=question.answered_by_name)
    return gettext("It is no longer open.")


def _told(form: Answer) -> str:
    """The form's errors in a line: what it needs that nobody has given."""
    said = []
    for name, messages in form.errors.items():
        label = form[name].label if name in form.fields and not form[name].is_hidden else ""
        said += [f"{label}: {message}" if label else str(message) for message in messages]
    return " ".join(said)


def _pressed(pick: Pick, choice: str) -> QueryDict | None:
    """What the form would send if this button were pressed at once, on a page that shows the draft."""
    form = form_for(pick.question, typed=drafts.typed(pick.draft) if pick.draft else None)
    values = [value for value, label, _ in form.shared_buttons if label == choice]
    if not values:
        return None
    data = _as_proposed(form)
    data[form.shared_name] = values[0]
    return data


def _as_proposed(form: Answer) -> QueryDict:
    """What a browser would send of a form that nobody has touched since it was shown."""
    data = QueryDict(mutable=True)
    for name, field in form.fields.items():
        bound = form[name]
        shown: Any = field.widget.format_value(bound.value())
        if isinstance(field, forms.BooleanField):
            shown = "on" if bound.value() else None
        if isinstance(shown, list | tuple):
            data.setlist(bound.html_name, list(shown))
        elif shown is not None:
            data[bound.html_name] = str(shown)
    return data


def _signature(form: Answer) -> str:
    """All that a person could see of the form; two forms with the same one ask and propose the same."""
    fields: list[Any] = [
        (name, type(field).__name__, str(field.label), form[name].value(), list(getattr(field, "choices", ())))
        for name, field in form.fields.items()
        if not form[name].is_hidden
    ]
    return repr([type(form).__name__, form.question.workflow, form.question.task, fields, form.buttons])
