"""Who has a question to themselves for the moment, by typing an answer to it.

Whoever types first has it for two minutes, and for two more with every change. It keeps nobody from answering: it is
shown to the others, so that two people do not write the same, and anybody who may answer takes it over with one click,
which the one who had it is told. It lives in the drafts, since what makes it is that one was saved.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from hitl.models import Interrupt
from reviewer.live import bridge
from reviewer.models import Draft

LEASE_SECONDS = 120
TYPING_SECONDS = 10


def since(now: datetime) -> datetime:
    """A draft that was touched after this keeps its lease."""
    return now - timedelta(seconds=LEASE_SECONDS)


def is_typing(draft: Draft, now: datetime) -> bool:
    return draft.updated_at > now - timedelta(seconds=TYPING_SECONDS)


def since_when(question: Interrupt, person: User, now: datetime) -> datetime | None:
    """Since when the question is this person's, who types now; None while it is somebody else's."""
    leased = list(Draft.objects.leased([question.pk], since=since(now)))
    mine = next((one.leased_at for one in leased if one.person_id == person.pk), None)
    return mine or (None if leased else now)


def take_over(question: Interrupt, *, by: User, now: datetime | None = None) -> None:
    """Have the question to oneself, whoever had it; they are told."""
    now = now or timezone.now()
    with transaction.atomic():
        others = Draft.objects.leased([question.pk], since=since(now)).exclude(person=by)
        Draft.objects.filter(pk__in=[one.pk for one in others]).update(leased_at=None, taken_by_name=by.get_username())
        mine = {"leased_at": now, "updated_at": now, "taken_by_name": ""}
        Draft.objects.update_or_create(
            question=question, person=by, defaults=mine, create_defaults={**mine, "version": question.version}
        )
        transaction.on_commit(lambda: bridge.tell("beside", question.pk))
