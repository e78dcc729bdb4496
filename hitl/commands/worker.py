"""`hitl worker`: a process that executes runs and serves no pages, on whichever executor HITL_EXECUTOR names."""

from __future__ import annotations

import logging
import os
import signal
from threading import Thread
from typing import Any

from django.core.checks import ERROR
from django.core.management.base import CommandError

from hitl import conf, deployment, executors, registry
from hitl.commands import arguments
from hitl.commands.console import Console
from hitl.worker import Worker

# How a shell tells that Ctrl-C ended a command.
INTERRUPTED = 130


def add_to(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("worker", help="execute runs until stopped")
    parser.add_argument(
        "--concurrency", type=int, metavar="N", help="runs at the same time (default: HITL_CONCURRENCY)"
    )
    parser.add_argument(
        "--workflows", metavar="A,B", default="", help="serve these workflows alone (default: all that are registered)"
    )
    parser.set_defaults(function=work)


def work(console: Console, options: dict[str, Any]) -> int:
    worker = Worker(workflows=chosen(options["workflows"]), concurrency=at_once(options["concurrency"]))
    if errors := [problem for problem in executors.current().check() if problem.level >= ERROR]:
        raise CommandError(f"{errors[0].msg}. {errors[0].hint}")
    for message in deployment.migrations():
        console.remark(f"{message.msg}. {message.hint}")
    code = 0

    def stop(number: int, frame: object) -> None:
        nonlocal code
        code = INTERRUPTED if number == signal.SIGINT else 0
        # Of its own thread: this one may be inside the very lock that is needed.
        Thread(target=stop_and_say, args=(worker, console)).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    names = ", ".join(worker.workflows)
    console.remark(f"Executing {names}; {worker.concurrency} at a time. Ctrl-C ends it.")
    if not worker.work():
        # Code that does not come back would keep the interpreter from ending; its run is handed back.
        logging.shutdown()
        os._exit(code)
    return 1 if worker.failed else code


def stop_and_say(worker: Worker, console: Console) -> None:
    worker.stop()
    console.remark(f"Stopping; what is under way may go on for {conf.settings().stop_seconds:g} s.")


def chosen(text: str) -> list[str]:
    """The workflows to serve. CommandError for one that is not registered, or if there are none."""
    known = {workflow.name for workflow in registry.all()}
    names = [name.strip() for name in text.split(",") if name.strip()] or sorted(known)
    if unknown := [name for name in names if name not in known]:
        raise CommandError(
            f"There is no workflow {unknown[0]!r} here. Registered: {', '.join(sorted(known)) or 'none'}.", returncode=3
        )
    if not names:
        raise CommandError("No workflow is registered. Name modules with workflows in HITL_WORKFLOWS.", returncode=3)
    return names


def at_once(given: int | None) -> int:
    if given is not None and given < 1:
        raise CommandError(f"--concurrency is {given}; it has to be 1 or more.", returncode=2)
    return given or conf.settings().concurrency
