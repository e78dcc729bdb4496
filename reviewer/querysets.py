"""The named queries of the desk's own records."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

if TYPE_CHECKING:
    from reviewer.models import Draft, SavedView, Snooze  # noqa: F401 - named in base classes


class DraftQuerySet(models.QuerySet["Draft"]):
    def of(self, question: Any, person: Any) -> DraftQuerySet:
        """This person's draft of an answer to this question."""
        return self.filter(question=question, person=person)

    def forgotten(self, person: Any, *, days: int) -> DraftQuerySet:
        """This person's drafts that nobody has touched for so long."""
        return self.filter(person=person, updated_at__lt=Now() - timedelta(days=days))


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def seen_by(self, person: Any) -> SavedViewQuerySet:
        """This person's views and the shared ones, by name."""
        return self.filter(Q(owner=person) | Q(is_shared=True)).select_related("owner").order_by("name", "id")


class SnoozeQuerySet(models.QuerySet["Snooze"]):
    def asleep(self, person: Any) -> SnoozeQuerySet:
        """What this person does not want to see yet."""
        return self.filter(person=person, until__gt=Now())
