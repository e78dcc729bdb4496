"""The journal and its projections.

`Checkpoint` is the journal: append-only, numbered per thread without gaps, in commit order. `Thread`,
`Run` and `Interrupt` are projections of it, written in the same transaction as the fact that changes
them (`hitl.projection`); `manage.py hitl doctor --rebuild` computes them again and compares. Nothing but
the verbs (`hitl.verbs`) and the executor's journal writes to any of these tables.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import pgettext_lazy

from hitl import querysets

PENDING = models.Q(status="pending")


class Thread(models.Model):
    """One conversation with a workflow, in turns."""

    class Status(models.TextChoices):
        IDLE = "idle", pgettext_lazy("a thread", "Idle")
        BUSY = "busy", pgettext_lazy("a thread", "Busy")
        INTERRUPTED = "interrupted", pgettext_lazy("a thread", "Interrupted")
        ERROR = "error", pgettext_lazy("a thread", "Error")

    id = models.CharField(primary_key=True, max_length=200)
    workflow = models.CharField(max_length=200)
    # Which version of the workflow the open (or last) turn runs; "" for code that declares none (rule 14).
    workflow_version = models.CharField(max_length=40, blank=True)
    status = models.CharField(max_length=12, choices=Status, default=Status.IDLE)
    seq = models.BigIntegerField(default=0)
    turn = models.PositiveIntegerField(default=0)
    # The seq of the open (or last) turn's input: replay reads the journal from here.
    turn_seq = models.BigIntegerField(default=0)
    output_seq = models.BigIntegerField(null=True)
    previous_seq = models.BigIntegerField(null=True)
    metadata = models.JSONField(default=dict, blank=True)
    warning = models.TextField(blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    # Not projections: who runs the thread now, and when to look at it again. Epochs begin at `lease.first_epoch()`.
    lease_epoch = models.BigIntegerField(default=0)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_expires_at = models.DateTimeField(null=True)
    claims = models.PositiveIntegerField(default=0)
    nudges = models.PositiveIntegerField(default=0)
    nudge_at = models.DateTimeField(null=True)
    # When a timer of the waiting turn is due (rule 25).
    wake_at = models.DateTimeField(null=True)

    objects = querysets.ThreadQuerySet.as_manager()

    class Meta:
        permissions = [
            ("start_thread", "Can start workflows"),
            ("administer_thread", "Can cancel and retry runs and assign questions"),
        ]
        indexes = [
            # sweep(): busy threads that nobody has picked up, or whose lease ran out.
            models.Index(fields=["nudge_at"], name="hitl_thread_due", condition=models.Q(status="busy")),
            # The list of runs, newest first, by keyset; those of a workflow; those that failed, which are few.
            models.Index(fields=["created_at", "id"], name="hitl_thread_newest"),
            models.Index(fields=["workflow", "created_at", "id"], name="hitl_thread_workflow"),
            models.Index(fields=["created_at", "id"], name="hitl_thread_failed", condition=models.Q(status="error")),
        ]

    def __str__(self) -> str:
        return f"{self.workflow} {self.id}"


# Foreign keys to the thread have no index of their own: one that begins with it is there for the order.


class Run(models.Model):
    """One leg of a thread: start, resume, retry or fork."""

    class Status(models.TextChoices):
        # A start in line, for the open turn to end or for its time (hitl.line); and one that was taken out of it.
        WAITING = "waiting", pgettext_lazy("a run", "Waiting")
        WITHDRAWN = "withdrawn", pgettext_lazy("a run", "Withdrawn")
        QUEUED = "queued", pgettext_lazy("a run", "Queued")
        RUNNING = "running", pgettext_lazy("a run", "Running")
        INTERRUPTED = "interrupted", pgettext_lazy("a run", "Interrupted")
        SUCCEEDED = "succeeded", pgettext_lazy("a run", "Succeeded")
        FAILED = "failed", pgettext_lazy("a run", "Failed")
        CANCELLED = "cancelled", pgettext_lazy("a run", "Cancelled")

    class Kind(models.TextChoices):
        START = "start", pgettext_lazy("a run", "Start")
        RESUME = "resume", pgettext_lazy("a run", "Resume")
        RETRY = "retry", pgettext_lazy("a run", "Retry")
        FORK = "fork", pgettext_lazy("a run", "Fork")

    id = models.CharField(primary_key=True, max_length=36)
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="runs", db_index=False)
    workflow = models.CharField(max_length=200)
    kind = models.CharField(max_length=8, choices=Kind)
    status = models.CharField(max_length=12, choices=Status, default=Status.QUEUED)
    turn = models.PositiveIntegerField()
    # Where the fact that asked for this run stands in the journal; a start's value there is its input.
    seq = models.BigIntegerField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_by_name = models.CharField(max_length=200, blank=True)
    channel = models.CharField(max_length=20, blank=True)
    # Null where none was given, so that only given keys have to be unique.
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)
    code_version = models.CharField(max_length=64, blank=True)
    error_type = models.CharField(max_length=200, blank=True)
    error = models.TextField(blank=True)
    traceback = models.TextField(blank=True)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    # Of a start that waited: not before this time, and what it does to a turn that is open then.
    run_at = models.DateTimeField(null=True)
    strategy = models.CharField(max_length=9, blank=True)

    objects = querysets.RunQuerySet.as_manager()

    class Meta:
        constraints = [
            # start(): the same key finds the first run, also when two starts race.
            models.UniqueConstraint(fields=["workflow", "idempotency_key"], name="hitl_run_idempotency"),
        ]
        indexes = [
            # The runs of a thread in order; the queued ones at the end of a leg.
            models.Index(fields=["thread", "seq"], name="hitl_run_thread"),
            # sweep(): starts whose time has come.
            models.Index(fields=["run_at"], name="hitl_run_due", condition=models.Q(status="waiting")),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.thread_id}"


class Checkpoint(models.Model):
    """One durable fact. The kinds are told in `hitl.facts`."""

    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="checkpoints", db_index=False)
    seq = models.BigIntegerField()
    kind = models.CharField(max_length=12)
    turn = models.PositiveIntegerField()
    # The call this fact is about: segments of 16 hex digits from the body ("") downwards, joined by "/".
    path = models.CharField(max_length=2000, blank=True)
    attempt = models.PositiveIntegerField(default=1)
    name = models.CharField(max_length=200, blank=True)
    digest = models.CharField(max_length=32, blank=True)
    # The n-th call under its parent, and whether no other call of that parent was outstanding then.
    position = models.IntegerField(default=0)
    alone = models.BooleanField(default=False)
    # JSON text (see hitl.codec), not jsonb: what comes back must equal what went in.
    value = models.TextField(null=True)
    detail = models.TextField(blank=True)
    epoch = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    objects = querysets.CheckpointQuerySet.as_manager()

    class Meta:
        verbose_name = "fact"
        constraints = [
            # The journal's order; a page reads "seq > last seen", replay "seq >= the turn's input".
            models.UniqueConstraint(fields=["thread", "seq"], name="hitl_checkpoint_seq"),
            # One fact of a kind per call and attempt: the net under the fence.
            models.UniqueConstraint(fields=["thread", "turn", "path", "kind", "attempt"], name="hitl_checkpoint_once"),
        ]

    def __str__(self) -> str:
        return f"{self.thread_id}#{self.seq} {self.kind}"


class Interrupt(models.Model):
    """One question to a person."""

    class Status(models.TextChoices):
        PENDING = "pending", pgettext_lazy("a question", "Pending")
        HELD = "held", pgettext_lazy("a question", "Held")
        ANSWERED = "answered", pgettext_lazy("a question", "Answered")
        EXPIRED = "expired", pgettext_lazy("a question", "Expired")
        CANCELLED = "cancelled", pgettext_lazy("a question", "Cancelled")

    id = models.CharField(primary_key=True, max_length=32)
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="interrupts", db_index=False)
    workflow = models.CharField(max_length=200)
    turn = models.PositiveIntegerField()
    # Where it was asked: the call's path and the n-th question in that call, or the author's own key.
    path = models.CharField(max_length=2000, blank=True)
    position = models.IntegerField(default=0)
    key = models.CharField(max_length=200, blank=True)
    task = models.CharField(max_length=200, blank=True)
    value = models.TextField()
    digest = models.CharField(max_length=32)
    schema = models.TextField(blank=True)
    # The names of what else checks an answer (hitl.responses), as JSON; empty where there is nothing, or it has none.
    checks = models.TextField(blank=True, default="")
    # The kind of question (hitl.questions), chosen when it was asked and kept.
    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    search = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    version = models.PositiveIntegerField(default=1)
    answer = models.TextField(null=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    answered_by_name = models.CharField(max_length=200, blank=True)
    answered_at = models.DateTimeField(null=True)
    channel = models.CharField(max_length=20, blank=True)
    token = models.CharField(max_length=64, blank=True)
    release_at = models.DateTimeField(null=True)
    # Why the workflow gave the last answer back; empty unless it did.
    problem = models.TextField(blank=True)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    priority = models.SmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    # Both as one moment, which the queue can be ordered by (hitl.urgency).
    urgent_at = models.DateTimeField()
    # The same for questions that are alike to the letter; empty where there can be none (hitl.likeness). The database
    # has the default, too, for processes whose code does not know the column yet.
    likeness = models.CharField(max_length=32, blank=True, default="", db_default="")
    asked_seq = models.BigIntegerField()
    asked_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = querysets.InterruptQuerySet.as_manager()

    class Meta:
        verbose_name = "question"
        permissions = [("answer_interrupt", "Can answer questions")]
        indexes = [
            # The queue, newest or oldest first, by keyset: of a workflow, of a person. Only of what is pending, so
            # that neither finding it nor settling it costs more for all that is answered.
            *(
                models.Index(fields=[*fields, "asked_at", "id"], name=f"hitl_interrupt_{name}", condition=PENDING)
                for name, fields in (("queue", []), ("workflow", ["workflow"]), ("assignee", ["assignee"]))
            ),
            # The latest answers of a workflow, beside a question of it.
            models.Index(
                fields=["workflow", "-answered_at"],
                name="hitl_interrupt_precedents",
                condition=models.Q(status="answered"),
            ),
            # The Admin's list, settled ones too, newest first.
            models.Index(fields=["asked_at", "id"], name="hitl_interrupt_newest"),
            # The queue, the most urgent first.
            models.Index(fields=["urgent_at", "id"], name="hitl_interrupt_urgent", condition=PENDING),
            # A group of the queue: which of it comes first in each order, and how many there are.
            models.Index(fields=["likeness", "asked_at", "id"], name="hitl_interrupt_alike", condition=PENDING),
            models.Index(fields=["likeness", "urgent_at", "id"], name="hitl_interrupt_alike_urgent", condition=PENDING),
            # Search in the queue has an index of its own (hitl.search).
            # The questions of a thread, in order.
            models.Index(fields=["thread", "asked_seq"], name="hitl_interrupt_thread"),
            # sweep(): answers whose undo window is over.
            models.Index(fields=["release_at"], name="hitl_interrupt_held", condition=models.Q(status="held")),
        ]

    def __str__(self) -> str:
        return self.title


class Process(models.Model):
    """A process that executes runs, as it says of itself every few seconds (`hitl.presence`)."""

    # As it signs its leases.
    id = models.CharField(primary_key=True, max_length=100)
    executor = models.CharField(max_length=200)
    host = models.CharField(max_length=100)
    pid = models.PositiveIntegerField()
    # The workflows it runs, each with the version of the code it has.
    workflows = models.JSONField(default=dict)
    concurrency = models.PositiveIntegerField()
    # By the database's clock, as leases go; the offset is what this process's own clock is ahead of it.
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField()
    swept_at = models.DateTimeField(null=True)
    clock_offset_seconds = models.FloatField(default=0)

    objects = querysets.ProcessQuerySet.as_manager()

    class Meta:
        verbose_name = "process"
        verbose_name_plural = "processes"

    def __str__(self) -> str:
        return f"{self.pid} on {self.host}"


class Schedule(models.Model):
    """A workflow that is started again and again (hitl.schedules)."""

    name = models.CharField(max_length=100)
    workflow = models.CharField(max_length=200)
    # The input, as plain JSON.
    value = models.TextField("input", default="null")
    cron = models.CharField("cron expression", max_length=100)
    time_zone = models.CharField(max_length=60, default="UTC")
    thread_id = models.CharField("thread", max_length=200, blank=True)
    multitask_strategy = models.CharField("if a turn is open", max_length=9, default="enqueue")
    enabled = models.BooleanField(default=True)
    # In whose name the runs are asked for: who saved it last.
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    requested_by_name = models.CharField(max_length=200, blank=True)
    next_run_at = models.DateTimeField(null=True, blank=True)
    last_due_at = models.DateTimeField(null=True, blank=True)
    last_run_id = models.CharField(max_length=36, blank=True)
    # Why the last due time started nothing.
    last_problem = models.TextField(blank=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = querysets.ScheduleQuerySet.as_manager()

    class Meta:
        indexes = [
            # sweep(): schedules that are due.
            models.Index(fields=["next_run_at"], name="hitl_schedule_due", condition=models.Q(enabled=True)),
        ]

    def __str__(self) -> str:
        return self.name


class ScheduleChange(models.Model):
    """Who made, changed or deleted a schedule, and what it said before and after (JSON; "" for nothing)."""

    # No foreign key: the record outlives the schedule.
    schedule_key = models.BigIntegerField()
    name = models.CharField(max_length=100)
    before = models.TextField(blank=True)
    after = models.TextField(blank=True)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    changed_by_name = models.CharField(max_length=200, blank=True)
    channel = models.CharField(max_length=20, blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name = "change of a schedule"
        verbose_name_plural = "changes of schedules"
        indexes = [
            # The changes of one schedule, in the Admin.
            models.Index(fields=["schedule_key", "id"], name="hitl_schedule_changes"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.changed_at:%Y-%m-%d %H:%M} UTC"
