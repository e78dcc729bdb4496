"""`hitl threads`, `show`, `cancel` and `retry`: look at threads, and steer one."""

from __future__ import annotations

import json
from typing import Any

from hitl import answers, questions, verbs
from hitl.commands import arguments, facts, follow
from hitl.commands.console import Console, plain, stamp
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.store import unknown_thread


def add_to(subparsers: arguments.Subparsers) -> None:
    add_threads(subparsers)
    add_show(subparsers)
    add_cancel(subparsers)
    add_retry(subparsers)


def add_threads(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("threads", help="list threads, newest first")
    parser.add_argument("--status", choices=Thread.Status.values)
    parser.add_argument("--workflow", metavar="NAME")
    parser.add_argument("--limit", metavar="N", type=arguments.positive, default=50, help="50 unless told")
    arguments.add_format(parser)
    parser.set_defaults(function=threads)


def add_show(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("show", help="show a thread: its state, questions, runs and journal")
    parser.add_argument("thread")
    parser.add_argument(
        "--facts",
        metavar="N",
        type=arguments.positive,
        help="only the last N facts; a table shows 20 unless told",
    )
    arguments.add_format(parser)
    parser.set_defaults(function=show)


def add_cancel(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("cancel", help="end a thread's open turn and close its questions")
    parser.add_argument("thread")
    parser.add_argument("--run", metavar="RUN", help="instead, cancel this start that waits in line or for its time")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why, for the record")
    arguments.add_author(parser)
    parser.set_defaults(function=cancel)


def add_retry(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("retry", help="run a failed turn again from where it stopped")
    parser.add_argument("thread")
    arguments.add_author(parser)
    follow.add_option(parser)
    parser.set_defaults(function=retry)


def threads(console: Console, options: dict[str, Any]) -> int:
    found = Thread.objects.newest()
    if options["workflow"]:
        found = found.of(options["workflow"])
    if options["status"]:
        found = found.in_status(options["status"])
    rows = found[: options["limit"]]
    if options["format"] == "json":
        console.json([thread_as_json(thread) for thread in rows], indent=2)
    else:
        console.table(
            ["thread", "workflow", "status", "turn", "started", "moved"],
            [(t.pk, t.workflow, t.status, t.turn, t.created_at, t.updated_at) for t in rows],
        )
    return 0


def show(console: Console, options: dict[str, Any]) -> int:
    thread = Thread.objects.filter(pk=options["thread"]).first()
    if thread is None:
        raise unknown_thread(options["thread"])
    if options["format"] == "json":
        journal = last_facts(thread, options["facts"])
        console.json(
            {
                **thread_as_json(thread),
                "output": output(thread),
                "questions": [question_as_json(row) for row in Interrupt.objects.of(thread.pk)],
                "runs": [run_as_json(row) for row in Run.objects.of(thread.pk)],
                "facts": [facts.as_json(fact) for fact in journal],
            },
            indent=2,
        )
    else:
        show_as_text(console, thread, last_facts(thread, options["facts"] or 20))
    return 0


def show_as_text(console: Console, thread: Thread, journal: list[Checkpoint]) -> None:
    for name, value in thread_as_json(thread).items():
        if value not in ("", {}, None):
            console.line(f"{name:<16} {value}")
    if thread.output_seq:
        console.line(f"{'output':<16} {short(output(thread))}")
    console.line("")
    questions = list(Interrupt.objects.of(thread.pk))
    if questions:
        console.table(
            ["question", "version", "status", "asked", "title", "answered by", "answer"],
            [
                (q.pk, q.version, q.status, q.asked_at, q.title, q.answered_by_name, short(plain(q.answer)))
                for q in questions
            ],
        )
        console.line("")
    console.table(
        ["run", "kind", "status", "asked for by", "queued", "starts at", "ended", "error"],
        [
            (r.pk, r.kind, r.status, r.requested_by_name, r.created_at, r.run_at, r.ended_at, error(r))
            for r in Run.objects.of(thread.pk)
        ],
    )
    console.line("")
    console.table(
        ["seq", "kind", "name", "value", "at"],
        [(f.seq, f.kind, f.name, short(plain(f.value)), f.created_at) for f in journal],
    )


def cancel(console: Console, options: dict[str, Any]) -> int:
    author = arguments.author(options)
    said: dict[str, Any] = {"by": author, "channel": "command", "reason": options["reason"]}
    if options["run"]:
        verbs.withdraw(options["run"], thread_id=options["thread"], **said)
    else:
        verbs.cancel(options["thread"], **said)
    console.line(options["thread"])
    return 0


def retry(console: Console, options: dict[str, Any]) -> int:
    run = verbs.retry(options["thread"], by=arguments.author(options), channel="command")
    if options["follow"]:
        return follow.until_ended(console, run)
    console.line(run.thread_id)
    follow.say_who_runs_it(console)
    return 0


def last_facts(thread: Thread, count: int | None) -> list[Checkpoint]:
    after = max(0, thread.seq - count) if count else 0
    return list(Checkpoint.objects.of(thread.pk, after=after))


def output(thread: Thread) -> Any:
    if thread.output_seq is None:
        return None
    fact = Checkpoint.objects.of(thread.pk, after=thread.output_seq - 1).first()
    return plain(fact.value) if fact else None


def short(value: Any) -> str:
    """A value in a table: text as it is, the rest as JSON, nothing for nothing."""
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False)


def error(run: Run) -> str:
    return f"{run.error_type}: {run.error}" if run.error_type else ""


def thread_as_json(thread: Thread) -> dict[str, Any]:
    return {
        "thread": thread.pk,
        "workflow": thread.workflow,
        "workflow_version": thread.workflow_version,
        "status": thread.status,
        "turn": thread.turn,
        "seq": thread.seq,
        "metadata": thread.metadata,
        "warning": thread.warning,
        "created_at": stamp(thread.created_at),
        "updated_at": stamp(thread.updated_at),
    }


def question_as_json(question: Interrupt) -> dict[str, Any]:
    return {
        "question": question.pk,
        "version": question.version,
        "status": question.status,
        "kind": question.kind,
        "title": question.title,
        "value": plain(question.value),
        "schema": plain(question.schema),
        "answer_schema": questions.get(question.kind).schema(answers.asked(question), answers.schema_of(question)),
        "answer": plain(question.answer),
        "answered_by": question.answered_by_name,
        "answered_at": stamp(question.answered_at),
        "problem": question.problem,
        "asked_at": stamp(question.asked_at),
    }


def run_as_json(run: Run) -> dict[str, Any]:
    return {
        "run": run.pk,
        "kind": run.kind,
        "status": run.status,
        "turn": run.turn,
        "seq": run.seq,
        "requested_by": run.requested_by_name,
        "channel": run.channel,
        "idempotency_key": run.idempotency_key,
        "error_type": run.error_type,
        "error": run.error,
        "created_at": stamp(run.created_at),
        "run_at": stamp(run.run_at),
        "strategy": run.strategy,
        "started_at": stamp(run.started_at),
        "ended_at": stamp(run.ended_at),
    }
