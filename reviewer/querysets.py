"""The named queries of the desk's own records."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models.functions import Now

if TYPE_CHECKING:
    from reviewer.models import Draft  # noqa: F401 - named in base classes


class DraftQuerySet(models.QuerySet["Draft"]):
    def of(self, question: Any, person: Any) -> DraftQuerySet:
        """This person's draft of an answer to this question."""
        return self.filter(question=question, person=person)

    def forgotten(self, person: Any, *, days: int) -> DraftQuerySet:
        """This person's drafts that nobody has touched for so long."""
        return self.filter(person=person, updated_at__lt=Now() - timedelta(days=days))
