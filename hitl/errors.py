"""Everything that can go wrong, as one family.

HitlError
├── NotFound                  404
│   ├── UnknownWorkflow
│   │   └── UnknownVersion
│   ├── UnknownThread
│   ├── UnknownQuestion
│   ├── UnknownRun
│   └── UnknownSchedule
├── Conflict                  409
│   ├── ThreadBusy
│   ├── LineFull
│   ├── ThreadInterrupted
│   ├── ThreadInError
│   ├── WrongWorkflow
│   ├── IdempotencyConflict
│   ├── UnknownInterruptError
│   │   ├── NothingPending
│   │   └── AmbiguousAnswer   (also a RuntimeError)
│   ├── AlreadyAnswered
│   ├── QuestionHeld
│   ├── QuestionClosed
│   ├── StaleAnswer
│   ├── AlreadyAssigned
│   ├── NothingToRetry
│   └── NothingToCancel
├── Invalid                   422
│   ├── InvalidInput          (also a ValueError)
│   ├── InvalidAnswer         (also a ValueError)
│   ├── InvalidSchema
│   ├── UnstorableValue       (also a TypeError)
│   └── ValueTooLarge         (also a ValueError)
├── NonDeterminism            500
├── RunFailed                 500
├── RunStopped                500
│   ├── RunCancelled
│   ├── HandedBack
│   └── LeaseLost
├── Misuse                    500
│   ├── NotInRun              (also a RuntimeError)
│   ├── NeedsEventLoop        (also a RuntimeError)
│   ├── NeedsAsyncCall        (also a TypeError)
│   ├── NoThreadId            (also a ValueError and a KeyError)
│   ├── NoCheckpointer        (also a ValueError and a RuntimeError)
│   ├── InvalidOption         (also a ValueError and a TypeError)
│   ├── InvalidUpdateError    (also a ValueError)
│   ├── EmptyInput            (also a ValueError)
│   └── InsideTransaction     (also a RuntimeError)
├── NodeTimeoutError          500  (also a TimeoutError)
└── JournalUnreachable        503

Every message says what happened, to which thread, and what to do. `status` is the HTTP status that a
page answers with, `exit_code` what a command ends with.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any


class HitlError(Exception):
    """Base of every error the engine raises to its callers."""

    status = 500
    exit_code = 1


class NotFound(HitlError):
    status = 404
    exit_code = 3


class UnknownWorkflow(NotFound):
    """No registered workflow bears this name."""


class UnknownVersion(UnknownWorkflow):
    """The open turn needs a version of its workflow that is not registered here; it is left alone."""


class UnknownThread(NotFound):
    """No thread bears this id."""


class UnknownQuestion(NotFound):
    """No question bears this id, or not on this thread."""


class UnknownRun(NotFound):
    """No run bears this id."""


class UnknownSchedule(NotFound):
    """No schedule bears this id."""


class Conflict(HitlError):
    status = 409
    exit_code = 4


class ThreadBusy(Conflict):
    """A run of this thread is queued or running."""


class LineFull(Conflict):
    """So many starts wait on this thread that it takes no more."""


class ThreadInterrupted(Conflict):
    """The thread waits for an answer; new input would discard the question."""


class ThreadInError(Conflict):
    """The thread's last run failed; retry or cancel it before it takes new input."""


class WrongWorkflow(Conflict):
    """The thread belongs to another workflow."""


class IdempotencyConflict(Conflict):
    """The idempotency key was used before, with another input."""


class UnknownInterruptError(Conflict):
    """An answer without an id goes to no question. `pending_ids` are those that could be answered (item 54)."""

    reason = ""

    def __init__(self, message: str, *, pending_ids: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.pending_ids = tuple(pending_ids)


class NothingPending(UnknownInterruptError):
    """An answer was given, but the thread has no question open."""

    reason = "not_pending"


class AmbiguousAnswer(UnknownInterruptError, RuntimeError):
    """One answer was given without an id, but several questions are open."""

    reason = "ambiguous"


class AlreadyAssigned(Conflict):
    """Somebody else took the question first."""


class NothingToRetry(Conflict):
    """Only a thread in error can be retried."""


class NothingToCancel(Conflict):
    """The thread has no open turn."""


class AnswerConflict(Conflict):
    """The answer came too late or to the wrong version; carries what stands there now."""

    def __init__(
        self,
        message: str,
        *,
        question_id: str,
        version: int,
        answered_by: str = "",
        answered_at: datetime | None = None,
        answer: Any = None,
    ) -> None:
        super().__init__(message)
        self.question_id = question_id
        self.version = version
        self.answered_by = answered_by
        self.answered_at = answered_at
        self.answer = answer


class AlreadyAnswered(AnswerConflict):
    """Somebody answered first; `answered_by`, `answered_at` and `answer` say who, when and what."""


class QuestionHeld(AnswerConflict):
    """Somebody's answer is in its undo window."""


class QuestionClosed(AnswerConflict):
    """The question was cancelled or has expired."""


class StaleAnswer(AnswerConflict):
    """The question was asked again with another text (a newer version) since it was read."""


class Invalid(HitlError):
    status = 422
    exit_code = 5


class ValidationFailed(Invalid, ValueError):
    """A value does not fit. `errors` are pairs of a JSON path (`""` for the whole) and a message."""

    def __init__(self, message: str, *, errors: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.errors = list(errors)


class InvalidInput(ValidationFailed):
    """The input does not fit the workflow's annotation."""


class InvalidAnswer(ValidationFailed):
    """The answer does not fit what the question asks for."""


class InvalidSchema(Invalid):
    """A response schema is no valid JSON Schema, or refers to something outside itself."""


class UnstorableValue(Invalid, TypeError):
    """A value holds something that cannot be stored; the message names the element's path."""


class ValueTooLarge(Invalid, ValueError):
    """A value is larger, as stored, than `HITL_MAX_VALUE_BYTES`."""


class NonDeterminism(HitlError):
    """On replay the code made other calls than the journal holds. The journal is left as it is.

    recorded: what the journal holds: `what` ("call" or "question"), `name` and `arguments` as kept, or `id` and
        `value`; `number` among its like, `parent` (names from the workflow down), `seq`, `path`, `code_version`.
    now: what came instead, in the same words without the journal's; `what` is "nothing" where nothing came.
    Both are None on an error that was rebuilt from the journal; its message has it all.
    """

    thread_id = ""
    workflow = ""
    problem = ""
    recorded: dict[str, Any] | None = None
    now: dict[str, Any] | None = None

    def __init__(
        self,
        message: str = "",
        *,
        thread_id: str = "",
        workflow: str = "",
        problem: str = "",
        recorded: dict[str, Any] | None = None,
        now: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.thread_id = thread_id
        self.workflow = workflow
        self.problem = problem
        self.recorded = recorded
        self.now = now


class RunFailed(HitlError):
    """A run ended with an error that could not be rebuilt; carries its type's name and message."""


class RunStopped(HitlError):
    """The run was taken from this executor."""


class RunCancelled(RunStopped):
    """Somebody cancelled the run."""


class HandedBack(RunStopped):
    """This process stops; another one goes on with the run from its last recorded fact."""


class LeaseLost(RunStopped):
    """Another executor holds this thread now; what this one was doing is not recorded."""


class Misuse(HitlError):
    """The engine was called where it cannot work."""


class NotInRun(Misuse, RuntimeError):
    """A task, `interrupt()` or `get_config()` was called outside a run."""


class NeedsEventLoop(Misuse, RuntimeError):
    """An asynchronous task was called in synchronous code."""


class NeedsAsyncCall(Misuse, TypeError):
    """An asynchronous workflow was called with `invoke` or `stream`."""


class NoThreadId(Misuse, ValueError, KeyError):
    """A workflow was called without a thread id."""

    __str__ = Exception.__str__  # a KeyError shows its message quoted


class NoCheckpointer(Misuse, ValueError, RuntimeError):
    """The workflow has no checkpointer, and Django, whose database it would use, is not set up."""


class InvalidOption(Misuse, ValueError, TypeError):
    """An option that there is not, or that cannot have this value."""


class InvalidUpdateError(Misuse, ValueError):
    """A command or update is for a node or graph that there is not."""


class EmptyInput(Misuse, ValueError):
    """`None` was given as input, and there is nothing to go on with."""


class InsideTransaction(Misuse, RuntimeError):
    """A graph was run inside `transaction.atomic()`; only `start()` and `answer()` may be."""


class NodeTimeoutError(HitlError, TimeoutError):
    """A task or body took longer than its timeout. Passing by nature, so a default RetryPolicy tries again."""


class JournalUnreachable(HitlError):
    """The database is locked or gone. Nothing was half-written; try again."""

    status = 503
    exit_code = 6


# LangGraph's name for it, so that a program of that kind finds it here.
EmptyInputError = EmptyInput


def is_invalid_resume(error: BaseException) -> bool:
    """Whether this is an answer that did not fit its question (item 55). Nothing was stored; ask again."""
    return isinstance(error, InvalidAnswer)
