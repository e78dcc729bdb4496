"""Durable sleep: the run gives lease and thread back, and a timer brings it back (rule 25)."""

from __future__ import annotations

from datetime import datetime, timedelta

from hitl import scope as scopes
from hitl.facts import Fact
from hitl.signals import Pause


def sleep_until(when: datetime) -> None:
    """Go on at `when` (an aware datetime), for a second or for a month; nothing is held meanwhile.

    The first time, the moment is recorded, so that `datetime.now() + …` does not move on replay.
    Raises ValueError for a naive datetime, NotInRun outside a run.
    """
    if when.tzinfo is None:
        raise ValueError(
            f"{when!r} names no moment: it has no time zone. Use django.utils.timezone or datetime.now(UTC)."
        )
    scope = scopes.require("sleep_until()")
    leg = scope.leg
    leg.refuse_if_signalled()
    scope.refuse_if_atomic()
    scope.timers += 1
    path = f"{scope.path}~{scope.timers}"
    scope.taken.add(path)
    recorded = leg.turn.timers.get(path)
    until = when if recorded is None else recorded
    if until <= leg.lease.now():
        return
    if recorded is None:
        leg.buffer.add(Fact("timer", leg.turn.number, path=path, name=scope.name, detail={"until": until.isoformat()}))
    leg.sleep(scope, until)
    scope.signal = Pause()
    raise scope.signal


def sleep_for(seconds: float | timedelta) -> None:
    """`sleep_until` so many seconds, or such a timedelta, from now, counted from the first time the code came here."""
    span = seconds if isinstance(seconds, timedelta) else timedelta(seconds=seconds)
    sleep_until(scopes.require("sleep_for()").leg.lease.now() + span)
