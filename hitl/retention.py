"""Retention: what is forgotten of threads that have been idle for long, by a policy a workflow (`HITL_RETENTION`).

The policy is a setting, not a row and not part of the workflow: what a deployment has to keep, or must not, is decided
by whoever answers for its data, is reviewed like code, and cannot be clicked away.

A thread is forgotten in steps, each a short transaction that locks nothing but this thread's row and what it deletes,
at most BATCH rows: first a note in the journal (`prune`) with what stands and is kept, under the thread's lock and only
if it is idle, old enough and nothing waits to start; then the facts, questions and runs before the note; and with
`keep: "nothing"` the thread, if nothing has moved since. A process that dies in between leaves a thread that works,
and that the next pass goes on with. Open turns, questions that wait and answers that can be undone are never touched.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from functools import partial
from time import monotonic
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import QuerySet

from hitl import conf, line
from hitl.checkpoint.database import saver
from hitl.facts import Author, Fact
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.unit import Unit

LAST_VALUE, NOTHING = "last_value", "nothing"
KEEPS = (LAST_VALUE, NOTHING)
# Of a workflow that no policy names.
OTHERS = "*"
BATCH = 500
# How many threads' keys are looked through at a time.
WINDOW = 200
# The sweep's share: so long at a time, until it has been round, and then once a day.
SLICE_SECONDS = 0.5
DAY_SECONDS = 86_400.0


@dataclasses.dataclass(frozen=True, slots=True)
class Policy:
    """days: how long a thread has to have been idle. keep: "last_value" or "nothing"."""

    days: float
    keep: str

    @classmethod
    def read(cls, workflow: str, given: Any) -> Policy:
        """Raises ImproperlyConfigured."""
        if not isinstance(given, Mapping) or set(given) != {"days", "keep"}:
            raise ImproperlyConfigured(f"HITL_RETENTION[{workflow!r}] is {given!r}; give it days and keep.")
        days, keep = given["days"], given["keep"]
        if isinstance(days, bool) or not isinstance(days, int | float) or not (math.isfinite(days) and days > 0):
            raise ImproperlyConfigured(f"HITL_RETENTION[{workflow!r}]: days is {days!r}; it has to be above zero.")
        if keep not in KEEPS:
            raise ImproperlyConfigured(
                f"HITL_RETENTION[{workflow!r}]: keep is {keep!r}; use one of {', '.join(KEEPS)}."
            )
        return cls(days, keep)


def policies() -> dict[str, Policy]:
    """By workflow; "*" is for all that are not named. Raises ImproperlyConfigured."""
    return {name: Policy.read(name, given) for name, given in (conf.settings().retention or {}).items()}


@dataclasses.dataclass(slots=True)
class Pruned:
    """What came of a pass, or would come of it: threads looked into, of them deleted, rows forgotten."""

    threads: int = 0
    deleted: int = 0
    rows: int = 0


def prune(*, workflow: str | None = None, dry_run: bool = False) -> dict[str, Pruned]:
    """Forget what the policies say, of one workflow or all. Returns what was forgotten, by workflow."""
    found: dict[str, Pruned] = {}
    for thread_id, name, policy in due():
        if workflow is None or name == workflow:
            told = found.setdefault(name, Pruned())
            (_count if dry_run else _forget)(thread_id, policy, told)
    return found


def due(*, after: str = "") -> Iterator[tuple[str, str, Policy]]:
    """Threads that a policy forgets something of, with their workflow, in the order of their keys."""
    chosen = policies()
    while chosen:
        threads = Thread.objects.using(_alias()).after(after)
        keys = list(threads.values_list("pk", flat=True)[:WINDOW])
        if not keys:
            return
        for name, policy in chosen.items():
            idle = Thread.objects.using(_alias()).of_ids(keys).forgettable(timedelta(days=policy.days))
            idle = idle.exclude(workflow__in=set(chosen) - {OTHERS}) if name == OTHERS else idle.of(name)
            if policy.keep == LAST_VALUE:
                idle = idle.with_more_than_values()
            for key, workflow in list(idle.values_list("pk", "workflow")):
                yield key, workflow, policy
        after = keys[-1]


class Housekeeping:
    """The sweep's way: a little at a time, so that it keeps nothing waiting, and once round a day."""

    def __init__(self) -> None:
        self._next = 0.0
        self._round: Iterator[tuple[str, str, Policy]] | None = None

    def do_some(self) -> None:
        began = monotonic()
        if self._round is None and (not conf.settings().retention or began < self._next):
            return
        self._round = self._round or due()
        # A policy that makes no sense is the system checks' to tell (hitl.E015).
        with contextlib.suppress(ImproperlyConfigured):
            for thread_id, _, policy in self._round:
                _forget(thread_id, policy, Pruned())
                if monotonic() - began > SLICE_SECONDS:
                    return
        self._round, self._next = None, began + DAY_SECONDS


def _forget(thread_id: str, policy: Policy, told: Pruned) -> None:
    note = saver().transact(thread_id, lambda unit: _noted(unit, policy))
    if note is None:
        return
    told.threads += 1
    for rows in _rows(thread_id, note):
        while count := _while_still(thread_id, note, partial(_delete_some, rows)):
            told.rows += count
    _while_still(thread_id, note, partial(_blank_errors, thread_id))
    if policy.keep == NOTHING:
        told.deleted += _while_still(thread_id, note, partial(_delete_thread, thread_id))


def _while_still(thread_id: str, note: Fact, work: Callable[[], int]) -> int:
    """One step, under the thread's lock. None, if something has happened since the note: a fork may need the facts."""
    with transaction.atomic(using=_alias()):
        threads = Thread.objects.using(_alias()).select_for_update().filter(pk=thread_id, seq=note.seq)
        return work() if threads.values_list("pk", flat=True).first() else 0


def _noted(unit: Unit, policy: Policy) -> Fact | None:
    """The note that says what is forgotten; None where the thread is not to be touched any more."""
    thread = unit.thread
    old = unit.now - timedelta(days=policy.days)
    if thread.status != "idle" or thread.updated_at > old or line.waiting(unit) or not thread.seq:
        return None
    last = unit.fact(thread.seq)
    if last.kind == "prune" and "stands" in last.detail:
        # The pass that wrote it died on the way.
        return last
    kept = sorted({seq for seq in (thread.output_seq, thread.previous_seq) if seq})
    stands = {name: getattr(thread, name) for name in STANDS}
    detail = Author(None, "retention", "retention").detail() | {"first": thread.seq + 1, "kept": kept, "stands": stands}
    return unit.add(Fact("prune", thread.turn, attempt=thread.seq + 1, detail=detail))


# What the forgotten facts made of the thread, so that `doctor --rebuild` still can tell.
STANDS = ("workflow", "workflow_version", "turn", "turn_seq", "output_seq", "previous_seq", "metadata", "warning")


def _rows(thread_id: str, note: Fact) -> list[QuerySet[Any]]:
    """What goes, each table's rows by themselves."""
    alias = _alias()
    facts = Checkpoint.objects.using(alias).of(thread_id).up_to(note.seq - 1).exclude(seq__in=note.detail["kept"])
    questions = Interrupt.objects.using(alias).of(thread_id).closed().filter(turn__lte=note.turn)
    return [facts, questions, Run.objects.using(alias).of(thread_id).ended_by(note.turn - 1)]


def _delete_some(rows: QuerySet[Any]) -> int:
    keys = list(rows.values_list("pk", flat=True)[:BATCH])
    rows.model._default_manager.using(_alias()).filter(pk__in=keys).delete()
    return len(keys)


def _blank_errors(thread_id: str) -> int:
    """Messages and tracebacks quote values; that the last turn's runs failed stays."""
    failed = Run.objects.using(_alias()).of(thread_id).exclude(error="", traceback="")
    return failed.order_by().update(error="", traceback="")


def _delete_thread(thread_id: str) -> int:
    Thread.objects.using(_alias()).filter(pk=thread_id).delete()
    return 1


def _count(thread_id: str, policy: Policy, told: Pruned) -> None:
    thread = Thread.objects.using(_alias()).get(pk=thread_id)
    kept = [seq for seq in (thread.output_seq, thread.previous_seq) if seq]
    note = Fact("prune", thread.turn, seq=thread.seq + 1, detail={"kept": kept})
    told.threads += 1
    told.deleted += policy.keep == NOTHING
    told.rows += sum(rows.count() for rows in _rows(thread_id, note))


def _alias() -> str:
    return conf.settings().database
