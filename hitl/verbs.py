"""What people and code do to threads: the only writers of state, alike for page, Admin, command and code.

Each is one transaction on the thread, and may be part of the caller's own (rule 36); the executor is
nudged when it commits. Permissions are the caller's business; an author is always stored (rule 19).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction

from hitl import answering, answers, codec, executors, forking, line, registry, transitions, urgency
from hitl.answering import ANYBODY, Given
from hitl.checkpoint.database import DatabaseSaver, saver
from hitl.errors import Conflict, IdempotencyConflict, InvalidInput, UnknownQuestion, UnknownRun
from hitl.facts import Author, new_id
from hitl.models import Interrupt, Run, Thread
from hitl.opening import STRATEGIES, Start
from hitl.store import check_thread_id, unknown_thread
from hitl.unit import Unit

MAX_KEY = 200
MAX_TOKEN = 64
By = AbstractBaseUser | Author | str | None


def start(
    workflow: str,
    value: Any,
    *,
    thread_id: str | None = None,
    by: By = None,
    channel: str = "code",
    idempotency_key: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    discard_pending: bool = False,
    multitask_strategy: str | None = None,
    run_at: datetime | None = None,
) -> Run:
    """Queue a turn of a registered workflow and return its run.

    value: the input, as the workflow's annotation wants it.
    thread_id: an existing idle thread of this workflow, or a new one's id; made where left out.
    idempotency_key: the same key and input give the first run again, whatever became of it.
    discard_pending: give up an open question or a failed turn of that thread.
    multitask_strategy: what to do with a turn that is open on that thread, in the words of LangGraph's server.
        "reject" refuses the start and is the default; "enqueue" puts it in line behind that turn; "interrupt" stops
        that turn and keeps what it finished in the thread's history; "rollback" takes that out of the history too.
    run_at: not before then (with a time zone). Until it comes the start waits in line and keeps nobody else from
        starting; a turn that is open then is waited for, or given up, as the strategy says ("enqueue" unless told).

    Raises UnknownWorkflow, InvalidInput, UnstorableValue, ValueTooLarge, ThreadBusy, ThreadInterrupted,
    ThreadInError, WrongWorkflow, QuestionHeld, IdempotencyConflict (rule 10), LineFull, JournalUnreachable.
    """
    strategy = _strategy(multitask_strategy, run_at, discard_pending=discard_pending)
    flow = registry.get(workflow)
    text = codec.encode(flow.check_input(value), where="input")
    store = saver()
    _short_enough("idempotency_key", idempotency_key or "", MAX_KEY)
    if idempotency_key:
        first = store.run_with_key(flow.name, idempotency_key)
        if first is not None:
            return _same_start(store, first, text, idempotency_key)
    thread_id = new_id() if thread_id is None else check_thread_id(thread_id)
    asked = Start(
        flow.name,
        text,
        Author.of(by, channel),
        version=flow.version,
        idempotency_key=idempotency_key or None,
        metadata=metadata or {},
        strategy=strategy,
        run_at=run_at,
    )
    work = partial(transitions.start, asked=asked, discard_pending=discard_pending)
    try:
        run: Run = _nudging(store, thread_id, flow.name, work, create=True)
    except (IntegrityError, Conflict):
        # Perhaps two starts with one key raced, and the other one won.
        first = store.run_with_key(flow.name, idempotency_key) if idempotency_key else None
        if first is None:
            raise
        return _same_start(store, first, text, idempotency_key or "")
    if run.status == Run.Status.WAITING and run_at is not None:
        _send(store, partial(executors.current().nudge, thread_id, workflow=flow.name, run_at=run_at))
    return run


def answer(
    question_id: str,
    value: Any,
    *,
    version: int,
    by: By = None,
    channel: str = "code",
    token: str = "",
    hold_seconds: float = 0,
) -> Interrupt:
    """Answer a question, as the version that the author saw, and queue the run that goes on with it.

    value: any JSON value that the question's kind and schema allow.
    token: of the submitted form: the same one again, by the same author, is the same answer.
    hold_seconds: keep the answer back so long, so that it can be undone (rule 22).

    Raises UnknownQuestion, InvalidAnswer, UnstorableValue, ValueTooLarge; AlreadyAnswered, QuestionHeld,
    QuestionClosed and StaleAnswer, which say what stands there; JournalUnreachable. Nothing is written then.
    """
    _short_enough("token", token, MAX_TOKEN)
    author = Author.of(by, channel)
    given = Given(value, version, answers.checked_ahead(_question(question_id), value, version=version))

    def work(unit: Unit) -> Any:
        return answering.answer(unit, {question_id: given}, author=author, token=token, hold_seconds=hold_seconds)[0]

    return _on_question(question_id, work)


def undo(question_id: str, *, version: int, by: By = None, channel: str = "code") -> Interrupt:
    """Take a held answer back; the question is pending again, one version on (rule 22)."""
    author = Author.of(by, channel)
    work = partial(answering.undo, question_id=question_id, version=version, author=author)
    return _on_question(question_id, work)


def release(question_id: str) -> bool:
    """Give a held answer whose window is over to the workflow. Returns whether there was one to give."""
    released = False

    def work(unit: Unit) -> Any:
        nonlocal released
        released = answering.release(unit, question_id)
        return unit.questions.get(question_id)

    _on_question(question_id, work)
    return released


def assign(
    question_id: str,
    *,
    to: AbstractBaseUser | None,
    instead_of: AbstractBaseUser | None = ANYBODY,
    by: By = None,
    channel: str = "code",
) -> Interrupt:
    """Say whose question it is; `to=None` gives it back to everybody.

    instead_of: whose it was when `by` decided so; left out, whoever's it is.
    Raises UnknownQuestion, AlreadyAnswered, QuestionClosed, AlreadyAssigned, JournalUnreachable.
    """
    work = partial(
        answering.assign,
        instead_of=ANYBODY if instead_of is ANYBODY else instead_of and instead_of.pk,
        question_id=question_id,
        to=to.pk if to else None,
        to_name=to.get_username() if to else "",
        author=Author.of(by, channel),
    )
    return _on_question(question_id, work)


def triage(
    question_id: str,
    *,
    priority: int,
    due: datetime | timedelta | None,
    by: By = None,
    channel: str = "code",
) -> Interrupt:
    """Say how urgent a question is: its priority, from -9 to 9, and when it is due, if at all.

    Raises InvalidOption, UnknownQuestion, AlreadyAnswered, QuestionClosed, JournalUnreachable.
    """
    work = partial(
        answering.triage,
        question_id=question_id,
        priority=urgency.checked_priority(priority),
        due_at=urgency.checked_due(due, now=datetime.now(UTC)),
        author=Author.of(by, channel),
    )
    return _on_question(question_id, work)


def cancel(
    thread_id: str, *, by: By = None, channel: str = "code", reason: str = "", turn: int | None = None
) -> Thread:
    """Close the open turn without an output, at once; its questions are cancelled (rule 28).

    The first start that waits in line for that turn begins. turn: the one that is meant; NothingToCancel if another
    one runs by now.
    Raises UnknownThread, NothingToCancel, JournalUnreachable.
    """

    def work(unit: Unit) -> Thread:
        transitions.cancel(unit, author=Author.of(by, channel), reason=reason, turn=turn)
        thread: Thread = unit.thread
        return thread

    thread: Thread = _nudging(saver(), thread_id, "", work)
    return thread


def withdraw(
    run_id: str, *, by: By = None, channel: str = "code", reason: str = "", thread_id: str | None = None
) -> Run:
    """Cancel a start that waits in line or for its time, before it begins.

    thread_id: where it has to wait, if the caller may touch that thread alone.

    Raises UnknownRun; NothingToCancel where it has begun or was cancelled before; JournalUnreachable.
    """
    work = partial(line.withdraw, run_id=run_id, author=Author.of(by, channel), reason=reason)
    run: Run = saver().transact(thread_id or _run(run_id).thread_id, work)
    return run


def begin_due(thread_id: str) -> bool:
    """Begin the start whose time has come, if the thread has one. Returns whether there was one to begin."""
    return _nudging(saver(), thread_id, "", line.begin_due) is not None


def retry(thread_id: str, *, by: By = None, channel: str = "code") -> Run:
    """Queue another leg of a thread whose run failed; finished tasks do not run again.

    A question that was given back with its answer is answered with it again (rule 21).
    Raises UnknownThread, NothingToRetry, JournalUnreachable.
    """
    work = partial(transitions.retry, author=Author.of(by, channel))
    run: Run = _nudging(saver(), thread_id, "", work)
    return run


def fork(
    thread_id: str,
    seq: int,
    *,
    answers: Mapping[str, Any] | None = None,
    by: By = None,
    channel: str = "code",
) -> Run:
    """Go on from a checkpoint in a new thread, and return its run; the thread that it comes from stays as it is.

    seq: any fact of the thread's turns, as `get_state_history(steps=True)` lists them. What was finished by then is
        not run again; everything after it has not happened in the new thread.
    answers: by the ids of questions that were open there; the others are asked anew.

    Raises UnknownThread, NotFound for a seq that is none, NothingPending, InvalidAnswer, JournalUnreachable.
    """
    store = saver()
    source = store.thread(thread_id)
    if source is None:
        raise unknown_thread(thread_id)
    facts = store.facts(thread_id)
    work = partial(forking.branch, facts=facts, seq=seq, answers=answers or {}, author=Author.of(by, channel))
    run: Run = _nudging(store, new_id(), source.workflow, work, create=True)
    return run


def _on_question(question_id: str, work: Callable[[Unit], Any]) -> Interrupt:
    question = _question(question_id)
    changed: Interrupt = _nudging(saver(), question.thread_id, question.workflow, work, questions=[question_id])
    return changed


def _run(run_id: str) -> Run:
    run = Run.objects.using(saver().alias).filter(pk=run_id).first()
    if run is None:
        raise UnknownRun(f"There is no run {run_id!r}. `manage.py hitl show THREAD` lists those of a thread.")
    return run


def _question(question_id: str) -> Interrupt:
    question = saver().question(question_id)
    if question is None:
        raise UnknownQuestion(f"There is no question {question_id!r}.")
    return question


def _nudging(
    store: DatabaseSaver,
    thread_id: str,
    workflow: str,
    work: Callable[[Unit], Any],
    *,
    create: bool = False,
    questions: Sequence[str] = (),
) -> Any:
    """Make the transition, and once it is committed tell the executor if the thread has something to run."""
    executor = executors.current()

    def nudged(unit: Unit) -> Any:
        result = work(unit)
        moved = any(fact.kind not in ("enqueue", "withdraw") for fact in unit.facts)
        if unit.thread.status == "busy" and moved:
            executor.expect(unit)
            _send(store, partial(executor.nudge, thread_id, workflow=workflow or unit.thread.workflow))
        return result

    return store.transact(thread_id, nudged, create=create, questions=questions)


def _send(store: DatabaseSaver, nudge: Callable[[], None]) -> None:
    """Now where nudges are rows of the verb's own transaction, else when that is committed."""
    if executors.current().in_transaction:
        nudge()
    else:
        transaction.on_commit(nudge, using=store.alias, robust=True)


def _short_enough(name: str, text: str, most: int) -> None:
    if len(text) > most or not text.isprintable():
        told = f"at most {most} printable characters"
        raise InvalidInput(f"{name} {text[:50]!r}… cannot be stored: use {told}.", errors=[(name, told)])


def _strategy(asked: str | None, run_at: datetime | None, *, discard_pending: bool) -> str:
    strategy = asked or ("reject" if run_at is None else "enqueue")
    if strategy not in STRATEGIES:
        raise _unfit("multitask_strategy", f"{strategy!r} is none", f"use one of {', '.join(STRATEGIES)}")
    if discard_pending and strategy != "reject":
        raise _unfit("discard_pending", f"it does not go with {strategy!r}", "leave it out: the strategy says it all")
    if run_at is None:
        return strategy
    if run_at.tzinfo is None:
        raise _unfit("run_at", "it has no time zone", "give it one, as django.utils.timezone.now() has")
    if strategy == "reject":
        raise _unfit("multitask_strategy", "at run_at nobody is there to be refused", "use another, or leave it out")
    return strategy


def _unfit(name: str, problem: str, remedy: str) -> InvalidInput:
    return InvalidInput(f"{name}: {problem}; {remedy}. Nothing was started.", errors=[(name, f"{problem}; {remedy}")])


def _same_start(store: DatabaseSaver, first: Run, text: str, key: str) -> Run:
    before = store.value_at(first.thread_id, first.seq)
    if before is None:
        # The input was forgotten since (pruned): the key still stands for that start.
        return first
    if codec.digest(codec.decode(before)) != codec.digest(codec.decode(text)):
        raise IdempotencyConflict(
            f"The idempotency key {key!r} was used for thread {first.thread_id!r} with another input. Use another key "
            "for another start."
        )
    return first
