"""What may happen to a thread, each as a function on its locked row; to its questions: `hitl.answering`.

A transition looks at the rows, refuses with a clear error or adds facts; the store writes them and the
rows they change together. Lock order is the thread's row first, in all of them (rule 4). The public
verbs (`hitl.verbs`), graphs called in code, and executors are the only callers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from hitl import codec, errors
from hitl.answering import held
from hitl.facts import Author, Fact, new_id
from hitl.projection import legible
from hitl.store import Lease, Unit

MAX_CLAIMS = 5


# Starting


def start(
    unit: Unit,
    *,
    workflow: str,
    text: str,
    author: Author,
    version: str = "",
    idempotency_key: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    discard_pending: bool = False,
    back_to: Mapping[str, Any] | None = None,
) -> Any:
    """Open a new turn with this input (rule 10). Returns the queued run.

    version: of the workflow's code, which the turn keeps until it ends (rule 14).
    back_to: what the input's fact says beside, where the turn goes on from an older one (hitl.forking).
    """
    thread = unit.thread
    if not unit.is_new:
        check_workflow(unit, workflow)
        _make_room(unit, author, discard_pending=discard_pending)
    thread.workflow = workflow
    run_id = new_id()
    unit.add(
        Fact(
            "input",
            thread.turn + 1,
            value=text,
            digest=codec.digest(text),
            detail=author.detail()
            | {
                "run": run_id,
                "workflow": workflow,
                "version": version,
                "idempotency_key": idempotency_key,
                "metadata": dict(thread.metadata) | _storable(metadata or {}),
            }
            | dict(back_to or {}),
        )
    )
    return unit.runs[run_id]


def _storable(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata as plain JSON that any database's JSON column takes."""
    plain: dict[str, Any] = codec.plain(codec.encode(dict(metadata), where="metadata"))
    for text in _texts(plain):
        if text != legible(text):
            raise errors.UnstorableValue(f"metadata: {text[:50]!r} has characters that a database cannot store.")
    return plain


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _make_room(unit: Unit, author: Author, *, discard_pending: bool) -> None:
    thread = unit.thread
    if thread.status == "idle":
        return
    if thread.status == "busy":
        raise busy(thread.id)
    in_window = [q for q in unit.questions.values() if q.status == "held"]
    if in_window:
        raise held(in_window[0])
    if not discard_pending:
        if thread.status == "error":
            raise errors.ThreadInError(
                f"The last run of thread {thread.id!r} failed. Retry or cancel it before giving it new input, or "
                "pass discard_pending=True to give it up."
            )
        raise errors.ThreadInterrupted(
            f"Thread {thread.id!r} waits for an answer. Answer or cancel it before giving it new input, or pass "
            "discard_pending=True to give the question up."
        )
    unit.add(Fact("discard", thread.turn, attempt=thread.seq + 1, detail=author.detail()))
    unit.thread.lease_epoch += 1


def check_workflow(unit: Unit, workflow: str) -> None:
    """Raise WrongWorkflow unless the thread belongs to this one (rule 9)."""
    if unit.thread.workflow != workflow:
        raise errors.WrongWorkflow(
            f"Thread {unit.thread.id!r} belongs to workflow {unit.thread.workflow!r}, not to {workflow!r}. "
            "Use that workflow, or another thread id."
        )


def busy(thread_id: str) -> errors.ThreadBusy:
    return errors.ThreadBusy(
        f"Thread {thread_id!r} is busy: a run is queued or running. Wait for it, or cancel it first."
    )


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


def cancel(unit: Unit, *, author: Author, reason: str = "") -> None:
    """Close the turn without an output, at once: whoever runs it has lost the lease (rule 28)."""
    thread = unit.thread
    if thread.status == "idle":
        raise errors.NothingToCancel(f"Thread {thread.id!r} has no open turn: there is nothing to cancel.")
    thread.lease_epoch += 1
    thread.wake_at = None
    unit.drop_lease()
    detail = author.detail() | {"reason": reason}
    unit.add(Fact("cancel", thread.turn, attempt=thread.seq + 1, detail=detail))
