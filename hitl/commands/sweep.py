"""`hitl sweep`: find what was left lying, and do it.

Where a nudge from this process reaches an executor, the sweep nudges. Otherwise it runs in this process what
is due, one thread after the other, and ends; a cron job is then all the server that an engine needs. With
--forever the process executes runs as a server does, until it is told to stop.
"""

from __future__ import annotations

import signal
from threading import Event
from typing import Any

from django.db import DatabaseError, InterfaceError, connections

from hitl import conf, executors
from hitl import sweep as sweeps
from hitl.commands import arguments
from hitl.commands.console import Console
from hitl.errors import HitlError
from hitl.models import Thread
from hitl.run import run_thread

# How a shell tells that Ctrl-C ended a command.
INTERRUPTED = 130


def add_to(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("sweep", help="find work that was left lying, and do it")
    parser.add_argument("--forever", action="store_true", help="go on until stopped, executing runs as a server does")
    parser.set_defaults(function=sweep)


def sweep(console: Console, options: dict[str, Any]) -> int:
    if options["forever"]:
        return forever(console)
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


def forever(console: Console) -> int:
    """Serve until SIGTERM or Ctrl-C; runs that are under way get a second to end, the rest is left to its lease."""
    stopping, code = Event(), 0

    def stop(number: int, frame: object) -> None:
        nonlocal code
        code = INTERRUPTED if number == signal.SIGINT else 0
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    executors.serve()
    console.remark("Sweeping and executing. Ctrl-C ends it.")
    while not stopping.is_set():
        try:
            sweeps.sweep()
        except (DatabaseError, InterfaceError, HitlError) as problem:
            console.remark(f"The sweep failed and will be tried again: {problem}")
            connections.close_all()
        stopping.wait(conf.settings().sweep_seconds)
    executors.stop()
    return code
