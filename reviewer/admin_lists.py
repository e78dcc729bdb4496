"""The Admin's lists with a million rows: what they are ordered, counted and searched by has an index.

So a search takes an id as it is written, or at most its beginning, and does not look into every column. Words are
looked for in questions that wait, by the index that the queue has (hitl.search).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, reduce
from operator import and_
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db import connections
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from hitl import questions as kinds_of_questions
from hitl import registry

MOST_COUNTED = 10_000
FACT_KINDS = (
    *("input", "leg", "call", "task", "error", "attempt", "timer", "wait", "branch", "event", "warning"),
    *("question", "pause", "output", "save", "failed", "reopen", "answer", "hold", "undo", "release"),
    *("retry", "assign", "triage", "discard", "cancel", "fork", "update", "prune"),
    *("enqueue", "withdraw", "rollback"),
)
CHANNELS = ("web", "code", "command", "admin", "schedule")
LAST_CHARACTER = "\U0010ffff"


class ByColumn(admin.SimpleListFilter):
    """By values that are known here: asking the table for its distinct ones would read all of it."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{str(self.parameter_name): self.value()}) if self.value() else queryset


class ByWorkflow(ByColumn):
    title, parameter_name = _("workflow"), "workflow"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(workflow.name, workflow.title) for workflow in registry.all()]


class ByFactKind(ByColumn):
    title, parameter_name = _("kind"), "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind, kind) for kind in FACT_KINDS]


class ByQuestionKind(ByColumn):
    title, parameter_name = _("kind"), "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(kind.name, kind.name) for kind in sorted(kinds_of_questions.kinds(), key=lambda kind: kind.name)]


class ByChannel(ByColumn):
    title, parameter_name = _("channel"), "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(channel, channel) for channel in CHANNELS]


class UpTo(Paginator):  # type: ignore[type-arg]
    """Counts no further than `MOST_COUNTED`: what lies behind is found by filters and search."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows[:MOST_COUNTED].count())


def threads(found: QuerySet[Any], words: Sequence[str]) -> QuerySet[Any]:
    """By the beginning of their id, or by a word in the name or title of their workflow."""
    return found.filter(reduce(and_, (_beginning(found.db, word) | _workflow(word) for word in words)))


def runs(found: QuerySet[Any], words: Sequence[str]) -> QuerySet[Any]:
    """By their id, their thread's, their idempotency key, or the user who asked for them."""
    names = [workflow.name for workflow in registry.all()]
    return found.filter(
        reduce(
            and_,
            (
                Q(pk=word)
                | Q(thread=word)
                | Q(workflow__in=names, idempotency_key=word)
                | Q(requested_by__in=_users(word))
                for word in words
            ),
        )
    )


def facts(found: QuerySet[Any], words: Sequence[str]) -> QuerySet[Any]:
    """By their thread's id, and within it by their name."""
    return found.filter(reduce(and_, (Q(thread=word) | Q(name=word) for word in words)), thread__in=words)


def questions(found: Any, words: Sequence[str], *, status: str) -> QuerySet[Any]:
    """By their id, their thread's, or the user who answered; else by words.

    Words are looked for in what waits; in what was settled only where that was chosen, for it has to be read through.
    """
    people = [key for word in words for key in _users(word)]
    named = found.filter(Q(pk__in=words) | Q(thread__in=words) | Q(answered_by__in=people))
    if named.exists():
        return named  # type: ignore[no-any-return]
    if status in ("", "pending"):
        return found.pending().matching(" ".join(words))  # type: ignore[no-any-return]
    return found.filter(reduce(and_, (Q(search__icontains=word) for word in words)))  # type: ignore[no-any-return]


def _beginning(alias: str, word: str) -> Q:
    if connections[alias].vendor == "sqlite":
        # Its LIKE cares for no index where upper and lower case differ.
        return Q(pk__gte=word, pk__lt=word + LAST_CHARACTER)
    return Q(pk__startswith=word)


def _workflow(word: str) -> Q:
    named = (flow.name for flow in registry.all() if word.lower() in f"{flow.name} {flow.title}".lower())
    return Q(workflow__in={word, *named})


def _users(name: str) -> list[Any]:
    users = get_user_model()
    return list(users._default_manager.filter(**{users.USERNAME_FIELD: name}).values_list("pk", flat=True))
