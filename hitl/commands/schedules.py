"""`hitl schedules`: what starts by itself, and when."""

from __future__ import annotations

from typing import Any

from hitl.commands import arguments
from hitl.commands.console import Console, plain, stamp
from hitl.models import Schedule


def add_to(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("schedules", help="list what starts by itself, and when")
    arguments.add_format(parser)
    parser.set_defaults(function=schedules)


def schedules(console: Console, options: dict[str, Any]) -> int:
    found = list(Schedule.objects.listed())
    if options["format"] == "json":
        console.json([as_json(schedule) for schedule in found], indent=2)
    elif found:
        console.table(
            ["id", "name", "workflow", "cron", "time zone", "next", "last", "problem"],
            [
                (one.pk, one.name, one.workflow, one.cron, one.time_zone, when(one), one.last_due_at, one.last_problem)
                for one in found
            ],
        )
    else:
        console.remark("There is no schedule. Make one in the Admin, or with hitl.schedules.save().")
    return 0


def when(schedule: Schedule) -> Any:
    return schedule.next_run_at or ("never" if schedule.enabled else "disabled")


def as_json(schedule: Schedule) -> dict[str, Any]:
    return {
        "id": schedule.pk,
        "name": schedule.name,
        "workflow": schedule.workflow,
        "input": plain(schedule.value),
        "cron": schedule.cron,
        "time_zone": schedule.time_zone,
        "thread": schedule.thread_id,
        "multitask_strategy": schedule.multitask_strategy,
        "enabled": schedule.enabled,
        "requested_by": schedule.requested_by_name,
        "next_run_at": stamp(schedule.next_run_at),
        "last_due_at": stamp(schedule.last_due_at),
        "last_run": schedule.last_run_id,
        "last_problem": schedule.last_problem,
    }
