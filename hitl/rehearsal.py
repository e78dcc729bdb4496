"""Rehearsing an open turn: would it replay with the code that is here? (rule 14)

The body runs as the next leg would run it, and so do the bodies of child workflows, for they only decide. Tasks
do not run: a call whose result is not recorded counts as paused, and so does all that waits for it. Nothing is
written, no lease is taken, and nobody else who runs the thread is disturbed.

So a rehearsal sees as far as the journal reaches. What is said about answers is held to that: an answer counts
as unreached only if the code has come to an end, or to something that was recorded after the answer, without
asking for it. What lies inside a task that is not finished is not looked into.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from hitl import divergence, failures, registry
from hitl.checkpoint.memory import InMemorySaver
from hitl.divergence import Divergence
from hitl.errors import NonDeterminism
from hitl.facts import Fact, ancestors
from hitl.lease import Lease, owner
from hitl.leg import Ended, Leg
from hitl.run import Setting, tell_nobody
from hitl.scope import Call, Scope
from hitl.store import Store
from hitl.turn import Turn, call_of
from hitl.workflow import Workflow


@dataclasses.dataclass(frozen=True, slots=True)
class Rehearsal:
    """What came of it. problem: a word for scripts, "" where the turn replays.

    divergence, unreached-answer, unasked-question: recorded and now are those of NonDeterminism.
    raised: the body raises what it did not raise when it was recorded. unreadable: a stored value cannot be read.
    unknown-workflow, unknown-version: there is no code for the turn here.
    not_looked_into: the names of tasks that are not finished, so that what they ask was not compared.
    """

    thread_id: str
    workflow: str
    version: str
    status: str
    problem: str = ""
    message: str = ""
    recorded: dict[str, Any] | None = None
    now: dict[str, Any] | None = None
    not_looked_into: tuple[str, ...] = ()


def rehearse(store: Store, thread_id: str) -> Rehearsal | None:
    """Replay the thread's open turn; None where it has none. Raises UnknownThread, JournalUnreachable."""
    opened = store.load(thread_id)
    thread = opened.thread
    if thread.status == "idle":
        return None
    found = partial(Rehearsal, thread.id, thread.workflow, thread.workflow_version, thread.status)
    workflow = registry.find(thread.workflow, version=thread.workflow_version)
    if workflow is None:
        return found(*_without_code(thread))
    lease = Lease(thread.id, thread.lease_epoch, owner(), version=thread.workflow_version)
    setting = Setting(workflow, _Nowhere(), lease, workflow.config_of(thread), tell_nobody, leg_type=_Leg)
    leg = setting.leg(Turn(opened))
    assert isinstance(leg, _Leg)
    problem, what = _judged(leg, _played(leg, workflow), opened.facts)
    names = tuple(record.name for record in leg.unfinished)
    if not isinstance(what, NonDeterminism):
        return found(problem, str(what) if what is not None else "", not_looked_into=names)
    divergence.explain(store, what)
    return found(problem, str(what), what.recorded, what.now, names)


def _without_code(thread: Any) -> tuple[str, str]:
    known = registry.versions(thread.workflow)
    if not known:
        return "unknown-workflow", (
            f"Thread {thread.id!r}: there is no workflow {thread.workflow!r} here. Add its module to HITL_WORKFLOWS or "
            "bring the code back, or cancel the thread."
        )
    there = ", ".join(registry.told(version) for version in known)
    return "unknown-version", (
        f"Thread {thread.id!r}: its turn needs {registry.told(thread.workflow_version)} of workflow "
        f"{thread.workflow!r}, and registered here is {there}. Register the old function beside the new one until its "
        "turns are finished, or cancel the thread."
    )


def _played(leg: _Leg, workflow: Workflow) -> Ended:
    if workflow.is_async:
        return asyncio.run(leg.arun(partial(workflow.abody, leg)))
    return leg.run(partial(workflow.body, leg))


class _Nowhere(InMemorySaver):
    """Where a rehearsed leg writes."""

    def append(self, lease: Lease, facts: Sequence[Fact]) -> None:
        """Nothing is kept."""


class _Leg(Leg):
    """A leg that begins no task, and knows what it met."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        # Whether the code came to something that is not recorded, and the recorded calls that have no result.
        self.beyond = False
        self.unfinished: list[Fact] = []

    def may_run(self, call: Call) -> bool:
        if call.work.is_workflow:
            return True
        record = self.turn.calls.get(call.path)
        if record is None:
            self.beyond = True
        else:
            self.unfinished.append(record)
        return False

    def pose(self, scope: Scope, question: Fact) -> None:
        if question.path not in self.turn.open:
            self.beyond = True
        super().pose(scope, question)

    def sleep(self, scope: Scope, until: datetime) -> None:
        self.beyond = True
        super().sleep(scope, until)

    def held_since(self) -> int | None:
        """The seq of the first recorded thing without an outcome that the code waits for; None: it has ended."""
        waits = [asked.seq for asked in self.turn.open.values() if asked.met]
        return min([*waits, *(record.seq for record in self.unfinished)], default=None)

    def looked_into(self, place: str) -> bool:
        """Whether the call in which this question stands, or a call above it, is not among the unfinished tasks."""
        unfinished = {record.path for record in self.unfinished}
        return unfinished.isdisjoint(ancestors(call_of(place)))


def _judged(leg: _Leg, ended: Ended, facts: Sequence[Fact]) -> tuple[str, BaseException | str | None]:
    """The problem's word, and what it is."""
    if leg.stopped is not None:
        error = leg.stopped.error
        return ("divergence" if isinstance(error, NonDeterminism) else "unreadable"), error
    if leg.beyond or leg.sleepers:
        return "", None
    raised = ended[1]
    if raised is not None and leg.held_since() is None and not _raised_before(raised, facts):
        what = f"{type(raised).__name__}: {failures.message(raised)}"
        return "raised", (
            f"Thread {leg.turn.thread_id!r} ({leg.turn.workflow}): its body raises {what}, before it comes to anything "
            "that is not recorded. Mend the body before the turn goes on."
        )
    for problem, found in _missed(leg):
        return problem, divergence.error(leg, found)
    return "", None


def _missed(leg: _Leg) -> Iterator[tuple[str, Divergence]]:
    """Answers, and questions that wait for one, that the code has passed by."""
    since = leg.held_since()
    for place, answer in leg.turn.undelivered():
        if leg.looked_into(place) and (since is None or answer.seq < since):
            yield "unreached-answer", divergence.of_answer(leg, place, answer)
    for place, asked in leg.turn.open.items():
        if since is None:
            yield "unasked-question", divergence.of_pending(leg, place, asked)


def _raised_before(raised: BaseException, facts: Sequence[Fact]) -> bool:
    """Whether the run failed with the same, so that this is how the turn was recorded."""
    failed = [fact.detail for fact in facts if fact.kind == "failed"][-1:]
    return [(type(raised).__name__, failures.message(raised))] == [(old["type"], old["message"]) for old in failed]
