"""What may happen to a thread, each as a function on its locked row; to its questions: `hitl.answering`.

A transition looks at the rows, refuses with a clear error or adds facts; the store writes them and the
rows they change together. Lock order is the thread's row first, in all of them (rule 4). The public
verbs (`hitl.verbs`), graphs called in code, and executors are the only callers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from hitl import errors, line
from hitl.facts import Author, Fact, new_id
from hitl.lease import Lease
from hitl.opening import Start, check_workflow, make_room, open_turn
from hitl.unit import Unit

MAX_CLAIMS = 5


# Starting


def start(unit: Unit, asked: Start, *, discard_pending: bool = False, back_to: Mapping[str, Any] | None = None) -> Any:
    """Open a new turn with this input (rule 10), or put it in line. Returns the run, queued or waiting.

    back_to: what the input's fact says beside, where the turn goes on from an older one (hitl.forking).
    """
    if not unit.is_new:
        check_workflow(unit, asked.workflow)
    if line.has_to_wait(unit, asked):
        return line.put(unit, asked)
    if not unit.is_new:
        make_room(unit, author=asked.author, strategy=asked.strategy, discard_pending=discard_pending)
    return open_turn(unit, asked, back_to=back_to)


# Running


def claim(unit: Unit, *, workflow: str, lease_seconds: float, code_version: str, version: str = "") -> Lease | None:
    """Take the lease of a busy thread and note the leg; None where there is nothing to run or nobody may."""
    if unit.thread.status != "busy" or not unit.lease_is_free():
        return None
    check_workflow(unit, workflow)
    if unit.thread.workflow_version != version:
        return None
    if unit.thread.claims >= MAX_CLAIMS:
        _poison(unit)
        return None
    lease = unit.take_lease(lease_seconds=lease_seconds)
    _leg(unit, code_version=code_version)
    return lease


def _leg(unit: Unit, *, code_version: str) -> None:
    thread = unit.thread
    detail = {"owner": thread.lease_owner, "code_version": code_version}
    unit.add(Fact("leg", thread.turn, attempt=thread.seq + 1, detail=detail))


def _poison(unit: Unit) -> None:
    """Rule 27: five claims without one new fact; only a person tries again."""
    thread = unit.thread
    calls = sorted({f"{name}()" for name in unit.under_way()})
    place = f"in {', '.join(calls)}" if calls else "outside any call"
    thread.lease_epoch += 1
    unit.drop_lease()
    detail = {
        "type": "ExecutorDied",
        "message": f"Its executor died {MAX_CLAIMS} times {place}. Find out what kills the process, then retry.",
        "poisoned": True,
    }
    unit.add(Fact("failed", thread.turn, attempt=thread.seq + 1, detail=detail))


def pause(
    unit: Unit,
    lease: Lease,
    facts: Iterable[Fact],
    *,
    seen: int,
    code_version: str,
    rejected: Sequence[tuple[str, str, str]] = (),
) -> bool:
    """Write the questions and give the lease back; False where another run is queued and the leg goes on.

    Rule 18: under the thread's lock, so that an answer given meanwhile is never slept through.
    rejected: (question id, its facts' path, why) of answers that failed their check before user code saw them.
    """
    unit.check(lease)
    _ask(unit, facts)
    _reopen_all(unit, rejected)
    thread = unit.thread
    unit.add(Fact("pause", thread.turn, attempt=thread.seq + 1, detail={"seen": seen}))
    if any(run.status == "queued" for run in unit.runs.values()):
        _leg(unit, code_version=code_version)
        return False
    unit.drop_lease()
    return True


def _ask(unit: Unit, facts: Iterable[Fact]) -> None:
    """Write the questions of a leg, and what belongs to them.

    One that takes a new text (rule 13) is asked anew only if it is still pending, as it was when the leg began:
    an answer that was given since belongs to the text its author saw, and is neither dropped nor overwritten.
    """
    for fact in facts:
        known = unit.questions.get(fact.detail["id"]) if fact.kind == "question" else None
        if known is None or (known.status == "pending" and known.version < fact.detail["version"]):
            unit.add(fact)


def wait(
    unit: Unit,
    lease: Lease,
    facts: Iterable[Fact],
    *,
    seen: int,
    until: datetime,
    code_version: str,
    rejected: Sequence[tuple[str, str, str]] = (),
) -> bool:
    """Give the lease back until a timer is due (rule 25); questions among the facts can be answered meanwhile.

    As `pause` does it: False where another run is queued and the leg goes on.
    """
    unit.check(lease)
    _ask(unit, facts)
    _reopen_all(unit, rejected)
    thread = unit.thread
    detail = {"seen": seen, "until": until.isoformat()}
    others = any(run.status == "queued" for run in unit.runs.values())
    unit.add(Fact("wait", thread.turn, attempt=thread.seq + 1, detail=detail))
    if others:
        _leg(unit, code_version=code_version)
        return False
    unit.drop_lease()
    # A nudge that came while the lease was held found nothing to do: nobody need wait for it any more.
    thread.nudge_at = None
    thread.wake_at = until
    return True


def try_again(unit: Unit, lease: Lease, facts: Iterable[Fact]) -> None:
    """Note an attempt of the body that failed and is to be tried again under the same lease."""
    unit.check(lease)
    for fact in facts:
        unit.add(fact)


def finish(unit: Unit, lease: Lease, *, facts: Iterable[Fact], text: str, saved: str, cached: bool = False) -> None:
    """Close the turn with its output; `saved` is what the next turn gets as `previous`."""
    unit.check(lease)
    for fact in facts:
        unit.add(fact)
    turn = unit.thread.turn
    unit.add(Fact("output", turn, value=text, detail={"cached": True} if cached else {}))
    if saved != text:
        unit.add(Fact("save", turn, value=saved))
    unit.drop_lease()
    line.go_on(unit)


def fail(
    unit: Unit,
    lease: Lease,
    *,
    facts: Iterable[Fact],
    detail: dict[str, Any],
    reopen: Sequence[tuple[str, str]] = (),
) -> None:
    """Note that the run failed. `reopen`: (question id, its fact's path) of answers to give back (rule 21)."""
    unit.check(lease)
    for fact in facts:
        unit.add(fact)
    thread = unit.thread
    unit.add(Fact("failed", thread.turn, attempt=thread.seq + 1, detail=detail))
    for question_id, path in reopen:
        _reopen(unit, question_id, path, f"{detail['type']}: {detail['message']}")
    unit.drop_lease()


def _reopen_all(unit: Unit, rejected: Sequence[tuple[str, str, str]]) -> None:
    for question_id, path, problem in rejected:
        _reopen(unit, question_id, path, problem)


def _reopen(unit: Unit, question_id: str, path: str, problem: str) -> None:
    question = unit.questions[question_id]
    if question.status == "answered":
        version = question.version + 1
        detail = {"id": question_id, "version": version, "problem": problem}
        unit.add(Fact("reopen", unit.thread.turn, path=path, attempt=version, detail=detail))


def retry(unit: Unit, *, author: Author) -> Any:
    """Queue another leg of a failed turn. Returns the run."""
    thread = unit.thread
    if thread.status != "error":
        raise errors.NothingToRetry(
            f"Thread {thread.id!r} is {thread.status}; only a thread whose last run failed can be retried."
        )
    thread.claims = 0
    run_id = new_id()
    detail = author.detail() | {"run": run_id}
    unit.add(Fact("retry", thread.turn, attempt=thread.seq + 1, detail=detail))
    return unit.runs[run_id]


def cancel(unit: Unit, *, author: Author, reason: str = "", turn: int | None = None) -> None:
    """Close the turn without an output, at once: whoever runs it has lost the lease (rule 28).

    turn: the one that is meant; another may have begun since it was looked at.
    """
    thread = unit.thread
    if thread.status == "idle":
        raise errors.NothingToCancel(
            f"Thread {thread.id!r} has no open turn: there is nothing to cancel.{line.told(unit)}"
        )
    if turn is not None and turn != thread.turn:
        raise errors.NothingToCancel(
            f"Turn {turn} of thread {thread.id!r} has ended, and turn {thread.turn} runs now. Look at the thread "
            "again; nothing was cancelled."
        )
    thread.lease_epoch += 1
    thread.wake_at = None
    unit.drop_lease()
    detail = author.detail() | {"reason": reason}
    unit.add(Fact("cancel", thread.turn, attempt=thread.seq + 1, detail=detail))
    line.go_on(unit)
