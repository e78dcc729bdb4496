"""`hitl sweep`: find what was left lying, and do it.

Where a nudge from this process reaches an executor, the sweep nudges. Otherwise it runs in this process what
is due, one thread after the other, and ends; a cron job is then all the server that an engine needs. A
process that goes on is `hitl worker`.
"""

from __future__ import annotations

from typing import Any

from hitl import executors
from hitl import sweep as sweeps
from hitl.commands import arguments
from hitl.commands.console import Console
from hitl.models import Thread
from hitl.run import run_thread


def add_to(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("sweep", help="find work that was left lying, and do it")
    parser.set_defaults(function=sweep)


def sweep(console: Console, options: dict[str, Any]) -> int:
    if executors.current().nudges_here():
        console.line(f"{sweeps.sweep()} found and nudged.")
        return 0
    tidied = sweeps.tidy()
    console.line(f"{tidied} released or freed, {run_due()} run.")
    return 0


def run_due() -> int:
    """Run every thread that is due, and what becomes due meanwhile. Returns how many runs there were."""
    count = 0
    while ran := [key for key in list(Thread.objects.due().values_list("pk", flat=True)) if run_thread(key)]:
        count += len(ran)
    return count
