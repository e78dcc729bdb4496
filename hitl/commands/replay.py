"""`hitl replay --check`: would every open turn replay with the code that is here?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import CommandError

from hitl.checkpoint.database import saver
from hitl.commands import arguments
from hitl.commands.console import Console
from hitl.models import Thread
from hitl.rehearsal import Rehearsal, rehearse

ALL_REPLAY, SOME_DO_NOT = 0, 1


def add_to(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("replay", help="say which open turns the code that is here cannot replay")
    parser.add_argument("--check", action="store_true", help="run no task and write nothing: so far the only way")
    parser.add_argument("threads", nargs="*", metavar="THREAD", help="only these; without any, every open turn")
    arguments.add_format(parser)
    parser.set_defaults(function=check)


def check(console: Console, options: dict[str, Any]) -> int:
    if not options["check"]:
        raise CommandError(
            "Turns are replayed by whoever runs them; here they are only checked: --check.", returncode=2
        )
    found: list[Rehearsal] = []
    for thread_id in options["threads"] or list(Thread.objects.unfinished().values_list("pk", flat=True)):
        rehearsal = rehearse(saver(), thread_id)
        if rehearsal is None:
            if options["threads"]:
                console.remark(f"Thread {thread_id!r} has no open turn.")
            continue
        found.append(rehearsal)
        if rehearsal.problem and options["format"] == "table":
            console.line(f"{rehearsal.problem}: {rehearsal.message}".replace("\n", "\n    "))
    if options["format"] == "json":
        console.json([as_json(one) for one in found], indent=2)
    else:
        sum_up(console, found)
    return SOME_DO_NOT if any(one.problem for one in found) else ALL_REPLAY


def as_json(one: Rehearsal) -> dict[str, Any]:
    return {
        "thread": one.thread_id,
        "workflow": one.workflow,
        "workflow_version": one.version,
        "status": one.status,
        "replays": not one.problem,
        "problem": one.problem,
        "message": one.message,
        "recorded": one.recorded,
        "now": one.now,
        "not_looked_into": list(one.not_looked_into),
    }


def sum_up(console: Console, found: list[Rehearsal]) -> None:
    bad = sum(1 for one in found if one.problem)
    console.line(f"{len(found)} open turns looked at; " + (f"{bad} do not replay." if bad else "all replay."))
    inside = sum(1 for one in found if one.not_looked_into)
    if inside:
        console.remark(f"{inside} of them are inside tasks, which were not run: what those ask was not compared.")
