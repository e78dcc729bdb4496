"""What the journal says stands now: one function from facts to the Thread, Run and Interrupt rows.

Every transition is written as facts and applied here, in the transaction that writes them, to the rows
under the thread's lock. `manage.py hitl doctor --rebuild` folds a whole journal through the same function
and compares. So there is no second place that decides what a fact means.

The rows are anything with these attributes: Django's models in the database, plain objects in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from hitl import urgency
from hitl.facts import Author, Fact
from hitl.likeness import likeness

ACTIVE = ("queued", "running")
# Those, and starts that wait in line (hitl.line).
UNENDED = ("waiting", *ACTIVE)
OPEN = ("pending", "held")

# The columns that the journal determines. Leases, nudges and `updated_at` are not among them.
THREAD_FIELDS = [
    "workflow",
    "workflow_version",
    "status",
    "seq",
    "turn",
    "turn_seq",
    "output_seq",
    "previous_seq",
    "metadata",
    "warning",
    "created_at",
]
RUN_FIELDS = [
    "workflow",
    "kind",
    "status",
    "turn",
    "seq",
    "requested_by_id",
    "requested_by_name",
    "channel",
    "idempotency_key",
    "code_version",
    "error_type",
    "error",
    "traceback",
    "created_at",
    "started_at",
    "ended_at",
    "run_at",
    "strategy",
]
QUESTION_FIELDS = [
    "workflow",
    "turn",
    "path",
    "position",
    "key",
    "task",
    "value",
    "digest",
    "schema",
    "checks",
    "kind",
    "title",
    "search",
    "status",
    "version",
    "answer",
    "answered_by_id",
    "answered_by_name",
    "answered_at",
    "channel",
    "token",
    "release_at",
    "problem",
    "assignee_id",
    "priority",
    "due_at",
    "urgent_at",
    "likeness",
    "asked_seq",
    "asked_at",
]


def legible(text: str) -> str:
    """A text as any database's text column can hold it: without NUL and halves of surrogate pairs.

    Values are stored with escapes and keep them; this is for what is copied out of them to be shown and searched.
    """
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode("utf-8")


def _urgency(detail: dict[str, Any], asked_at: datetime) -> dict[str, Any]:
    priority, due = detail.get("priority", 0), detail.get("due_at")
    due_at = datetime.fromisoformat(due) if due else None
    rank = urgency.rank(asked_at, priority=priority, due_at=due_at)
    return {"priority": priority, "due_at": due_at, "urgent_at": rank}


class Projection:
    """The rows of one thread, and how each kind of fact changes them.

    `runs` and `questions` need not be complete: those that are active or open, and those that the facts
    to be applied name, are enough. Changed rows are collected in `touched`, new ones in `added`.
    """

    def __init__(
        self,
        thread: Any,
        runs: Iterable[Any],
        questions: Iterable[Any],
        *,
        make_run: Callable[..., Any],
        make_question: Callable[..., Any],
    ) -> None:
        self.thread = thread
        self.runs = {run.id: run for run in runs}
        self.questions = {question.id: question for question in questions}
        self.touched: dict[str, Any] = {}
        self.added: dict[str, Any] = {}
        self._make_run = make_run
        self._make_question = make_question

    def committed(self) -> Projection:
        """The same rows, of which nothing is left to write."""
        return Projection(
            self.thread,
            self.runs.values(),
            self.questions.values(),
            make_run=self._make_run,
            make_question=self._make_question,
        )

    def apply(self, fact: Fact) -> None:
        self.thread.seq = fact.seq
        if fact.kind != "prune":
            # That something was forgotten is nothing that happened in the thread.
            self.thread.updated_at = fact.created_at
        change = getattr(self, f"_on_{fact.kind}", None)
        if change is not None:
            change(fact)

    # Starting and running

    def _on_input(self, fact: Fact) -> None:
        thread, detail = self.thread, fact.detail
        thread.workflow = detail["workflow"]
        thread.workflow_version = detail.get("version", "")
        thread.metadata = detail["metadata"]
        if fact.seq == 1:
            thread.created_at = fact.created_at
        if "previous_seq" in detail:
            thread.previous_seq = detail["previous_seq"]
        self._open_turn(fact, "start")

    def _on_enqueue(self, fact: Fact) -> None:
        thread, detail = self.thread, fact.detail
        if fact.seq == 1:
            thread.created_at = fact.created_at
            thread.workflow, thread.metadata = detail["workflow"], detail["metadata"]
        run_at = datetime.fromisoformat(detail["run_at"]) if detail["run_at"] else None
        self._add_run(fact, "start", status="waiting", run_at=run_at, strategy=detail["strategy"])

    def _on_withdraw(self, fact: Fact) -> None:
        self._change(self.runs[fact.detail["run"]], status="withdrawn", ended_at=fact.created_at)

    def _on_fork(self, fact: Fact) -> None:
        self.thread.previous_seq = fact.detail["previous_seq"]
        self.thread.workflow_version = fact.detail.get("version", "")
        self._open_turn(fact, "fork")

    def _open_turn(self, fact: Fact, kind: str) -> None:
        thread = self.thread
        thread.turn, thread.turn_seq = fact.turn, fact.seq
        thread.status, thread.warning = "busy", ""
        self._queue_run(fact, kind)

    def _on_leg(self, fact: Fact) -> None:
        self.thread.status = "busy"
        for run in self._runs("queued"):
            self._change(
                run,
                status="running",
                started_at=fact.created_at,
                code_version=fact.detail["code_version"],
            )

    def _on_warning(self, fact: Fact) -> None:
        self.thread.warning = fact.detail["message"]

    def _on_pause(self, fact: Fact) -> None:
        self.thread.status = "interrupted"
        self._end_runs("interrupted", fact.created_at, self._runs("running"))

    def _on_wait(self, fact: Fact) -> None:
        for run in self._runs("running"):
            self._change(run, status="queued")

    def _on_output(self, fact: Fact) -> None:
        self.thread.status = "idle"
        self.thread.output_seq = self.thread.previous_seq = fact.seq
        self._end_runs("succeeded", fact.created_at, self._runs(*ACTIVE))

    def _on_update(self, fact: Fact) -> None:
        thread = self.thread
        thread.workflow = fact.detail.get("workflow", thread.workflow)
        thread.status = "idle"
        thread.output_seq = fact.seq
        thread.previous_seq = fact.detail.get("previous_seq", fact.seq)
        if fact.seq == 1:
            thread.created_at = fact.created_at

    def _on_save(self, fact: Fact) -> None:
        self.thread.previous_seq = fact.seq

    def _on_failed(self, fact: Fact) -> None:
        self.thread.status = "error"
        detail = fact.detail
        failed = self._runs(*ACTIVE)
        self._end_runs("failed", fact.created_at, failed)
        for run in failed:
            self._change(
                run,
                error_type=legible(detail["type"]),
                error=legible(detail["message"]),
                traceback=legible(detail.get("traceback", "")),
            )

    def _on_retry(self, fact: Fact) -> None:
        self.thread.status = "busy"
        self._queue_run(fact, "retry")
        for question in self._questions("pending"):
            if question.problem and question.answer is not None:
                self._change_question(question, status="answered", problem="")

    def _on_cancel(self, fact: Fact) -> None:
        self.thread.status = "idle"
        self._end_runs("cancelled", fact.created_at, self._runs(*ACTIVE))
        for question in self._questions(*OPEN):
            self._change_question(question, status="cancelled", release_at=None)

    _on_discard = _on_cancel

    def _on_rollback(self, fact: Fact) -> None:
        self._on_cancel(fact)
        self.thread.metadata = fact.detail["metadata"]
        self.thread.previous_seq = fact.detail["previous_seq"]

    def _on_prune(self, fact: Fact) -> None:
        """One that forgets all but the values says what stands without the facts that made it so."""
        for name, value in fact.detail.get("stands", {}).items():
            setattr(self.thread, name, value)

    # Questions and answers

    def _on_question(self, fact: Fact) -> None:
        detail = fact.detail
        asked = {
            "value": fact.value,
            "digest": fact.digest,
            "schema": detail["schema"],
            "checks": detail.get("checks", ""),
            "kind": detail["question_kind"],
            "title": legible(detail["title"]),
            "search": legible(detail["search"]),
            "version": detail["version"],
            "status": "pending",
            "answer": None,
            "problem": "",
            "release_at": None,
            "token": "",
        }
        known = self.questions.get(detail["id"])
        asked |= _urgency(detail, known.asked_at if known is not None else fact.created_at)
        if known is not None:
            self._change_question(known, **asked)
            return
        question = self._make_question(
            id=detail["id"],
            thread_id=self.thread.id,
            workflow=self.thread.workflow,
            turn=fact.turn,
            path=fact.path.partition("?")[0],
            position=fact.position,
            key=detail["key"],
            task=fact.name,
            asked_seq=fact.seq,
            asked_at=fact.created_at,
            **asked,
        )
        question.likeness = likeness(question)
        self.questions[question.id] = self.added[question.id] = question

    def _on_answer(self, fact: Fact) -> None:
        self._take(fact, status="answered")
        if fact.detail["run"] not in self.runs:
            self._queue_run(fact, "resume")
        self.thread.status = "busy"

    def _on_hold(self, fact: Fact) -> None:
        self._take(fact, status="held", release_at=datetime.fromisoformat(fact.detail["release_at"]))

    def _on_release(self, fact: Fact) -> None:
        self._change_question(self._question(fact), status="answered", release_at=None)
        if fact.detail["run"] not in self.runs:
            self._queue_run(fact, "resume")
        self.thread.status = "busy"

    def _on_undo(self, fact: Fact) -> None:
        self._change_question(
            self._question(fact),
            status="pending",
            version=fact.detail["version"],
            answer=None,
            answered_by_id=None,
            answered_by_name="",
            answered_at=None,
            channel="",
            token="",
            release_at=None,
        )

    def _on_reopen(self, fact: Fact) -> None:
        detail = fact.detail
        self._change_question(
            self._question(fact),
            status="pending",
            version=detail["version"],
            problem=legible(detail["problem"]),
            token="",
        )

    def _on_triage(self, fact: Fact) -> None:
        question = self._question(fact)
        self._change_question(question, **_urgency(fact.detail, question.asked_at))

    def _on_assign(self, fact: Fact) -> None:
        self._change_question(self._question(fact), assignee_id=fact.detail["to"])

    # Pieces

    def _take(self, fact: Fact, *, status: str, release_at: datetime | None = None) -> None:
        author = Author.read(fact.detail)
        self._change_question(
            self._question(fact),
            status=status,
            answer=fact.value,
            answered_by_id=author.by,
            answered_by_name=author.name,
            answered_at=fact.created_at,
            channel=author.channel,
            token=fact.detail["token"],
            release_at=release_at,
            problem="",
        )

    def _queue_run(self, fact: Fact, kind: str) -> None:
        waited = self.runs.get(fact.detail["run"])
        if waited is None:
            self._add_run(fact, kind, status="queued")
        else:
            self._change(waited, status="queued", turn=fact.turn, seq=fact.seq)

    def _add_run(self, fact: Fact, kind: str, **fields: Any) -> None:
        author = Author.read(fact.detail)
        run = self._make_run(
            id=fact.detail["run"],
            thread_id=self.thread.id,
            workflow=self.thread.workflow,
            kind=kind,
            turn=fact.turn,
            seq=fact.seq,
            requested_by_id=author.by,
            requested_by_name=author.name,
            channel=author.channel,
            idempotency_key=fact.detail.get("idempotency_key"),
            created_at=fact.created_at,
            **fields,
        )
        self.runs[run.id] = self.added[run.id] = run

    def _end_runs(self, status: str, when: datetime, runs: list[Any]) -> None:
        for run in runs:
            self._change(run, status=status, ended_at=when)

    def _runs(self, *statuses: str) -> list[Any]:
        return [run for run in self.runs.values() if run.status in statuses]

    def _questions(self, *statuses: str) -> list[Any]:
        return [question for question in self.questions.values() if question.status in statuses]

    def _question(self, fact: Fact) -> Any:
        return self.questions[fact.detail["id"]]

    def _change_question(self, question: Any, **fields: Any) -> None:
        self._change(question, **fields)
        question.likeness = likeness(question)

    def _change(self, row: Any, **fields: Any) -> None:
        for name, value in fields.items():
            setattr(row, name, value)
        if row.id not in self.added:
            self.touched[row.id] = row
