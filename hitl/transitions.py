"""What may happen to a thread, each as a function on its locked row.

A transition looks at the rows, refuses with a clear error or adds facts; the store writes them and the
rows they change together. Lock order is the thread's row first, in all of them (rule 4). The public
verbs (`hitl.verbs`), graphs called in code, and executors are the only callers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hitl import answers, codec, errors
from hitl.facts import Author, Fact, new_id
from hitl.projection import OPEN, legible
from hitl.store import Lease, Unit

MAX_CLAIMS = 5


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """An answer as it came in, with the version of the question that its author saw (None: whichever is open).

    text: the answer as it was checked for that version before the thread was locked.
    """

    value: Any
    version: int | None = None
    text: str | None = None


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
            digest=_text_digest(text),
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


# Answering


def answer(
    unit: Unit,
    given: Mapping[str, Given],
    *,
    author: Author,
    token: str = "",
    hold_seconds: float = 0,
) -> list[Any]:
    """Answer these questions of the thread, all or none, each compared by status and version (rules 5, 19)."""
    taken = [_taken(unit, key, item, author=author, token=token) for key, item in given.items()]
    run_id = new_id()
    unit.thread.wake_at = None
    for question, text in filter(None, taken):
        detail = author.detail() | {
            "id": question.id,
            "version": question.version,
            "token": token,
            "before": question.answer,
        }
        if hold_seconds > 0:
            detail["release_at"] = (unit.now + timedelta(seconds=hold_seconds)).isoformat()
        else:
            detail["run"] = run_id
        unit.add(_about(question, unit, "hold" if hold_seconds > 0 else "answer", detail, text=text))
    return [unit.questions[key] for key in given]


def resume(unit: Unit, value: Any, *, author: Author) -> list[Any]:
    """`Command(resume=…)`: a map by question id, or one value for the only pending question (rule 19)."""
    if isinstance(value, dict) and value and all(key in unit.questions for key in value):
        return answer(unit, {key: Given(item) for key, item in value.items()}, author=author)
    pending = only_pending(unit.thread, list(unit.questions.values()))
    return answer(unit, {pending.id: Given(value)}, author=author)


def named(value: Any) -> list[str]:
    """The keys of a dict that may be ids of questions: then it is a map, whatever became of those (rule 19)."""
    return [key for key in value if isinstance(key, str) and len(key) == 32] if isinstance(value, dict) else []


def only_pending(thread: Any, questions: Sequence[Any]) -> Any:
    """The question that a bare answer goes to, among a thread's open ones and its latest answered one."""
    pending = [q for q in questions if q.status == "pending"]
    if len(pending) == 1:
        return pending[0]
    if pending:
        ids = ", ".join(q.id for q in pending)
        raise errors.AmbiguousAnswer(
            f"Thread {thread.id!r} has {len(pending)} pending questions; say which one is answered: "
            f"Command(resume={{id: answer}}) with ids {ids}.",
            pending_ids=[q.id for q in pending],
        )
    in_window = [q for q in questions if q.status == "held"]
    if in_window:
        raise held(in_window[0])
    answered = [q for q in questions if q.status == "answered" and q.turn == thread.turn]
    if answered:
        raise _already(max(answered, key=lambda q: q.answered_at))
    raise errors.NothingPending(
        f"Thread {thread.id!r} has no pending question (it is {thread.status}); the answer was not stored. get_state() "
        "says what it waits for."
    )


def _taken(unit: Unit, key: str, given: Given, *, author: Author, token: str) -> tuple[Any, str] | None:
    """The question and the checked answer; None if this very submit answered it already."""
    question = _known(unit, key)
    if question.status in ("answered", "held"):
        if token and question.token == token and _answered_by(question, author):
            return None
        raise _already(question) if question.status == "answered" else held(question)
    if question.status != "pending":
        raise _closed(question)
    if given.version is not None:
        _check_version(question, given.version)
    return question, answers.checked(question, given.value) if given.text is None else given.text


def _answered_by(question: Any, author: Author) -> bool:
    return bool((question.answered_by_id, question.answered_by_name) == (author.by, author.name))


def undo(unit: Unit, question_id: str, *, version: int, author: Author) -> Any:
    """Take a held answer back (rule 22): the question is pending again, one version on."""
    question = _known(unit, question_id)
    if question.status == "answered":
        raise _already(question)
    if question.status != "held":
        raise _closed(question)
    _check_version(question, version)
    detail = author.detail() | {"id": question_id, "version": version + 1}
    unit.add(_about(question, unit, "undo", detail, attempt=version + 1))
    return question


def release(unit: Unit, question_id: str) -> bool:
    """Give a held answer whose window is over to the workflow; False where there is none any more."""
    question = unit.questions.get(question_id)
    if question is None or question.status != "held" or question.release_at > unit.now:
        return False
    author = Author(question.answered_by_id, question.answered_by_name, question.channel)
    detail = author.detail() | {
        "id": question_id,
        "version": question.version,
        "run": new_id(),
        "token": question.token,
    }
    unit.add(_about(question, unit, "release", detail, text=question.answer))
    return True


ANYBODY: Any = object()


def assign(unit: Unit, question_id: str, *, to: Any, to_name: str, author: Author, instead_of: Any = ANYBODY) -> Any:
    """Say whose question it is; `to` and `instead_of`, whose it has to be now, are users' primary keys or None."""
    question = _known(unit, question_id)
    if question.status not in OPEN:
        raise _already(question) if question.status == "answered" else _closed(question)
    if question.assignee_id != to:
        if instead_of is not ANYBODY and question.assignee_id != instead_of:
            raise errors.AlreadyAssigned(
                f"Question {question_id} was taken or given back by somebody else meanwhile. Read it again; nothing "
                "was changed."
            )
        detail = author.detail() | {"id": question_id, "to": to, "to_name": to_name}
        unit.add(_about(question, unit, "assign", detail, attempt=unit.thread.seq + 1))
    return question


def _known(unit: Unit, question_id: str) -> Any:
    question = unit.questions.get(question_id)
    if question is None:
        raise errors.UnknownQuestion(
            f"Thread {unit.thread.id!r} has no question {question_id!r}. get_state() lists those that are open."
        )
    return question


def _check_version(question: Any, version: int) -> None:
    if version != question.version:
        raise errors.StaleAnswer(
            f"{_named(question)} was asked again as version {question.version} since version {version} was read. "
            "Read it again; nothing was stored.",
            question_id=question.id,
            version=question.version,
        )


def _about(
    question: Any,
    unit: Unit,
    kind: str,
    detail: dict[str, Any],
    *,
    text: str | None = None,
    attempt: int | None = None,
) -> Fact:
    return Fact(
        kind,
        question.turn,
        path=place(question.path, question.key or str(question.position)),
        attempt=question.version if attempt is None else attempt,
        name=question.task,
        digest=question.digest,
        position=question.position,
        value=text,
        detail=detail,
    )


def place(path: str, where: str) -> str:
    """The path of a question's facts: its call, and which question of that call."""
    return f"{path}?{where}"


def _already(question: Any) -> errors.AlreadyAnswered:
    when = f"{question.answered_at:%Y-%m-%d %H:%M:%S} UTC" if question.answered_at else "before"
    return errors.AlreadyAnswered(
        f"{_named(question)} was answered by {question.answered_by_name or 'somebody'} at {when}. This answer was not "
        "stored; to change that one, fork the thread from before it.",
        **_standing(question),
    )


def held(question: Any) -> errors.QuestionHeld:
    """The error that says whose answer can still be undone."""
    return errors.QuestionHeld(
        f"{_named(question)} is held by {question.answered_by_name}: their answer can still be undone. Nothing was "
        "stored; wait until it is released.",
        **_standing(question),
    )


def _closed(question: Any) -> errors.QuestionClosed:
    return errors.QuestionClosed(
        f"{_named(question)} is {question.status} (version {question.version}); nothing was stored. get_state() "
        "says what the thread waits for.",
        **_standing(question),
    )


def _named(question: Any) -> str:
    place = f", asked in {question.task}()," if question.task else ""
    return f"Question {question.id} of thread {question.thread_id!r}{place}"


def _standing(question: Any) -> dict[str, Any]:
    return {
        "question_id": question.id,
        "version": question.version,
        "answered_by": question.answered_by_name,
        "answered_at": question.answered_at,
        "answer": codec.decode(question.answer) if question.answer is not None else None,
    }


def _text_digest(text: str) -> str:
    return codec.digest(text)
