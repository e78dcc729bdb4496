"""Time passes for one thread: what is due later was due an hour ago. Nobody has to wait for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic, sleep
from typing import Any

from hitl import codec, failures
from hitl.checkpoint.memory import InMemorySaver
from hitl.facts import Fact, segment
from hitl.lease import Lease
from hitl.store import Store

MOMENTS = {"attempt": "due", "timer": "until"}


def pass_by(store: Store, thread_id: str = "1") -> None:
    """Move the thread's timers, and what its journal says of when, into the past."""
    past = datetime.now(UTC) - timedelta(hours=1)
    changed = {
        fact.seq: fact.detail | {MOMENTS[fact.kind]: past.isoformat()}
        for fact in store.facts(thread_id)
        if fact.kind in MOMENTS
    }
    # The thread's own timer last: a run that follows it takes it up at once.
    if isinstance(store, InMemorySaver):
        kept = store._threads[thread_id]
        for seq, detail in changed.items():
            kept.facts[seq].detail = detail
        kept.row.wake_at = past if kept.row.wake_at else None
        return
    from hitl.models import Checkpoint, Thread

    for seq, detail in changed.items():
        Checkpoint.objects.filter(thread_id=thread_id, seq=seq).update(detail=json.dumps(detail))
    Thread.objects.filter(pk=thread_id, wake_at__isnull=False).update(wake_at=past)


def failed_attempt(
    store: Store, lease: Lease, name: str, *args: Any, attempt: int = 1, due_in_seconds: float = 0
) -> None:
    """What an executor wrote that died before the next attempt; `name` is "" for the body."""
    path = segment(name, codec.digest((args, {})), 0) if name else ""
    now = datetime.now(UTC)
    due = now + timedelta(seconds=due_in_seconds)
    detail = failures.describe(ConnectionError("away")) | {
        "void": [],
        "due": due.isoformat(),
        "began": (now - timedelta(minutes=1)).isoformat(),
    }
    store.append(lease, [Fact("attempt", 1, path=path, attempt=attempt, name=name, detail=detail)])


def wait_until(true: Callable[[], bool]) -> None:
    """Look again and again until it is so."""
    deadline = monotonic() + 60
    while not true():
        assert monotonic() < deadline, "it does not come"
        sleep(0.01)
