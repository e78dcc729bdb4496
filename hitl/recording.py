"""What the journal keeps of a call: that it is open, what it returned, or how it failed (rules 24, 26, 31)."""

from __future__ import annotations

from hitl import arguments, codec, failures
from hitl.facts import Fact
from hitl.scope import Call


def fact(call: Call, kind: str) -> Fact:
    turn = call.leg.turn
    return Fact(
        kind,
        turn.number,
        path=call.path,
        attempt=turn.next_attempt(call.path, kind),
        name=call.name,
        digest=call.digest,
        position=call.position,
        alone=call.alone,
        detail={"args": arguments.kept(call.work.args, call.work.kwargs)},
        started_at=call.started_at,
    )


def outcome(call: Call) -> Fact:
    """The result, or the failure; a result that cannot be stored is a failure."""
    if call.error is None:
        try:
            return call.written or result(call)
        except Exception as error:
            call.error = error
    failed = fact(call, "error")
    failed.detail |= failures.describe(call.error) | {"void": call.last_failures()}
    if call.abandoned is not None:
        failed.detail["abandoned"] = call.abandoned
    return failed


def result(call: Call) -> Fact:
    """The fact of a call that returned; UnstorableValue or ValueTooLarge where its result cannot be kept."""
    done = fact(call, "task")
    done.value = codec.encode(call.value, where=f"result of {call.name}()")
    if call.cached:
        done.detail["cached"] = True
    return done
