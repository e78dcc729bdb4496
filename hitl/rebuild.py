"""Is what stands in the rows what the journal says? (rule 7)

Thread, Run and Interrupt are projections: `hitl.projection` applies each fact to them when it is written.
Here a whole journal is folded through the same function, and the rows that come out are compared with
those that stand there, on the columns the journal determines. A difference is a fault of the engine or the
work of someone who wrote to the tables; `fix` writes what the journal says, under the thread's lock.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Model

from hitl import projection
from hitl.checkpoint.database import saver
from hitl.facts import Fact
from hitl.models import Checkpoint, Interrupt, Run, Thread

USER_COLUMNS = ("requested_by_id", "answered_by_id", "assignee_id")


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """One column of one row. `field` is "" where the whole row is missing or should not be there."""

    thread_id: str
    model: str
    key: str
    field: str
    stands: Any
    journal: Any

    def __str__(self) -> str:
        row = f"{self.model} {self.key}"
        if self.field:
            return f"{row}: {self.field} is {self.stands!r}, the journal says {self.journal!r}"
        return f"{row} is not in the journal" if self.journal is None else f"{row} is missing"


def compare_all(*, fix: bool = False) -> Iterator[Difference]:
    """Compare every thread; with `fix`, also write what the journal says."""
    for thread_id in list(Thread.objects.order_by("pk").values_list("pk", flat=True)):
        yield from compare(thread_id, fix=fix)


def compare(thread_id: str, *, fix: bool = False) -> list[Difference]:
    """Compare one thread, under its lock, so that no run moves it meanwhile."""
    with transaction.atomic(using=saver().alias):
        thread = Thread.objects.select_for_update().filter(pk=thread_id).first()
        if thread is None:
            return []
        folded, since = fold(thread), first_turn(thread.pk)
        found = [
            *differing([folded.thread], [thread], projection.THREAD_FIELDS),
            *differing(later(folded.runs, since), thread.runs.filter(turn__gte=since), projection.RUN_FIELDS),
            *differing(
                later(folded.questions, since), thread.interrupts.filter(turn__gte=since), projection.QUESTION_FIELDS
            ),
        ]
        if fix and found:
            write(found, folded)
    return found


def fold(thread: Thread) -> projection.Projection:
    """The rows as the thread's journal makes them."""
    blank = Thread(id=thread.pk, created_at=thread.created_at)
    folded = projection.Projection(blank, [], [], make_run=Run, make_question=Interrupt)
    for fact in kept(saver().facts(thread.pk)):
        folded.apply(fact)
    settle_users([*folded.runs.values(), *folded.questions.values()])
    return folded


def kept(facts: list[Fact]) -> list[Fact]:
    """Those that count: what a pruning says is forgotten may not be deleted yet, or only in part."""
    note = next((fact.detail for fact in reversed(facts) if fact.kind == "prune"), None)
    return facts if note is None else [one for one in facts if one.seq >= note["first"] or one.seq in note["kept"]]


def first_turn(thread_id: str) -> int:
    """The first turn of which the whole journal is kept: pruning forgets facts, but not runs and questions."""
    journal = Checkpoint.objects.of(thread_id)
    pruned = journal.prunings().first()
    if pruned is None:
        return 0
    first = json.loads(pruned.detail)["first"]
    # Where nothing but values is kept, the whole journal begins with the next turn.
    return pruned.turn + 1 if first == pruned.seq else journal.get(seq=first).turn


def later(rows: Mapping[str, Any], since: int) -> list[Any]:
    """Those of the turns since then."""
    return [row for row in rows.values() if row.turn >= since]


def settle_users(rows: Iterable[Any]) -> None:
    """Users' keys as columns hold them; None for users that are gone.

    The journal names a user for ever, and as JSON; a row's foreign key is emptied when the user is deleted.
    """
    rows = list(rows)
    users = get_user_model()
    named: set[Any] = {getattr(row, column, None) for row in rows for column in USER_COLUMNS} - {None}
    there = {str(key): key for key in users._default_manager.filter(pk__in=named).values_list("pk", flat=True)}
    for row in rows:
        for column in USER_COLUMNS:
            if hasattr(row, column):
                setattr(row, column, there.get(str(getattr(row, column))))


def differing(folded: Iterable[Any], standing: Iterable[Model], fields: Iterable[str]) -> Iterator[Difference]:
    """Column by column, where the rows that should be there differ from those that are."""
    stands = {row.pk: row for row in standing}
    for row in folded:
        there = stands.pop(row.pk, None)
        if there is None:
            yield difference(row, "", stands=None, journal=row.pk)
            continue
        for field in fields:
            is_now, should_be = getattr(there, field), getattr(row, field)
            if is_now != should_be:
                yield difference(row, field, stands=is_now, journal=should_be)
    for row in stands.values():
        yield difference(row, "", stands=row.pk, journal=None)


def difference(row: Any, field: str, *, stands: Any, journal: Any) -> Difference:
    thread_id = row.pk if isinstance(row, Thread) else row.thread_id
    return Difference(thread_id, type(row).__name__.lower(), str(row.pk), field, stands, journal)


def write(found: Iterable[Difference], folded: projection.Projection) -> None:
    """Write what the journal says. Rows it does not know are told of, never deleted: they may be evidence."""
    for one in found:
        model, row = pick(one, folded)
        if row is None:
            continue
        if one.field:
            model._default_manager.filter(pk=one.key).update(**{one.field: getattr(row, one.field)})
        else:
            row.updated_at = folded.thread.updated_at
            row.save(force_insert=True)


def pick(one: Difference, folded: projection.Projection) -> tuple[type[Model], Any]:
    """The model, and the row as the journal makes it (None for a row that it does not know)."""
    if one.model == "thread":
        return Thread, folded.thread
    if one.model == "run":
        return Run, folded.runs.get(one.key)
    return Interrupt, folded.questions.get(one.key)
