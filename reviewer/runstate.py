"""Where a thread stands, in the words of the run page: queued, running, waiting, finished, failed, cancelled."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import pgettext_lazy

from hitl import presence
from hitl.models import Checkpoint, Interrupt, Run, Thread
from reviewer import shown
from reviewer.shown import Shown
from reviewer.timeline import Problem

LABELS = {
    "new": pgettext_lazy("state of a run", "Not started"),
    "queued": pgettext_lazy("state of a run", "Queued"),
    "asleep": pgettext_lazy("state of a run", "Asleep"),
    "running": pgettext_lazy("state of a run", "Running"),
    "waiting": pgettext_lazy("state of a run", "Waiting for an answer"),
    "finished": pgettext_lazy("state of a run", "Finished"),
    "failed": pgettext_lazy("state of a run", "Failed"),
    "cancelled": pgettext_lazy("state of a run", "Cancelled"),
}

# So many starts in line are named.
MOST_STARTS = 5
PREVIEW_CHARS = 200

# So many questions are named; the queue has the others.
MOST_QUESTIONS = 5

# Whoever is queued for so long wants to know whether anybody executes.
LONG = timedelta(seconds=30)

# The states as the status marks of every page name them, where that differs.
MARKS = {"asleep": "queued", "waiting": "pending", "finished": "succeeded"}


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """A start that waits in line for the open turn, or for its time."""

    run: Run
    input: Shown | None


@dataclasses.dataclass(frozen=True, slots=True)
class RunState:
    """What stands at the head of the run page. `seq` says how far into the journal it is known to be true."""

    thread_id: str
    seq: int
    turn: int
    state: str
    run: Run | None
    questions: list[Interrupt]
    starts: list[Waiting]
    more_starts: bool
    output: Shown | None
    problem: Problem | None
    warning: str
    until: datetime | None
    since: datetime
    unserved: bool

    @property
    def first_questions(self) -> list[Interrupt]:
        return self.questions[:MOST_QUESTIONS]

    @property
    def more_questions(self) -> int:
        return len(self.questions[MOST_QUESTIONS:])

    @property
    def label(self) -> str:
        return str(LABELS[self.state])

    @property
    def mark(self) -> str:
        return MARKS.get(self.state, self.state)

    @property
    def ended(self) -> bool:
        return self.state in ("finished", "failed", "cancelled")


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """What was read of a thread to tell where it stands; it can be told in any language."""

    thread: Thread
    runs: list[Any]
    questions: list[Interrupt]
    output: Checkpoint | None
    unserved: bool


def read(thread_id: str, *, thread: Thread | None = None) -> RunState:
    """The state of a thread now, or since `thread` was read; raises Thread.DoesNotExist."""
    return of(found(thread_id, thread=thread))


def found(thread_id: str, *, thread: Thread | None = None) -> Found:
    """All that is read for it."""
    # The thread comes first: what is read after it may be newer than its seq says, but never older, and
    # whatever is newer will be read again.
    thread = thread or Thread.objects.get(id=thread_id)
    runs = list(Run.objects.latest_and_waiting(thread_id).with_input(preview_chars=PREVIEW_CHARS)[: MOST_STARTS + 2])
    # An idle thread asks nothing.
    questions = [] if thread.status == Thread.Status.IDLE else list(Interrupt.objects.of(thread_id).open())
    begun, _ = _parted(runs)
    run = begun[0] if begun else None
    state = _state(thread, run)
    output = _output(thread) if state == "finished" else None
    waits = state == "queued" and timezone.now() - _since(thread, run, state) > LONG
    return Found(thread, runs, questions, output, waits and not presence.serves(thread.workflow))


def of(found: Found) -> RunState:
    """The state, in the language that is active now."""
    thread = found.thread
    begun, waiting = _parted(found.runs)
    run = begun[0] if begun else None
    starts = [_waiting(one) for one in waiting]
    state = _state(thread, run)
    return RunState(
        thread_id=thread.id,
        seq=thread.seq,
        turn=thread.turn,
        state=state,
        run=run,
        questions=found.questions,
        starts=starts[:MOST_STARTS],
        more_starts=len(starts) > MOST_STARTS,
        output=shown.stored(found.output.value) if found.output and state == "finished" else None,
        problem=_problem(run) if run and state == "failed" else None,
        warning=thread.warning,
        until=thread.wake_at if state == "asleep" else None,
        since=_since(thread, run, state),
        unserved=found.unserved,
    )


def _state(thread: Thread, run: Run | None) -> str:
    if thread.status == Thread.Status.IDLE and (thread.output_seq or 0) > thread.turn_seq:
        # A value that was set by hand is a value, whatever became of the turn's runs.
        return "finished"
    return word(thread.status, run.status if run else None, wake_at=thread.wake_at, turn=thread.turn)


def _parted(runs: list[Run]) -> tuple[list[Run], list[Run]]:
    waiting = [run for run in runs if run.status == Run.Status.WAITING]
    return [run for run in runs if run.status != Run.Status.WAITING], waiting


def _waiting(run: Any) -> Waiting:
    return Waiting(run, preview(run.preview, chars=PREVIEW_CHARS))


def preview(text: str | None, *, chars: int) -> Shown | None:
    """The input in a line; of a long one only the beginning was read, and that is not JSON any more."""
    if text is None or len(text) < chars:
        return shown.stored(text)
    return shown.data(text[:200])


def word(thread_status: str, run_status: str | None, *, wake_at: datetime | None = None, turn: int = 0) -> str:
    """The state in one word, from the status of the thread and of its latest run, and its timer."""
    if run_status is None:
        # Of a turn whose runs are forgotten there may be no value either.
        return "cancelled" if turn else "new"
    if thread_status == Thread.Status.BUSY:
        if run_status != Run.Status.QUEUED:
            return "running"
        return "asleep" if wake_at is not None and wake_at > timezone.now() else "queued"
    if thread_status == Thread.Status.IDLE:
        # A run that had paused or failed keeps that status when its turn is cancelled.
        return "finished" if run_status == Run.Status.SUCCEEDED else "cancelled"
    return "failed" if thread_status == Thread.Status.ERROR else "waiting"


def _since(thread: Thread, run: Run | None, state: str) -> datetime:
    """When the state began. A run that had paused or failed ended before it was cancelled."""
    if run is None:
        return thread.created_at
    if state == "cancelled":
        return thread.updated_at
    return run.ended_at or run.started_at or run.created_at


def _output(thread: Thread) -> Checkpoint | None:
    if thread.output_seq is None:
        return None
    return Checkpoint.objects.of(thread.id, after=thread.output_seq - 1).first()


def _problem(run: Run) -> Problem:
    return Problem(run.error_type, run.error, run.traceback)
