"""`hitl start`: a new turn of a new or an idle thread."""

from __future__ import annotations

from typing import Any

from hitl import verbs
from hitl.commands import arguments, follow
from hitl.commands.console import Console
from hitl.opening import STRATEGIES


def add_to(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("start", help="start a workflow, in a new thread or an idle one")
    parser.add_argument("workflow", help="its name, as `hitl workflows` lists it")
    arguments.add_value(parser, what="the input", required=False)
    parser.add_argument("--thread", metavar="ID", help="the thread's id; one is made if it is left out")
    parser.add_argument(
        "--metadata",
        metavar="KEY=VALUE",
        type=arguments.pair,
        nargs="+",
        action="extend",
        default=[],
        help="what to keep with the thread",
    )
    parser.add_argument("--idempotency-key", metavar="KEY", help="the same key again finds the first run")
    parser.add_argument(
        "--discard-pending", action="store_true", help="give up the turn and the questions that are open"
    )
    parser.add_argument(
        "--at",
        metavar="TIME",
        type=arguments.moment,
        help="not before then: an ISO 8601 time, in the project's time zone unless it names one",
    )
    parser.add_argument(
        "--multitask-strategy",
        choices=STRATEGIES,
        help="what to do with a turn that is open; reject unless told, with --at enqueue",
    )
    arguments.add_author(parser)
    follow.add_option(parser)
    parser.set_defaults(function=start)


def start(console: Console, options: dict[str, Any]) -> int:
    run = verbs.start(
        options["workflow"],
        arguments.value(options),
        thread_id=options["thread"],
        by=arguments.author(options),
        channel="command",
        idempotency_key=options["idempotency_key"],
        metadata=dict(options["metadata"]) or None,
        discard_pending=options["discard_pending"],
        multitask_strategy=options["multitask_strategy"],
        run_at=options["at"],
    )
    if options["follow"]:
        return follow.until_ended(console, run)
    console.line(run.thread_id)
    follow.say_who_runs_it(console)
    return 0
