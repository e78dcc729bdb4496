"""What leaves a body that cannot go on now: one signal, no Exception (rule 15).

`except Exception: refund()` must never run because a question was asked or a lease was lost. Outside a
run a signal is never seen: a pause is a result, and a stop becomes the HitlError it carries.
"""

from __future__ import annotations

from hitl.errors import HitlError


class Signal(BaseException):
    """Raised through user code by engine calls; raised again by every engine call after it (rule 16)."""


class Pause(Signal):
    """A question has no answer yet."""


class Stop(Signal):
    """The leg is over: cancelled, lease lost, code diverged, journal unreachable."""

    def __init__(self, error: HitlError) -> None:
        super().__init__(str(error))
        self.error = error
