"""How a turn is opened on a thread's locked row, and how the open one is given up for it.

A start that begins at once and one that waited in line (`hitl.line`) write the same fact, `input`, so that nothing
behind it knows the difference.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from hitl import codec, errors
from hitl.answering import held
from hitl.facts import Author, Fact, new_id
from hitl.projection import legible
from hitl.unit import Unit

# What to do with new input for a thread that has an open turn, in the words of LangGraph's server.
STRATEGIES = ("reject", "enqueue", "interrupt", "rollback")
# Those that give the open turn up.
PUSHING = ("interrupt", "rollback")


@dataclasses.dataclass(frozen=True, slots=True)
class Start:
    """What a start asks for.

    text: the input, as JSON. version: of the workflow's code, which the turn keeps until it ends (rule 14).
    run_at: not before then; None for as soon as may be.
    """

    workflow: str
    text: str
    author: Author
    version: str = ""
    idempotency_key: str | None = None
    metadata: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    strategy: str = "reject"
    run_at: datetime | None = None
    run: str = dataclasses.field(default_factory=new_id)

    def detail(self) -> dict[str, Any]:
        """What a fact says of it, beside the input."""
        told = {
            "run": self.run,
            "workflow": self.workflow,
            "version": self.version,
            "idempotency_key": self.idempotency_key,
            "metadata": storable(self.metadata),
        }
        return self.author.detail() | told

    @classmethod
    def read(cls, fact: Fact) -> Start:
        """The start that an `enqueue` fact put in line."""
        detail = fact.detail
        return cls(
            workflow=detail["workflow"],
            text=fact.value or "null",
            author=Author.read(detail),
            version=detail["version"],
            idempotency_key=detail["idempotency_key"],
            metadata=detail["metadata"],
            strategy=detail["strategy"],
            run=detail["run"],
        )


def open_turn(unit: Unit, asked: Start, *, back_to: Mapping[str, Any] | None = None) -> Any:
    """Write the input of a new turn. Returns the queued run.

    back_to: what the fact says beside, where the turn goes on from an older one (hitl.forking).
    """
    thread = unit.thread
    detail = asked.detail()
    detail["metadata"] = dict(thread.metadata) | detail["metadata"]
    detail |= back_to or {}
    detail |= before(thread, detail)
    thread.workflow = asked.workflow
    digest = codec.digest(asked.text)
    unit.add(Fact("input", thread.turn + 1, value=asked.text, digest=digest, detail=detail))
    return unit.runs[asked.run]


def before(thread: Any, detail: Mapping[str, Any]) -> dict[str, Any]:
    """What the fact that opens a turn changes on its thread beside, so that a rollback can say what stood there."""
    now = {"metadata": thread.metadata, "previous_seq": thread.previous_seq}
    was = {name: value for name, value in now.items() if name in detail and detail[name] != value}
    return {"was": was} if was else {}


def make_room(unit: Unit, *, author: Author, strategy: str = "reject", discard_pending: bool = False) -> None:
    """Refuse where the thread has an open turn (rule 10), or give that turn up where the start says so."""
    thread = unit.thread
    if thread.status == "idle":
        return
    pushing = strategy in PUSHING
    if thread.status == "busy" and not pushing:
        raise busy(thread.id)
    if not (pushing or discard_pending):
        in_window = in_undo_window(unit)
        raise held(in_window) if in_window else _waits(thread)
    give_up(unit, author=author, roll_back=strategy == "rollback")


def give_up(unit: Unit, *, author: Author, roll_back: bool = False) -> None:
    """End the open turn for another one; whoever runs it has lost the lease. QuestionHeld within an undo window.

    roll_back: the turn leaves the live history too, and what it changed on the thread stands as before it.
    """
    in_window = in_undo_window(unit)
    if in_window:
        raise held(in_window)
    thread = unit.thread
    detail = author.detail() | (_as_before(unit) if roll_back else {})
    thread.lease_epoch += 1
    thread.wake_at = None
    unit.drop_lease()
    unit.add(Fact("rollback" if roll_back else "discard", thread.turn, attempt=thread.seq + 1, detail=detail))


def _as_before(unit: Unit) -> dict[str, Any]:
    """Where the open turn opens, and what stood on the thread before that."""
    thread = unit.thread
    was = unit.fact(thread.turn_seq).detail.get("was", {})
    stands = {"metadata": thread.metadata, "previous_seq": thread.previous_seq}
    return {"first": thread.turn_seq, **stands, **was}


def in_undo_window(unit: Unit) -> Any:
    """A held question of the thread, or None (rule 22)."""
    return next((question for question in unit.questions.values() if question.status == "held"), None)


def check_workflow(unit: Unit, workflow: str) -> None:
    """Raise WrongWorkflow unless the thread belongs to this one (rule 9)."""
    if unit.thread.workflow != workflow:
        raise errors.WrongWorkflow(
            f"Thread {unit.thread.id!r} belongs to workflow {unit.thread.workflow!r}, not to {workflow!r}. "
            "Use that workflow, or another thread id."
        )


def busy(thread_id: str) -> errors.ThreadBusy:
    return errors.ThreadBusy(
        f"Thread {thread_id!r} is busy: a run is queued or running. Wait for it, cancel it first, or say with "
        "multitask_strategy what to do with it."
    )


def _waits(thread: Any) -> errors.Conflict:
    if thread.status == "error":
        return errors.ThreadInError(
            f"The last run of thread {thread.id!r} failed. Retry or cancel it before giving it new input, or "
            "pass discard_pending=True to give it up."
        )
    return errors.ThreadInterrupted(
        f"Thread {thread.id!r} waits for an answer. Answer or cancel it before giving it new input, or pass "
        "discard_pending=True to give the question up."
    )


def storable(metadata: Mapping[str, Any]) -> dict[str, Any]:
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
