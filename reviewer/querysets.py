"""The named queries of the desk's own records."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

if TYPE_CHECKING:
    from reviewer.models import Comment, Draft, Mention, SavedView, Snooze  # noqa: F401 - named in base classes


class DraftQuerySet(models.QuerySet["Draft"]):
    def of(self, question: Any, person: Any) -> DraftQuerySet:
        """This person's draft of an answer to this question."""
        return self.filter(question=question, person=person)

    def among(self, question_ids: Iterable[str], person: Any) -> DraftQuerySet:
        """What this person has typed for these questions, the latest last."""
        return self.filter(question__in=question_ids, person=person).exclude(fields={}).order_by("updated_at", "id")

    def forgotten(self, person: Any, *, days: int) -> DraftQuerySet:
        """This person's drafts that nobody has touched for so long."""
        return self.filter(person=person, updated_at__lt=Now() - timedelta(days=days))

    def beside(self, question: Any, person: Any, *, since: datetime) -> DraftQuerySet:
        """For the page of the question: this person's draft, what others have typed since then, and the draft of the
        last answer."""
        wanted = Q(person=person) | Q(updated_at__gt=since) | Q(person=question.answered_by_id)
        return self.filter(wanted, question=question).select_related("person").order_by("leased_at", "id")

    def leased(self, question_ids: Iterable[str], *, since: datetime) -> DraftQuerySet:
        """The drafts by which somebody has one of these questions to themselves, the first to begin first."""
        return (
            self.filter(question__in=question_ids, leased_at__isnull=False, updated_at__gt=since)
            .select_related("person")
            .defer("fields")
            .order_by("leased_at", "id")
        )


class CommentQuerySet(models.QuerySet["Comment"]):
    def of(self, question: Any) -> CommentQuerySet:
        """What was said beside a question, in order."""
        return self.filter(question=question).order_by("id")

    def of_thread(self, thread_id: str) -> CommentQuerySet:
        """What was said beside a run's questions, in order."""
        return self.filter(question__thread=thread_id).select_related("question").order_by("id")

    def waiting(self) -> CommentQuerySet:
        """Questions back that nobody has replied to."""
        return self.filter(settled_at__isnull=True).exclude(asked_name="")


class MentionQuerySet(models.QuerySet["Mention"]):
    def of(self, person: Any) -> MentionQuerySet:
        return self.filter(person=person)

    def counted(self, person: Any) -> int:
        """In how many questions that wait somebody speaks to this person, who has not replied."""
        return self.of(person).filter(question__status="pending").values("question").distinct().count()


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def seen_by(self, person: Any) -> SavedViewQuerySet:
        """This person's views and the shared ones, by name."""
        return self.filter(Q(owner=person) | Q(is_shared=True)).select_related("owner").order_by("name", "id")


class SnoozeQuerySet(models.QuerySet["Snooze"]):
    def asleep(self, person: Any) -> SnoozeQuerySet:
        """What this person does not want to see yet."""
        return self.filter(person=person, until__gt=Now())
