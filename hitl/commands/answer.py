"""`hitl answer`: what a person says to a question."""

from __future__ import annotations

from typing import Any

from hitl import verbs
from hitl.commands import arguments, follow
from hitl.commands.console import Console
from hitl.models import Run


def add_to(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("answer", help="answer a question")
    parser.add_argument("question", help="its id, as `hitl show THREAD` lists it")
    parser.add_argument(
        "--version",
        metavar="N",
        type=arguments.positive,
        required=True,
        help="the version that was read, so that an answer never meets a question that was asked anew",
    )
    arguments.add_value(parser, what="the answer", required=True)
    arguments.add_author(parser)
    follow.add_option(parser)
    parser.set_defaults(function=answer)


def answer(console: Console, options: dict[str, Any]) -> int:
    question = verbs.answer(
        options["question"],
        arguments.value(options),
        version=options["version"],
        by=arguments.author(options),
        channel="command",
    )
    if options["follow"]:
        return follow.until_ended(console, newest_run(question.thread_id))
    console.line(question.thread_id)
    follow.say_who_runs_it(console)
    return 0


def newest_run(thread_id: str) -> Run:
    """The run that the answer asked for, or a later one."""
    run = Run.objects.of(thread_id).last()
    assert run is not None, "an answered question has a run"
    return run
