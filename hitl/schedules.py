"""Schedules: a workflow started again and again, at the times of a cron expression.

The sweep of any process fires what is due. It locks the schedule's row, starts the workflow and sets the next time in
one transaction, and the start carries an idempotency key of the schedule and the time: however many processes sweep,
and wherever one of them dies, a due time starts one run. Times that nobody was there to see are made up for by one
run, at the first of them; the next is the first time to come.

`save` and `delete` are the only writers, and each leaves a `ScheduleChange` that says who, when, and what stood before.
"""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError
from django.db import transaction

from hitl import codec, conf, registry, verbs
from hitl.checkpoint.database import saver
from hitl.errors import HitlError, Invalid, InvalidInput, JournalUnreachable, UnknownSchedule, UnknownWorkflow
from hitl.facts import Author
from hitl.models import Run, Schedule, ScheduleChange
from hitl.opening import STRATEGIES
from hitl.store import check_thread_id

BATCH = 100
CHANNEL = "schedule"
MAX_NAME = 100
# Minute, hour, day of the month, month, day of the week: the sixth that cronsim knows is seconds.
FIELDS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """What is to be started when.

    value: the input, as plain JSON. cron: five fields. thread_id: "" for a new thread each time; in a thread of its
    own, multitask_strategy says what to do with a turn that is still open.
    """

    name: str
    workflow: str
    value: Any
    cron: str
    time_zone: str = "UTC"
    thread_id: str = ""
    multitask_strategy: str = "enqueue"
    enabled: bool = True


def save(plan: Plan, *, schedule_id: int | None = None, by: verbs.By = None, channel: str = "code") -> Schedule:
    """Make a schedule, or change one. Its runs are asked for in the name of who saved it last.

    Raises UnknownSchedule; InvalidInput, whose errors are named by the plan's fields.
    """
    fields = checked(plan)
    author = Author.of(by, channel)
    now = saver().now()
    with transaction.atomic(using=_alias()):
        schedule = _locked(schedule_id) if schedule_id is not None else Schedule(created_at=now)
        before = None if schedule.pk is None else _shown(schedule)
        for name, value in fields.items():
            setattr(schedule, name, value)
        schedule.requested_by_id, schedule.requested_by_name = author.by, author.name
        schedule.next_run_at = next_time(plan.cron, plan.time_zone, after=now) if plan.enabled else None
        schedule.updated_at = now
        schedule.save(using=_alias())
        _note(schedule, author, before=before, after=_shown(schedule))
    return schedule


def delete(schedule_id: int, *, by: verbs.By = None, channel: str = "code") -> None:
    """Forget a schedule; the runs that it started stay. Raises UnknownSchedule."""
    with transaction.atomic(using=_alias()):
        schedule = _locked(schedule_id)
        _note(schedule, Author.of(by, channel), before=_shown(schedule), after=None)
        schedule.delete(using=_alias())


def checked(plan: Plan) -> dict[str, Any]:
    """The plan as a row's columns. Raises InvalidInput with what is wrong in each field."""
    faults: list[tuple[str, str]] = []
    fields = {
        field: _tried(field, partial(check, plan), faults)
        for field, check in (
            ("name", _name),
            ("workflow", lambda plan: registry.get(plan.workflow).name),
            ("cron", _cron),
            ("time_zone", _time_zone),
            ("thread_id", lambda plan: plan.thread_id and check_thread_id(plan.thread_id)),
            ("multitask_strategy", _strategy),
        )
    }
    if "workflow" not in dict(faults):
        fields["value"] = _tried("value", partial(_value, plan), faults)
    if faults:
        told = "; ".join(f"{field}: {problem}" for field, problem in faults)
        raise InvalidInput(f"The schedule was not saved. {told}", errors=faults)
    return fields | {"enabled": plan.enabled}


def next_time(cron: str, time_zone: str, *, after: datetime) -> datetime | None:
    """The first time after that, in UTC; None where there is none in the next fifty years."""
    local = after.astimezone(ZoneInfo(time_zone))
    found = next(CronSim(cron, local), None)
    return None if found is None else found.astimezone(UTC)


def last_run(schedule: Schedule) -> Run | None:
    """The run that the last due time started, if it did and the run is still there."""
    return Run.objects.using(_alias()).filter(pk=schedule.last_run_id).first() if schedule.last_run_id else None


def fire_due() -> int:
    """Start what is due and known here (rule 38). Returns how many times came."""
    known = [workflow.name for workflow in registry.all()]
    due = Schedule.objects.using(_alias()).due().of_any(known).values_list("pk", flat=True)[:BATCH]
    return sum(fire(schedule_id) for schedule_id in list(due))


def fire(schedule_id: int) -> bool:
    """Start the run of a schedule's due time, if no other process does; whether one was due here."""
    with transaction.atomic(using=_alias()):
        due = Schedule.objects.using(_alias()).due().filter(pk=schedule_id)
        schedule = due.select_for_update(skip_locked=True).first()
        if schedule is None or schedule.next_run_at is None:
            return False
        due_at = schedule.next_run_at
        run, schedule.last_problem = _start(schedule, due_at)
        schedule.last_run_id = run.pk if run else ""
        schedule.last_due_at = due_at
        after = max(due_at, saver().now())
        schedule.next_run_at = next_time(schedule.cron, schedule.time_zone, after=after)
        schedule.save(using=_alias())
    return True


def _start(schedule: Schedule, due_at: datetime) -> tuple[Run | None, str]:
    """The run; or why there is none, which the schedule tells, and the next time is tried all the same."""
    try:
        with transaction.atomic(using=_alias()):
            run = verbs.start(
                schedule.workflow,
                json.loads(schedule.value),
                by=Author(schedule.requested_by_id, schedule.requested_by_name, CHANNEL),
                channel=CHANNEL,
                idempotency_key=f"schedule {schedule.pk} {due_at.isoformat()}",
                metadata={"schedule": schedule.name, "due_at": due_at.isoformat()},
                thread_id=schedule.thread_id or None,
                multitask_strategy=schedule.multitask_strategy if schedule.thread_id else None,
            )
    except JournalUnreachable:
        raise
    except HitlError as problem:
        return None, f"{type(problem).__name__}: {problem}"
    return run, ""


def _alias() -> str:
    return conf.settings().database


def _locked(schedule_id: int) -> Schedule:
    found = Schedule.objects.using(_alias()).select_for_update().filter(pk=schedule_id).first()
    if found is None:
        raise UnknownSchedule(f"There is no schedule {schedule_id}. `manage.py hitl schedules` lists those there are.")
    return found


def _shown(schedule: Schedule) -> dict[str, Any]:
    """What a plan says, as the record of changes keeps it."""
    return {field.name: getattr(schedule, field.name) for field in dataclasses.fields(Plan)}


def _note(schedule: Schedule, author: Author, *, before: Any, after: Any) -> None:
    ScheduleChange.objects.using(_alias()).create(
        schedule_key=schedule.pk,
        name=schedule.name,
        before=json.dumps(before) if before is not None else "",
        after=json.dumps(after) if after is not None else "",
        changed_by_id=author.by,
        changed_by_name=author.name,
        channel=author.channel,
        changed_at=saver().now(),
    )


def _tried(field: str, check: Any, faults: list[tuple[str, str]]) -> Any:
    try:
        return check()
    except InvalidInput as problem:
        told = [message if path in ("", field) else f"{path}: {message}" for path, message in problem.errors]
        faults += [(field, one) for one in told or [str(problem)]]
    except (Invalid, UnknownWorkflow) as problem:
        faults.append((field, str(problem)))
    return None


def _name(plan: Plan) -> str:
    name = plan.name.strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise Invalid(f"Give it a name of 1 to {MAX_NAME} printable characters.")
    return name


def _value(plan: Plan) -> str:
    codec.encode(registry.get(plan.workflow).check_input(plan.value), where="input")
    return json.dumps(plan.value)


def _cron(plan: Plan) -> str:
    text = " ".join(plan.cron.split())
    try:
        if len(text.split()) != FIELDS:
            raise CronSimError("it has not five fields")
        found = next(CronSim(text, datetime(2024, 1, 1, tzinfo=UTC)), None)
    except CronSimError as problem:
        raise Invalid(
            f"“{text[:100]}” is no cron expression ({problem}). Use minute, hour, day of the month, month and day "
            "of the week, as in “30 9 * * MON-FRI”."
        ) from problem
    if found is None:
        raise Invalid(f"“{text}” never comes: there is no such day.")
    return text


def _time_zone(plan: Plan) -> str:
    try:
        return ZoneInfo(plan.time_zone).key
    except (KeyError, ValueError, OSError):
        raise Invalid(
            f"There is no time zone “{plan.time_zone[:50]}”. Use a name such as Europe/Berlin or UTC."
        ) from None


def _strategy(plan: Plan) -> str:
    if plan.multitask_strategy not in STRATEGIES:
        raise Invalid(f"“{plan.multitask_strategy[:50]}” is none; use one of {', '.join(STRATEGIES)}.")
    return plan.multitask_strategy
