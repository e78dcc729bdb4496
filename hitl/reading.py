"""Where a thread stands, for code that asks: `get_state` and calls that find nothing to run."""

from __future__ import annotations

from typing import Any

from hitl import codec, failures, history
from hitl.ending import Outcome, interrupts
from hitl.store import Store
from hitl.types import PregelTask, StateSnapshot


def outcome(store: Store, thread_id: str) -> Outcome:
    """The questions of a paused thread, the error of a failed one, the last value of any other."""
    thread = store.thread(thread_id)
    if thread.status == "interrupted":
        return Outcome(interrupts=interrupts(store.open_questions(thread_id)))
    if thread.status == "error":
        failed = [fact for fact in store.facts(thread_id, after=thread.turn_seq) if fact.kind == "failed"]
        return Outcome(error=failures.rebuild(failed[-1].detail))
    return Outcome(value=_last_value(store, thread))


def snapshot(store: Store, thread_id: str, *, node: str) -> StateSnapshot:
    """The state as LangGraph shows it (items 62 and 63), with every pending question in it."""
    thread = store.thread(thread_id)
    marks = store.marks(thread_id, tuple(history.SOURCES)) if thread is not None else []
    if thread is None or not marks:
        return nothing({"thread_id": thread_id})
    is_open = thread.status != "idle"
    asked = interrupts(store.open_questions(thread_id)) if is_open else ()
    seq, kind = marks[-1]
    tasks: tuple[PregelTask, ...] = ()
    if is_open:
        error = _error(store, thread)
        tasks = (PregelTask(task_id(thread), node, ("__pregel_pull", node), error=error, interrupts=asked),)
    return StateSnapshot(
        values=_last_value(store, thread),
        next=(node,) if is_open else (),
        config=history.config_at(thread_id, seq if kind in ("output", "update") else thread.seq),
        metadata={"source": history.SOURCES[kind], "step": len(marks) - 2, "parents": {}} | thread.metadata,
        created_at=thread.updated_at.isoformat(),
        parent_config=history.config_at(thread_id, marks[-2][0]) if len(marks) > 1 else None,
        tasks=tasks,
        interrupts=asked,
    )


def current(store: Store, thread_id: str) -> Any:
    """What the last finished turn returned; None before there is one."""
    return _last_value(store, store.thread(thread_id))


def task_id(thread: Any) -> str:
    """The id of the open turn's body among tasks; the same on every leg."""
    return f"{thread.id}:{thread.turn}:body"


def nothing(configurable: dict[str, Any]) -> StateSnapshot:
    """The snapshot of what is not there."""
    return StateSnapshot({}, (), {"configurable": configurable}, None, None, None, (), ())


def _last_value(store: Store, thread: Any) -> Any:
    text = store.value_at(thread.id, thread.output_seq) if thread.output_seq else None
    return codec.decode(text) if text is not None else None


def _error(store: Store, thread: Any) -> str | None:
    if thread.status != "error":
        return None
    failed = [fact for fact in store.facts(thread.id, after=thread.turn_seq) if fact.kind == "failed"]
    detail = failed[-1].detail
    return f"{detail['type']}({detail['message']!r})"
