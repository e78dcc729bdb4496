"""Which recorded call is this? (rule 12)

By what it is first: parent, task name, digest of the arguments, n-th of that kind. Only if the journal has
no such call, by where it stands, and then only if the record there was alone: nothing else under that
parent was outstanding when it was issued, so no race can have put it there. A call whose record another
one took by position, and a record of another task at a lone position, mean that the code has diverged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hitl import codec, divergence
from hitl.divergence import Divergence
from hitl.facts import Fact, child, segment
from hitl.scope import Call, Scope, Work

if TYPE_CHECKING:
    from hitl.leg import Leg


class Mismatch(Exception):
    """The code and the journal do not agree on a call."""

    def __init__(self, divergence: Divergence) -> None:
        super().__init__(divergence.problem)
        self.divergence = divergence


def bind(leg: Leg, scope: Scope, work: Work) -> tuple[Call, Fact | None]:
    """The call with its address, and its record if there is one; Mismatch where the code has diverged.

    Call it with the leg's lock held.
    """
    digest = codec.digest((work.args, work.kwargs))
    path = child(scope.path, segment(work.name, digest, scope.count(work.name, digest)))
    position = scope.calls
    scope.calls += 1
    record = leg.turn.calls.get(path)
    if record is None:
        record = _at_position(leg, scope, work, position)
    elif path in scope.taken:
        problem = f"{work.name}() is recorded, but its record was used for another call that stood at its place"
        raise Mismatch(divergence.of_call(scope, work, position, record, problem=f"comes too late: {problem}"))
    if record is None:
        alone = scope.unobserved == 0
        return Call(scope, work, path=path, digest=digest, position=position, alone=alone), None
    scope.taken.add(record.path)
    call = Call(scope, work, path=record.path, digest=record.digest, position=record.position, alone=record.alone)
    return call, record


def _at_position(leg: Leg, scope: Scope, work: Work, position: int) -> Fact | None:
    there = [record for record in leg.turn.at(scope.path, position) if record.alone and record.path not in scope.taken]
    if len(there) != 1:
        return None
    record = there[0]
    if record.name != work.name:
        problem = f"was recorded as {record.name}(), now it is {work.name}()"
        raise Mismatch(divergence.of_call(scope, work, position, record, problem=problem))
    _warn(leg, record)
    return record


def _warn(leg: Leg, record: Fact) -> None:
    if record.path in leg.turn.written:
        return
    text = (
        f"{record.name}() got other arguments than were recorded; its recorded result was used, since it stood alone "
        "at its place. Make its arguments the same on every replay."
    )
    leg.buffer.add(Fact("warning", leg.turn.number, path=record.path, name=record.name, detail={"message": text}))
