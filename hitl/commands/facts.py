"""A fact as the commands print it: plain JSON data, one line each."""

from __future__ import annotations

from typing import Any

from hitl.commands.console import plain, stamp
from hitl.models import Checkpoint

# The kinds whose `attempt` counts a call's attempts. To others it is a number that keeps them apart.
OF_A_CALL = ("call", "task", "error", "attempt")


def as_json(fact: Checkpoint) -> dict[str, Any]:
    """Every key is there in every line, so that scripts need not ask."""
    return {
        "thread": fact.thread_id,
        "seq": fact.seq,
        "kind": fact.kind,
        "turn": fact.turn,
        "name": fact.name,
        "path": fact.path,
        "attempt": fact.attempt if fact.kind in OF_A_CALL else None,
        "value": plain(fact.value),
        "detail": plain(fact.detail) or {},
        "started_at": stamp(fact.started_at),
        "at": stamp(fact.created_at),
    }
