"""Drafts: what is typed is kept on the server, per person, until the answer stands.

So a reload, a crash or another device lose nothing. The draft of an answer that is held stays until it is released, so
that undoing it brings back what was typed; and when a colleague was faster, one's own text is still there.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.forms import Form, PasswordInput
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext

from hitl.errors import ValueTooLarge
from hitl.models import Interrupt
from reviewer import leases, times
from reviewer.live import bridge
from reviewer.models import Draft

MAX_CHARS = 1_000_000
KEPT_DAYS = 30
# What travels with every form and is none of what was typed.
NOT_TYPED = ("csrfmiddlewaretoken", "page_of", "version", "token", "pick", "choice", "rows")


class DraftTooLarge(ValueTooLarge):
    """A draft that is longer than anybody types."""


def save(form: Form, *, question: Interrupt, person: User, data: QueryDict, version: int) -> Draft:
    """Keep what was typed into the form; passwords are left out. Raises ValueTooLarge over a million characters."""
    secret = {form.add_prefix(name) for name, field in form.fields.items() if isinstance(field.widget, PasswordInput)}
    kept_texts = {name: texts for name, texts in data.lists() if name not in secret and name not in NOT_TYPED}
    if sum(len(str(text)) for texts in kept_texts.values() for text in texts) > MAX_CHARS:
        said = gettext("A draft may be {most} characters long; this one is not kept. Shorten it.")
        raise DraftTooLarge(said.format(most=times.count(MAX_CHARS)))
    now = timezone.now()
    kept = {"version": version, "fields": _storable(kept_texts), "updated_at": now}
    if question.status == question.Status.PENDING:
        kept["leased_at"] = leases.since_when(question, person, now)
    draft, _ = Draft.objects.update_or_create(question=question, person=person, defaults=kept)
    transaction.on_commit(lambda: bridge.tell("typed", question.pk, person.get_username()))
    Draft.objects.forgotten(person, days=KEPT_DAYS).delete()
    return draft


def of(question: Interrupt, person: User) -> Draft | None:
    """The person's draft for this question."""
    return Draft.objects.of(question, person).first()


def forget(question: Interrupt, person: User) -> None:
    """The answer stands, or the person does not want it any more."""
    Draft.objects.of(question, person).delete()


def as_posted(draft: Draft, *, version: int) -> QueryDict:
    """What was typed, as if it were sent for this version of the question."""
    data = typed(draft)
    data["version"], data["token"] = str(version), "draft"
    return data


def typed(draft: Draft) -> QueryDict:
    """What was typed, for a form that has not been sent."""
    data = QueryDict(mutable=True)
    for name, texts in draft.fields.items():
        data.setlist(name, texts)
    return data


def _storable(typed: dict[str, list[Any]]) -> dict[str, list[str]]:
    """PostgreSQL's JSON takes no NUL, and no half of a surrogate pair."""
    return {_clean(name): [_clean(str(text)) for text in texts] for name, texts in typed.items()}


def _clean(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()
