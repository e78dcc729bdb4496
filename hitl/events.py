"""Custom events of a leg: told at once, kept once for each place they were written at (rule 33)."""

from __future__ import annotations

from threading import Lock
from time import monotonic
from typing import TYPE_CHECKING, Any

from hitl import codec
from hitl.facts import Fact
from hitl.scope import Call, Namespace, Scope

if TYPE_CHECKING:
    from hitl.leg import Leg


class Buffer:
    """What goes along with the next fact, or by itself within 250 ms (see hitl.pulse)."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._facts: list[Fact] = []

    def __bool__(self) -> bool:
        return bool(self._facts)

    def add(self, fact: Fact) -> None:
        with self._lock:
            self._facts.append(fact)

    def take(self) -> list[Fact]:
        """All that is buffered; it is the taker's now."""
        with self._lock:
            facts, self._facts = self._facts, []
        return facts


def write(leg: Leg, scope: Scope, value: Any) -> None:
    """A custom event of this scope, its n-th. In-process streams get it on replay too, the journal once."""
    leg.refuse_if_signalled()
    scope.last_deed = monotonic()
    scope.events += 1
    path = f"{scope.path}!{scope.attempt}.{scope.events}"
    text = codec.encode(value, where="event")
    leg.emit("custom", value, _namespace(leg, scope))
    if path not in leg.turn.written:
        leg.buffer.add(Fact("event", leg.turn.number, path=path, name=scope.name, value=text))


def _namespace(leg: Leg, scope: Scope) -> Namespace:
    if not isinstance(scope, Call):
        return ()
    return scope.namespace or (f"{leg.node}:{leg.turn.thread_id}.{leg.turn.number}",)
