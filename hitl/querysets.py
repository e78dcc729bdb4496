"""The named queries. A filter chain anywhere else is a query that has no name yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import Case, Count, Exists, F, Max, Min, OuterRef, Q, Subquery, When
from django.db.models.functions import Coalesce, Greatest, Now, Substr

from hitl import search

if TYPE_CHECKING:
    from hitl.lease import Lease
    from hitl.models import Checkpoint, Interrupt, Process, Run, Schedule, Thread  # noqa: F401 - named in base classes

# So many keys fit into one query on every database.
MOST_NAMED = 1000
# Facts that a later one can change the meaning of for a reader (see `openings`).
CONTINUED = ("call", "error", "attempt", "question", "answer", "hold", "undo", "release", "reopen", "assign")
# The orders of the queue: by which moment, and whether the latest comes first.
ORDERS = {"newest": ("asked_at", True), "oldest": ("asked_at", False), "urgent": ("urgent_at", False)}
# Facts after which other values stand than before.
STEPS = ("input", "task", "question", "answer", "release", "output", "update", "fork")
# Facts that say what a run did once it had its answer.
FOLLOWING = ("task", "error", "question", "output", "failed", "cancel")


class ThreadQuerySet(models.QuerySet["Thread"]):
    def unclaimed(self) -> ThreadQuerySet:
        """Busy threads whose lease nobody holds, and whose timer, if they have one, is due."""
        free = Q(lease_expires_at__isnull=True) | Q(lease_expires_at__lte=Now())
        awake = Q(wake_at__isnull=True) | Q(wake_at__lte=Now())
        return self.filter(free, awake, status="busy").order_by("nudge_at", "id")

    def due(self) -> ThreadQuerySet:
        """Those of them that were not nudged lately (rules 38 and 40)."""
        return self.unclaimed().filter(Q(nudge_at__isnull=True) | Q(nudge_at__lte=Now()))

    def leased(self) -> ThreadQuerySet:
        """Busy threads that somebody runs."""
        return self.filter(status="busy", lease_expires_at__gt=Now())

    def renew_lease(self, lease: Lease, *, lease_seconds: float) -> int:
        """Prolong a lease that stands; one that was given back stays so, though its epoch is still the thread's."""
        mine = self.filter(id=lease.thread_id, lease_epoch=lease.epoch, lease_owner=lease.owner)
        return mine.update(lease_expires_at=Now() + timedelta(seconds=lease_seconds))

    def hand_back(self, lease: Lease) -> int:
        """Leave the thread to the next sweep; nobody died, so this claim does not count (rule 27)."""
        mine = self.filter(id=lease.thread_id, lease_epoch=lease.epoch, lease_owner=lease.owner)
        return mine.update(
            lease_owner="",
            lease_expires_at=None,
            claims=Greatest(F("claims") - 1, 0),
            nudges=0,
            nudge_at=None,
        )

    def end_lease(self, thread_id: str, *, epoch: int) -> int:
        """Let the lease of this epoch run out now, unless it was given back; the fence stands until the next claim."""
        held = self.filter(id=thread_id, lease_epoch=epoch).exclude(lease_owner="")
        return held.update(lease_expires_at=Now())

    def nudged(self, thread_id: str, *, retry_seconds: float, is_first: bool = False) -> int:
        """Note that a nudge went out, and when to send the next one. is_first: those before it count no more."""
        return self.filter(id=thread_id).update(
            nudges=1 if is_first else F("nudges") + 1, nudge_at=Now() + timedelta(seconds=retry_seconds)
        )

    def of_ids(self, ids: Iterable[str]) -> ThreadQuerySet:
        return self.filter(id__in=ids)

    def forget_nudges(self) -> int:
        """Let the next sweep nudge them: whoever was nudged does not come any more."""
        return self.filter(status="busy").update(nudge_at=None)

    def after(self, thread_id: str) -> ThreadQuerySet:
        """In the order of their keys, from the next one on."""
        return self.filter(id__gt=thread_id).order_by("id")

    def forgettable(self, idle: timedelta) -> ThreadQuerySet:
        """Threads that nothing has happened in for so long, and in which nothing waits to start."""
        from hitl.models import Run

        waiting = Run.objects.filter(thread=OuterRef("pk"), status="waiting")
        return self.filter(~Exists(waiting), status="idle", updated_at__lt=Now() - idle).order_by("id")

    def with_more_than_values(self) -> ThreadQuerySet:
        """Those whose journal holds more than values and notes of pruning."""
        from hitl.models import Checkpoint

        others = Checkpoint.objects.filter(thread=OuterRef("pk")).exclude(
            kind__in=("output", "update", "save", "prune")
        )
        return self.filter(Exists(others))

    def newest(self) -> ThreadQuerySet:
        return self.order_by("-created_at", "-id")

    def of(self, workflow: str) -> ThreadQuerySet:
        return self.filter(workflow=workflow)

    def of_any(self, workflows: Iterable[str]) -> ThreadQuerySet:
        return self.filter(workflow__in=workflows)

    def unfinished(self) -> ThreadQuerySet:
        """Threads with an open turn."""
        return self.exclude(status="idle").order_by("id")

    def of_other_versions(self, known: Mapping[str, Iterable[str]]) -> ThreadQuerySet:
        """Threads of these workflows whose turn needs another version than those that each name stands for."""
        found = self.filter(workflow__in=known)
        for name, versions in known.items():
            found = found.exclude(workflow=name, workflow_version__in=list(versions))
        return found

    def waiting(self, *, most: int) -> list[tuple[str, datetime, datetime | None]]:
        """Of `most` threads that could be run: the workflow, since when, and the lease that ran out, if one did."""
        # No order: any of them will do, and a million need not be sorted.
        found = self.unclaimed().order_by()[:most]
        return list(found.values_list("workflow", "updated_at", "lease_expires_at"))

    def stranded(self, since: timedelta) -> ThreadQuerySet:
        """Threads whose lease ran out that long ago, and which nobody took over."""
        return self.filter(status="busy", lease_expires_at__lt=Now() - since).order_by("id")

    def overdue(self, since: timedelta) -> ThreadQuerySet:
        """Threads that wait for an executor that long, past the time of their last nudge or timer."""
        return self.filter(
            Q(status="busy", lease_expires_at__isnull=True, updated_at__lt=Now() - since),
            Q(nudge_at__isnull=True) | Q(nudge_at__lt=Now() - since),
            Q(wake_at__isnull=True) | Q(wake_at__lt=Now() - since),
        ).order_by("id")

    def with_journal_gaps(self) -> ThreadQuerySet:
        """Threads whose journal does not hold the facts 1 to `seq`, each once."""
        return self.annotate(
            facts=Count("checkpoints"), first=Min("checkpoints__seq"), last=Max("checkpoints__seq")
        ).exclude(Q(seq=0, facts=0) | Q(facts=F("seq"), first=1, last=F("seq")))

    def page(self, *, after: tuple[datetime, str] | None) -> ThreadQuerySet:
        """The threads that follow `after` (created_at, id), newest first."""
        if after is None:
            return self.newest()
        when, key = after
        # The first condition is where an index can begin to read; from an OR none can.
        older = Q(created_at__lt=when) | Q(created_at=when, id__lt=key)
        return self.newest().filter(older, created_at__lte=when)

    def with_latest(self, *, preview_chars: int) -> ThreadQuerySet:
        """With the start of the open or last turn's input, who started it, the status of its latest run, and
        when the next start that waits for its time begins."""
        from hitl.models import Checkpoint, Run

        runs = Run.objects.filter(thread=OuterRef("pk"))
        # Of a thread that has not begun, the first fact is the start that waits.
        inputs = Checkpoint.objects.filter(thread=OuterRef("pk"), seq=Greatest(OuterRef("turn_seq"), 1))
        opening = runs.filter(turn=OuterRef("turn")).exclude(status="withdrawn").order_by("seq")
        return self.annotate(
            preview=Subquery(inputs.values_list(Substr("value", 1, preview_chars))[:1]),
            started_by=Subquery(opening.values("requested_by_name")[:1]),
            next_start=Subquery(runs.filter(status="waiting").order_by("run_at").values("run_at")[:1]),
            latest_status=Subquery(runs.begun().order_by("-seq", "-created_at").values("status")[:1]),
        )

    def in_status(self, status: str) -> ThreadQuerySet:
        return self.filter(status=status)

    def moved(self, seqs: Mapping[str, int]) -> dict[str, int]:
        """The present seq of those threads that are not where `seqs` says."""
        found = self.filter(id__in=seqs).values_list("id", "seq")
        return {thread_id: seq for thread_id, seq in found if seq != seqs[thread_id]}


class RunQuerySet(models.QuerySet["Run"]):
    def of(self, thread_id: str) -> RunQuerySet:
        return self.filter(thread_id=thread_id).order_by("seq", "created_at")

    def waiting(self) -> RunQuerySet:
        """Starts in line, the first to begin first."""
        return self.filter(status="waiting").order_by(Coalesce("run_at", "created_at"), "seq")

    def latest_and_waiting(self, thread_id: str) -> RunQuerySet:
        """A thread's latest run that has begun, and the starts in line behind it, the first to begin first."""
        latest = self.of(thread_id).begun().order_by("-seq", "-created_at").values("pk")[:1]
        found = self.filter(Q(pk__in=Subquery(latest)) | Q(thread_id=thread_id, status="waiting"))
        behind = Case(When(status="waiting", then=1), default=0)
        return found.order_by(behind, Coalesce("run_at", "created_at"), "seq")

    def with_input(self, *, preview_chars: int) -> RunQuerySet:
        """With the beginning of the input that stands where each run was asked for."""
        from hitl.models import Checkpoint

        asked = Checkpoint.objects.filter(thread=OuterRef("thread"), seq=OuterRef("seq"))
        return self.annotate(preview=Subquery(asked.values_list(Substr("value", 1, preview_chars))[:1]))

    def begun(self) -> RunQuerySet:
        """All but the starts that wait in line and those that were taken out of it."""
        return self.exclude(status__in=["waiting", "withdrawn"])

    def startable(self) -> RunQuerySet:
        """Starts whose time has come, and which no open turn keeps waiting."""
        free = Q(thread__status="idle") | Q(strategy__in=["interrupt", "rollback"])
        return self.filter(free, status="waiting", run_at__lte=Now()).order_by("run_at", "id")

    def ended_by(self, turn: int) -> RunQuerySet:
        """Runs of this turn and those before it that are over."""
        return self.filter(turn__lte=turn).exclude(status__in=["waiting", "queued", "running"])

    def overdue_start(self, since: timedelta) -> RunQuerySet:
        """Starts that nobody began although their time came that long ago and no turn is open."""
        return self.filter(status="waiting", thread__status="idle", run_at__lt=Now() - since).order_by("id")

    def opening(self, thread_id: str, *, turn: int) -> Run | None:
        """The run that began a turn: who asked for it stands there."""
        return self.of(thread_id).begun().filter(turn=turn).first()


class CheckpointQuerySet(models.QuerySet["Checkpoint"]):
    def of(self, thread_id: str, *, after: int = 0) -> CheckpointQuerySet:
        """The journal of a thread after a seq, in order."""
        return self.filter(thread_id=thread_id, seq__gt=after).order_by("seq")

    def failures(self, thread_id: str, *, limit: int = 20) -> CheckpointQuerySet:
        """The latest facts that tell of a failure, newest first."""
        return self.filter(thread_id=thread_id, kind__in=("error", "attempt", "failed")).order_by("-seq")[:limit]

    def openings(self, thread_id: str, *, up_to: int, turn: int) -> CheckpointQuerySet:
        """The facts of a turn, and of those after it, that what comes after the seq may go on with: open calls,
        questions, their answers. Of a turn that is closed nothing goes on."""
        return self.of(thread_id).up_to(up_to).filter(kind__in=CONTINUED, turn__gte=turn)

    def following(self, question_ids: Sequence[str]) -> CheckpointQuerySet:
        """What these answered questions' turns did after their answers, question by question (`asked`), in order."""
        asked = "thread__interrupts"
        return (
            self.filter(**{f"{asked}__id__in": question_ids}, kind__in=FOLLOWING)
            .filter(seq__gt=F(f"{asked}__asked_seq"), turn=F(f"{asked}__turn"))
            .filter(created_at__gt=F(f"{asked}__answered_at"))
            .annotate(asked=F(f"{asked}__id"))
            .defer("value", "detail")
            .order_by("asked", "seq")
        )

    def steps(self, thread_id: str) -> CheckpointQuerySet:
        """The facts of a thread that change what stands there, the latest first, without their values."""
        found = self.filter(thread_id=thread_id, kind__in=STEPS).order_by("-seq")
        return found.defer("value", "detail")

    def prunings(self) -> CheckpointQuerySet:
        """What says which facts were forgotten, the last word first."""
        return self.filter(kind="prune").order_by("-seq")

    def up_to(self, seq: int) -> CheckpointQuerySet:
        return self.filter(seq__lte=seq)


class InterruptQuerySet(models.QuerySet["Interrupt"]):
    def pending(self) -> InterruptQuerySet:
        """What waits for a person (rule 23: by its own status, never the thread's)."""
        return self.filter(status="pending")

    def open(self) -> InterruptQuerySet:
        return self.filter(status__in=["pending", "held"])

    def of(self, thread_id: str) -> InterruptQuerySet:
        return self.filter(thread_id=thread_id).order_by("asked_seq", "id")

    def with_people(self) -> InterruptQuerySet:
        """With the thread and the assignee, for pages that name them."""
        return self.select_related("thread", "assignee")

    def with_opening(self) -> InterruptQuerySet:
        """With who asked for the turn that asks, and when (`opened_by`, `opened_at`; null where there is no run)."""
        from hitl.models import Run

        runs = Run.objects.begun().filter(thread=OuterRef("thread"), turn=OuterRef("turn"))
        opening = runs.order_by("seq", "created_at")
        return self.annotate(
            opened_by=Subquery(opening.values("requested_by_name")[:1]),
            opened_at=Subquery(opening.values("created_at")[:1]),
        )

    def as_rows(self) -> InterruptQuerySet:
        """With what a row of the queue shows, and without the texts that only the question's page shows."""
        return self.select_related("assignee").defer("value", "schema", "search", "answer")

    def beside_newest(self) -> InterruptQuerySet:
        """Each row with the moment and id of the newest question that waits, whatever the rows are chosen by."""
        from hitl.models import Interrupt

        newest = Interrupt.objects.pending().page(after=None)
        return self.annotate(
            newest_at=Subquery(newest.values("asked_at")[:1]), newest_id=Subquery(newest.values("id")[:1])
        )

    def given_back(self) -> InterruptQuerySet:
        """Those whose last answer the workflow did not take (rule 21)."""
        return self.exclude(problem="")

    def precedents(self, workflow: str) -> InterruptQuerySet:
        """The answered questions of a workflow, the latest first; without what was asked, which may be large."""
        return (
            self.filter(status="answered", workflow=workflow)
            .defer("value", "schema", "search")
            .order_by("-answered_at")
        )

    def still_pending(self, question_ids: Iterable[str]) -> set[str]:
        """Those of these questions that still wait, in as many queries as their number takes."""
        rest, found = iter(question_ids), set[str]()
        while some := list(islice(rest, MOST_NAMED)):
            found.update(self.pending().among(some).values_list("id", flat=True))
        return found

    def closed(self) -> InterruptQuerySet:
        """What waits for nobody any more."""
        return self.exclude(status__in=["pending", "held"])

    def releasable(self) -> InterruptQuerySet:
        """Held answers whose undo window is over (rule 22)."""
        return self.filter(status="held", release_at__lte=Now())

    def held_by(self, user: Any) -> InterruptQuerySet:
        """This person's answers that can still be undone, the latest first."""
        return self.filter(status="held", answered_by=user).order_by("-release_at", "id")

    def given_up_to(self, moment: datetime) -> InterruptQuerySet:
        """Those whose answer was given by then."""
        return self.filter(answered_at__lte=moment)

    def overdue_release(self, since: timedelta) -> InterruptQuerySet:
        """Held answers that should have been released that long ago."""
        return self.filter(status="held", release_at__lt=Now() - since).order_by("id")

    def among(self, question_ids: Iterable[str]) -> InterruptQuerySet:
        return self.filter(id__in=question_ids)

    def of_workflow(self, workflow: str) -> InterruptQuerySet:
        return self.filter(workflow=workflow)

    def workflow_names(self, *, most: int) -> list[str]:
        """The workflows that have any, by seeks in an index: no row is counted."""
        found: list[str] = []
        while len(found) < most:
            after = self.filter(workflow__gt=found[-1]) if found else self
            name = after.order_by("workflow").values_list("workflow", flat=True).first()
            if name is None:
                break
            found.append(name)
        return found

    def oldest_asked_at(self) -> datetime | None:
        """When the one that was asked first was asked."""
        return self.order_by("asked_at").values_list("asked_at", flat=True).first()

    def count_up_to(self, most: int) -> int:
        """How many there are, without counting further than `most`.

        In the queue's order, whose index holds pending questions alone: in no order, PostgreSQL would expect to meet
        them soon wherever it begins to read the table, and they lie all at its end.
        """
        return self.order_by("asked_at", "id").values("id")[:most].count()

    def assigned_to(self, user: Any) -> InterruptQuerySet:
        return self.filter(assignee=user)

    def alike(self, likenesses: Iterable[str]) -> InterruptQuerySet:
        """The questions of these groups (hitl.likeness)."""
        return self.filter(likeness__in=likenesses)

    def unlike(self, likenesses: Iterable[str]) -> InterruptQuerySet:
        """The questions of none of these groups."""
        return self.exclude(likeness__in=set(likenesses))

    def first_of_each(self, *, order: str) -> InterruptQuerySet:
        """Of the questions that are alike, the one that comes first in this order; it stands for all of them."""
        alike = self.filter(likeness=OuterRef("likeness"))
        first = Subquery(alike.page(after=None, order=order).values("id")[:1])
        # A CASE, since PostgreSQL takes an equality for rarely met, and would look at all rows before ordering them.
        is_first = Case(When(id=first, then=True), default=False, output_field=models.BooleanField())
        return self.filter(Q(likeness="") | Q(is_first))

    def beside_alike(self, questions: InterruptQuerySet) -> InterruptQuerySet:
        """Each row with how many of `questions` are alike to it (`alike_count`), itself included, and when the first
        of them is due (`alike_due`)."""
        alike = questions.filter(likeness=OuterRef("likeness")).exclude(likeness="").order_by().values("likeness")
        return self.annotate(
            alike_count=Coalesce(Subquery(alike.annotate(all=Count("pk")).values("all")), 1),
            alike_due=Subquery(alike.annotate(first=Min("due_at")).values("first")),
        )

    def counted_alike(self, likenesses: Iterable[str]) -> dict[str, int]:
        """How many there are of each of these groups; those of which there are none are left out."""
        found = self.filter(likeness__in=set(likenesses)).order_by().values_list("likeness")
        return dict(found.annotate(Count("pk")))

    def matching(self, text: str) -> InterruptQuerySet:
        """Every word of `text` somewhere in the title, the question, the workflow or the thread's id."""
        words = text.split()
        found = search.narrow(self, words)
        for word in words:
            found = found.filter(search__icontains=word)
        return found

    def page(
        self, *, after: tuple[datetime, str] | None, order: str = "newest", reverse: bool = False
    ) -> InterruptQuerySet:
        """The rows that follow `after` (the order's moment, id) in keyset order: newest, oldest or urgent first.

        With `reverse`, those that come before it, the nearest first.
        """
        moment, backwards = ORDERS[order]
        sign, op = ("-", "lt") if backwards != reverse else ("", "gt")
        rows = self.order_by(f"{sign}{moment}", f"{sign}id")
        if after is None:
            return rows
        when, key = after
        beyond = Q(**{f"{moment}__{op}": when}) | Q(**{moment: when, f"id__{op}": key})
        # The first condition is where an index can begin to read; from an OR none can.
        return rows.filter(**{f"{moment}__{op}e": when}).filter(beyond)


class ProcessQuerySet(models.QuerySet["Process"]):
    def seen(self, within: timedelta) -> ProcessQuerySet:
        """Processes that said they are there not longer ago than that, the longest running first."""
        return self.filter(seen_at__gte=Now() - within).order_by("started_at", "id")

    def forget(self, after: timedelta) -> int:
        """Forget those that have not been seen for so long."""
        return self.filter(seen_at__lt=Now() - after).delete()[0]


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    def due(self) -> ScheduleQuerySet:
        """Enabled, and the next time has come."""
        return self.filter(enabled=True, next_run_at__lte=Now()).order_by("next_run_at", "id")

    def of_any(self, workflows: Iterable[str]) -> ScheduleQuerySet:
        return self.filter(workflow__in=workflows)

    def overdue(self, since: timedelta) -> ScheduleQuerySet:
        """Due that long ago, and nobody fired them."""
        return self.filter(enabled=True, next_run_at__lt=Now() - since).order_by("id")

    def listed(self) -> ScheduleQuerySet:
        return self.order_by("name", "id")
