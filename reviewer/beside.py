"""Who is beside a question: who looks at it, who types an answer, who is waited for, and what was said.

Looking is known to the live layer alone (`reviewer.live.presence`); typing follows from the drafts; the rest is
comments. A row of the queue says it in a line, the question's page in full.
"""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import Any, TypeVar

from django.contrib.auth.models import User
from django.db.models import Count, Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from hitl.models import Interrupt
from hitl.querysets import InterruptQuerySet
from reviewer import leases
from reviewer.live import presence
from reviewer.models import Comment, Draft, Mention

Rows = TypeVar("Rows", bound=QuerySet[Any])


def with_company(rows: InterruptQuerySet) -> InterruptQuerySet:
    """Each question with whom it waits for, and who has it to themselves by typing."""
    fresh = leases.since(timezone.now())
    waiting = Comment.objects.waiting().filter(question=OuterRef("pk")).order_by("id")
    typing = Draft.objects.filter(question=OuterRef("pk"), leased_at__isnull=False, updated_at__gt=fresh)
    username = f"person__{User.USERNAME_FIELD}"
    return rows.annotate(
        waits_for=Subquery(waiting.values("asked_name")[:1]),
        leased_by=Subquery(typing.order_by("leased_at", "id").values(username)[:1]),
    )


def counting_asked(rows: Rows, person: Any) -> Rows:
    """Each row with `asked_of_me`: in how many questions somebody speaks to this person."""
    mine = Mention.objects.of(person).filter(question__status="pending").order_by().values("person")
    count = mine.annotate(all=Count("question", distinct=True)).values("all")
    return rows.annotate(asked_of_me=Coalesce(Subquery(count), 0))


def speaking_to(questions: InterruptQuerySet, person: Any) -> InterruptQuerySet:
    """Each question with whether somebody speaks to this person beside it, who has not replied (`speaks_to_me`)."""
    mine = Mention.objects.of(person).filter(question=OuterRef("pk"))
    return counting_asked(questions, person).annotate(speaks_to_me=Exists(mine))


@dataclasses.dataclass(frozen=True, slots=True)
class Beside:
    """What one person's page of a question says about the others."""

    typing: tuple[str, ...]
    looking: tuple[str, ...]
    holder: str
    held_since: datetime | None
    taken_by: str

    @property
    def mark(self) -> str:
        """Differs when it says something else."""
        return "|".join((",".join(self.typing), ",".join(self.looking), self.holder, self.taken_by))


def of(question: Interrupt, person: User, drafts: list[Draft]) -> Beside:
    """drafts: what `Draft.objects.beside` found for the question and the person."""
    now = timezone.now()
    if question.status != Interrupt.Status.PENDING:
        drafts = []
    others = [one for one in drafts if one.person_id != person.pk]
    typing = tuple(sorted(one.person.get_username() for one in others if leases.is_typing(one, now)))
    present = presence.looking(question.pk) - {person.get_username(), *typing}
    mine = next((one for one in drafts if one.person_id == person.pk), None)
    leased = [one for one in drafts if one.leased_at and one.updated_at > leases.since(now)]
    holder = leased[0] if leased and leased[0].person_id != person.pk else None
    return Beside(
        typing=typing,
        looking=tuple(sorted(present)),
        holder=holder.person.get_username() if holder else "",
        held_since=holder.leased_at if holder else None,
        taken_by=mine.taken_by_name if mine and holder else "",
    )


def drafts_of(question: Interrupt, person: User) -> list[Draft]:
    """This person's draft, and those by which others type or hold the question."""
    return list(Draft.objects.beside(question, person, since=leases.since(timezone.now())))


def mark_of(said: list[Comment]) -> str:
    """Differs when something else was said, or a question back was settled."""
    return f"{said[-1].pk if said else 0}.{len(said)}.{sum(one.settled_at is not None for one in said)}"
