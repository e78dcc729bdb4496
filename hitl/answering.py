"""What may happen to a thread's questions, each as a function on its locked row: answer, hold, undo, release, assign.

As in `hitl.transitions`, whose callers these have too: look at the rows, refuse with a clear error or add facts.
Each compares the question's status and version first (rules 5, 19 and 22).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from hitl import answers, codec, errors
from hitl.facts import Author, Fact, new_id
from hitl.projection import OPEN
from hitl.unit import Unit


@dataclasses.dataclass(frozen=True, slots=True)
class Given:
    """An answer as it came in, with the version of the question that its author saw (None: whichever is open).

    text: the answer as it was checked for that version before the thread was locked.
    """

    value: Any
    version: int | None = None
    text: str | None = None


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


def triage(unit: Unit, question_id: str, *, priority: int, due_at: datetime | None, author: Author) -> Any:
    """Say how urgent an open question is."""
    question = _known(unit, question_id)
    if question.status not in OPEN:
        raise _already(question) if question.status == "answered" else _closed(question)
    if (question.priority, question.due_at) != (priority, due_at):
        said = {"id": question_id, "priority": priority, "due_at": due_at and due_at.isoformat()}
        unit.add(_about(question, unit, "triage", author.detail() | said, attempt=unit.thread.seq + 1))
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
