"""What is wrong in the running system: threads that wait for somebody who does not come.

The system checks (`hitl.checks`) look at settings; here we look at the rows. Everything found is told with
what to do about it. Nothing is changed.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from hitl import registry
from hitl.models import Checkpoint, Interrupt, Run, Schedule, Thread

# A server's sweep looks every second or two; who waits a minute waits for something that is not there.
OVERDUE = timedelta(minutes=1)


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a word for scripts, the thread (or "" for none), what it is, what to do."""

    code: str
    thread_id: str
    problem: str
    remedy: str


def findings() -> Iterator[Finding]:
    """Look at all threads; each group of findings is one query."""
    yield from stranded_leases()
    yield from overdue_threads()
    yield from unknown_workflows()
    yield from unknown_versions()
    yield from journal_gaps()
    yield from overdue_releases()
    yield from overdue_starts()
    yield from schedules_that_start_nothing()


def stranded_leases() -> Iterator[Finding]:
    """An executor died, and no sweep has given its thread to another one."""
    for thread in Thread.objects.stranded(OVERDUE):
        yield Finding(
            "stranded-lease",
            thread.pk,
            f"its lease, held by {thread.lease_owner}, ran out at {thread.lease_expires_at:%Y-%m-%d %H:%M:%S} UTC, "
            "and nobody took the thread over",
            "Start a server or a worker (`manage.py hitl worker`).",
        )


def overdue_threads() -> Iterator[Finding]:
    """Busy, free, due, and nobody came."""
    for thread in Thread.objects.overdue(OVERDUE):
        yield Finding(
            "overdue",
            thread.pk,
            f"it waits for an executor since {thread.updated_at:%Y-%m-%d %H:%M:%S} UTC",
            "Start a server or a worker (`manage.py hitl worker`).",
        )


def unknown_workflows() -> Iterator[Finding]:
    """Open turns of workflows that this code does not have."""
    known = [workflow.name for workflow in registry.all()]
    for thread in Thread.objects.unfinished().exclude(workflow__in=known):
        yield Finding(
            "unknown-workflow",
            thread.pk,
            f"its workflow “{thread.workflow}” is not registered here",
            "Add its module to HITL_WORKFLOWS or bring the code back, or cancel the thread.",
        )


def unknown_versions() -> Iterator[Finding]:
    """Open turns of workflows that are there, but not in the version that the turn began with."""
    known = {workflow.name: registry.versions(workflow.name) for workflow in registry.all()}
    for thread in Thread.objects.unfinished().of_other_versions(known):
        there = ", ".join(registry.told(version) for version in known[thread.workflow])
        yield Finding(
            "unknown-version",
            thread.pk,
            f"its open turn needs {registry.told(thread.workflow_version)} of workflow “{thread.workflow}”, and "
            f"registered here is {there}",
            "Register the old function beside the new one until its turns are finished, or cancel the thread.",
        )


def journal_gaps() -> Iterator[Finding]:
    """A thread numbers its facts 1, 2, 3 … without a gap up to its `seq` (rule 1)."""
    gaps: Any = Thread.objects.with_journal_gaps()
    for thread_id, seq, facts, last in gaps.values_list("id", "seq", "facts", "last"):
        if is_pruned(thread_id, seq=seq):
            continue
        yield Finding(
            "journal-gap",
            thread_id,
            f"its seq is {seq}, but its journal holds {facts} facts, the last one {last or 'nowhere'}",
            "Somebody deleted or added rows by hand. Restore hitl_checkpoint from a backup.",
        )


def is_pruned(thread_id: str, *, seq: int) -> bool:
    """Whether a journal lacks only what a pruning says it forgot."""
    journal = Checkpoint.objects.of(thread_id)
    pruned = journal.prunings().first()
    if pruned is None:
        return False
    told = json.loads(pruned.detail)
    since, kept = journal.filter(seq__gte=told["first"]), journal.filter(seq__in=told["kept"])
    return since.count() == seq - told["first"] + 1 and kept.count() == len(told["kept"])


def overdue_releases() -> Iterator[Finding]:
    """Answers whose undo window is over and which nobody released."""
    for question in Interrupt.objects.overdue_release(OVERDUE):
        yield Finding(
            "overdue-release",
            question.thread_id,
            f"the answer to its question {question.pk} is held although the time to undo it is over",
            "Start a server or a worker (`manage.py hitl worker`).",
        )


def overdue_starts() -> Iterator[Finding]:
    """Starts whose time has come and which nobody began."""
    for run in Run.objects.overdue_start(OVERDUE):
        yield Finding(
            "overdue-start",
            run.thread_id,
            f"its start {run.pk} should have begun at {run.run_at:%Y-%m-%d %H:%M:%S} UTC",
            "Start a server or a worker (`manage.py hitl worker`).",
        )


def schedules_that_start_nothing() -> Iterator[Finding]:
    """Schedules that are due and that nobody fired, and those whose last time started nothing."""
    for schedule in Schedule.objects.overdue(OVERDUE):
        yield Finding(
            "overdue-schedule",
            schedule.thread_id,
            f"schedule {schedule.pk} “{schedule.name}” is due since {schedule.next_run_at:%Y-%m-%d %H:%M:%S} UTC",
            f"Start a server or worker that has workflow “{schedule.workflow}”, or disable the schedule.",
        )
    for schedule in Schedule.objects.listed().exclude(last_problem="").filter(enabled=True):
        yield Finding(
            "failing-schedule",
            schedule.thread_id,
            f"schedule {schedule.pk} “{schedule.name}” started nothing when it was last due: {schedule.last_problem}",
            "Mend what it says, in the Admin or in the workflow; the next time is tried all the same.",
        )
