"""How a person arranges the queue: snoozed questions and saved views. The verbs of the desk's own records of that."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from django.contrib.auth.models import User
from django.utils import timezone
from django.utils.translation import gettext

from hitl.errors import Conflict
from hitl.models import Interrupt
from reviewer.models import SavedView, Snooze

MORNING = time(8)
MOST_VIEWS = 50


class TooManyViews(Conflict):
    """A person has as many saved views as anybody can look through."""


def times(now: datetime) -> dict[str, tuple[str, datetime]]:
    """When a snoozed question can come back, by a word for the form: what to call it, and the moment."""
    local = timezone.localtime(now)

    def morning(days: int) -> datetime:
        return timezone.make_aware(datetime.combine(local.date() + timedelta(days=days), MORNING))

    return {
        "hour": (gettext("In an hour"), now + timedelta(hours=1)),
        "later": (gettext("In four hours"), now + timedelta(hours=4)),
        "tomorrow": (gettext("Tomorrow morning"), morning(1)),
        "week": (gettext("On Monday morning"), morning(7 - local.weekday())),
    }


def snooze(question: Interrupt, person: User, *, until: datetime) -> None:
    """Leave the question out of this person's queue until then."""
    Snooze.objects.update_or_create(question=question, person=person, defaults={"until": until})


def wake(question: Interrupt, person: User) -> None:
    """Have it in this person's queue again."""
    Snooze.objects.filter(question=question, person=person).delete()


def save_view(person: User, *, name: str, query: str, is_shared: bool) -> SavedView:
    """Keep a filter under a name, in the place of what this person had under it. Raises TooManyViews beyond fifty."""
    mine = SavedView.objects.filter(owner=person)
    if not mine.filter(name=name).exists() and mine.count() >= MOST_VIEWS:
        said = gettext("You have {n} saved views. Delete one before you save another.")
        raise TooManyViews(said.format(n=MOST_VIEWS))
    view, _ = SavedView.objects.update_or_create(
        owner=person, name=name, defaults={"query": query, "is_shared": is_shared}
    )
    return view
