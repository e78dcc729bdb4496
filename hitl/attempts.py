"""Trying again: a call's attempts are facts, a short wait is waited for here, a long one by timer (rule 25).

The attempts of a call are counted since it last began afresh (a failure that stood, a retry of the run).
What the failed attempt had finished is in the journal and is bound again by the next; only failures after
which it did nothing more are void, so that they are tried again with it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from hitl import arguments, failures, retrying
from hitl.facts import Fact
from hitl.scope import Call, Scope

if TYPE_CHECKING:
    from hitl.turn import Turn


def wait_seconds(call: Call) -> float | None:
    """How long to wait before the call is tried again; None where its outcome stands.

    A `retry_on` that raises fails the call with what it raised.
    """
    if call.error is None:
        return None
    try:
        return retrying.next_wait_seconds(call.work.retry, call.tries, call.error)
    except Exception as broken:
        call.error = broken
        return None


def fact(turn: Turn, scope: Scope, *, error: BaseException, wait: float) -> Fact:
    """The attempt of a call, or of the body, that failed, and when the next one is due."""
    path, due = scope.path, scope.leg.lease.now() + timedelta(seconds=wait)
    # What a page shows of it; the body has neither.
    args = {"args": arguments.kept(scope.work.args, scope.work.kwargs)} if isinstance(scope, Call) else {}
    return Fact(
        "attempt",
        turn.number,
        path=path,
        attempt=turn.next_attempt(path, "attempt"),
        name=scope.name,
        started_at=scope.started_at if isinstance(scope, Call) else None,
        detail=args
        | failures.describe(error)
        | {"void": scope.last_failures(), "due": due.isoformat(), "began": scope.began.isoformat()},
    )


def remaining_seconds(turn: Turn, path: str, *, now: datetime) -> float:
    """How long the next attempt of this call still has to wait; 0 where there is nothing to wait for."""
    due = turn.due.get(path)
    return max(0.0, (due - now).total_seconds()) if due is not None else 0.0


def is_long(seconds: float) -> bool:
    return seconds > retrying.LONGEST_WAIT_SECONDS
