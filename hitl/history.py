"""A thread's past as LangGraph shows it: snapshots of inputs, outputs, updates and forks (items 60 to 64).

With `steps` every fact is one, and each is an address that `invoke(None, config)` can go on from: that is
what the journal gives.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hitl import codec
from hitl.facts import Fact
from hitl.types import Interrupt, PregelTask, StateSnapshot

SOURCES = {"input": "input", "output": "loop", "update": "update", "fork": "fork"}


def config_at(thread_id: str, seq: int) -> dict[str, Any]:
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": str(seq)}}


def snapshots(
    facts: Sequence[Fact],
    thread_id: str,
    *,
    node: str,
    filter: Mapping[str, Any] | None = None,
    before: int | None = None,
    limit: int | None = None,
    steps: bool = False,
) -> Iterator[StateSnapshot]:
    """Newest first. filter: metadata that must be equal. before: only what is older than this seq."""
    if not steps:
        facts = standing(facts)
    shown = [fact for fact in facts if steps or fact.kind in SOURCES]
    found = 0
    for index in range(len(shown) - 1, -1, -1):
        if limit is not None and found >= limit:
            return
        if before is not None and shown[index].seq >= before:
            continue
        one = _snapshot(facts, shown, index, thread_id, node=node)
        if filter and any((one.metadata or {}).get(key) != value for key, value in filter.items()):
            continue
        found += 1
        yield one


def standing(facts: Sequence[Fact]) -> Sequence[Fact]:
    """The live history: without the turns that were rolled back."""
    gone = [(fact.detail["first"], fact.seq) for fact in facts if fact.kind == "rollback"]
    return [fact for fact in facts if not any(first <= fact.seq <= last for first, last in gone)] if gone else facts


def at(facts: Sequence[Fact], thread_id: str, seq: int, *, node: str) -> StateSnapshot | None:
    """The record of one checkpoint, or None where there is no such."""
    shown = [fact for fact in facts if fact.kind in SOURCES or fact.seq == seq]
    for index, fact in enumerate(shown):
        if fact.seq == seq:
            return _snapshot(facts, shown, index, thread_id, node=node)
    return None


def _snapshot(facts: Sequence[Fact], shown: Sequence[Fact], index: int, thread_id: str, *, node: str) -> StateSnapshot:
    fact = shown[index]
    closed = fact.kind in ("output", "update", "save", "cancel", "discard", "rollback")
    asked = () if closed else _asked(facts, fact)
    step = sum(1 for earlier in shown[: index + 1] if earlier.kind in SOURCES) - 2
    tasks: tuple[PregelTask, ...] = ()
    if not closed:
        tasks = (_task(facts, fact, node, asked, thread_id),)
    return StateSnapshot(
        values=_value(facts, fact),
        next=() if closed else (node,),
        config=config_at(thread_id, fact.seq),
        metadata={"source": SOURCES.get(fact.kind, fact.kind), "step": step, "parents": {}} | _metadata(facts, fact),
        created_at=fact.created_at.isoformat(),
        parent_config=config_at(thread_id, shown[index - 1].seq) if index else None,
        tasks=tasks,
        interrupts=asked,
    )


def _task(facts: Sequence[Fact], fact: Fact, node: str, asked: tuple[Interrupt, ...], thread_id: str) -> PregelTask:
    """A record: the turn's questions, answered or not, and what it returned or failed with in the end."""
    turn = [other for other in facts if other.turn == fact.turn and other.seq > fact.seq]
    output = next((other for other in turn if other.kind == "output"), None)
    failed = [other for other in turn if other.kind == "failed"]
    error = None
    if output is None and failed:
        error = f"{failed[-1].detail['type']}({failed[-1].detail['message']!r})"
    result = codec.decode(output.value or "null") if output is not None else None
    return PregelTask(f"{thread_id}:{fact.turn}:body", node, ("__pregel_pull", node), error, asked, None, result)


def _asked(facts: Sequence[Fact], fact: Fact) -> tuple[Interrupt, ...]:
    """The questions that the turn asked after this place (a record shows them even if answered)."""
    seen: dict[str, Interrupt] = {}
    for other in facts:
        if other.kind == "question" and other.turn == fact.turn and (other.seq > fact.seq or other is fact):
            schema = other.detail["schema"]
            seen[other.detail["id"]] = Interrupt(
                codec.decode(other.value or "null"), other.detail["id"], json.loads(schema) if schema else None
            )
    return tuple(seen.values())


def _value(facts: Sequence[Fact], fact: Fact) -> Any:
    if fact.kind in ("output", "update"):
        return codec.decode(fact.value or "null")
    values = [other for other in facts if other.kind in ("output", "update") and other.seq <= fact.seq]
    return codec.decode(values[-1].value or "null") if values else None


def _metadata(facts: Sequence[Fact], fact: Fact) -> dict[str, Any]:
    inputs = [other for other in facts if other.kind == "input" and other.seq <= fact.seq]
    return dict(inputs[-1].detail["metadata"]) if inputs else {}
