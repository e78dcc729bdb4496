"""`--follow`: print each fact of a run as it lands, and end with the run (rule 40).

A command's own nudge does nothing, and a server's sweep picks the run up within two seconds. So that a run
started from a script also goes on where no server is up, the command runs it itself when nobody has claimed
it for a second; in a thread of its own, for the facts are to be printed meanwhile.
"""

from __future__ import annotations

import json
import shlex
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from django.core.management.base import CommandParser
from django.db import connections

from hitl import announce, answers, questions
from hitl.commands import facts
from hitl.commands.console import Console
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.run import run_thread

UNCLAIMED_SECONDS = 1.0
# Another process's facts are announced to nobody here: look this often.
LOOK_SECONDS = 0.2

FINISHED, FAILED, WAITING = 0, 1, 10
EXIT_CODES = {
    Run.Status.SUCCEEDED: FINISHED,
    Run.Status.FAILED: FAILED,
    Run.Status.CANCELLED: FAILED,
    Run.Status.WITHDRAWN: FAILED,
    Run.Status.INTERRUPTED: WAITING,
}


def add_option(parser: CommandParser) -> None:
    parser.add_argument(
        "--follow",
        action="store_true",
        help="print each fact as a line of JSON and end with the run: 0 finished, 10 waits for a person, 1 failed",
    )


def say_who_runs_it(console: Console) -> None:
    console.remark(
        "A running server or worker picks it up within two seconds; "
        "with --follow this command runs it itself if none does."
    )


def until_ended(console: Console, run: Run) -> int:
    """Print the run's facts, from the one that asked for it, until it has ended; returns the exit code."""
    try:
        return watch(console, run)
    except KeyboardInterrupt:
        console.remark(f"Stopped watching; the run goes on. `hitl show {run.thread_id}` tells how far it is.")
        raise


def watch(console: Console, run: Run) -> int:
    printed = run.seq - 1
    stand_in = StandIn(run.thread_id)
    with moved(run.thread_id) as wake:
        while True:
            # Status before facts: whoever ends the run writes its last fact in the same transaction.
            run.refresh_from_db()
            for fact in Checkpoint.objects.of(run.thread_id, after=printed):
                console.json(facts.as_json(fact))
                printed = fact.seq
            code = EXIT_CODES.get(Run.Status(run.status))
            if code is not None:
                say_how_it_ended(console, run)
                return code
            stand_in.look(run)
            wake.wait(LOOK_SECONDS)
            wake.clear()


@contextmanager
def moved(thread_id: str) -> Iterator[threading.Event]:
    """An event that is set whenever this process hears that the thread moved."""
    event = threading.Event()

    def hear(threads: frozenset[str]) -> None:
        if thread_id in threads:
            event.set()

    stop = announce.listen(hear)
    try:
        yield event
    finally:
        stop()


class StandIn:
    """Runs the thread in this process when nobody else has claimed it for a second."""

    def __init__(self, thread_id: str) -> None:
        self.thread_id = thread_id
        self.unclaimed_since: float | None = None
        self.worker: threading.Thread | None = None
        self.problem: Exception | None = None

    def look(self, run: Run) -> None:
        """To be called again and again while the run has not ended."""
        if self.worker is not None and self.worker.is_alive():
            return
        if self.problem is not None:
            raise self.problem
        if not self.is_unclaimed(run):
            self.unclaimed_since = None
        elif self.unclaimed_since is None:
            self.unclaimed_since = monotonic()
        elif monotonic() - self.unclaimed_since >= UNCLAIMED_SECONDS:
            self.unclaimed_since = None
            self.worker = threading.Thread(target=self.work, name="hitl-follow", daemon=True)
            self.worker.start()

    def is_unclaimed(self, run: Run) -> bool:
        """Queued with no one at the thread, or left by its executor and due again; or a start whose time has come."""
        if run.status == Run.Status.WAITING and Run.objects.startable().filter(pk=run.pk).exists():
            return True
        unclaimed = Thread.objects.unclaimed() if run.status == Run.Status.QUEUED else Thread.objects.due()
        return unclaimed.filter(pk=self.thread_id).exists()

    def work(self) -> None:
        try:
            run_thread(self.thread_id)
        except Exception as problem:
            self.problem = problem
        finally:
            connections.close_all()


def say_how_it_ended(console: Console, run: Run) -> None:
    if run.status == Run.Status.INTERRUPTED:
        for question in Interrupt.objects.of(run.thread_id).open():
            console.remark(
                f"Waiting for a person: “{question.title}”. Answer with "
                f"`hitl answer {question.pk} --version {question.version} {how_to_answer(question)}`."
            )
    elif run.status == Run.Status.FAILED:
        console.remark(f"The run failed: {run.error_type}: {run.error}. `hitl retry {run.thread_id}` tries again.")
    elif run.status in (Run.Status.CANCELLED, Run.Status.WITHDRAWN):
        console.remark("The run was cancelled.")


def how_to_answer(question: Interrupt) -> str:
    """The option that gives the answer, with one that is legal where the kind of question suggests one."""
    kind, value, schema = questions.get(question.kind), answers.asked(question), answers.schema_of(question)
    example = kind.example(value, schema)
    if example is not None:
        return f"--json {shlex.quote(json.dumps(example, ensure_ascii=False, default=str))}"
    return "--json JSON" if kind.schema(value, schema) else "--input TEXT"
