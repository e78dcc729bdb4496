"""What this process runs for others, and how it comes to an end.

An executor that stops begins nothing new, lets what is under way come to its end for a while, and hands the
rest back: the legs are stopped, their leases given up, and the next sweep finds the threads. A process that is
killed does nothing of this; then its leases run out.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition

from hitl import discreet, pool, pulse
from hitl.run import run_thread

# A leg that was stopped leaves its thread at the next call into the engine. Code that makes none is left behind.
LEAVE_SECONDS = 2.0

logger = logging.getLogger(__name__)
_condition = Condition()
_under_way = 0


def run(thread_id: str) -> None:
    """Run the thread if it has something to run; whatever comes of it, the caller may go on to the next one."""
    with _counted():
        try:
            run_thread(thread_id)
        except Exception as error:
            logger.error(
                "Thread %s could not be run; a sweep will come back to it.\n%s",
                thread_id,
                discreet.trace(error),
                extra={"thread_id": thread_id},
            )
    pool.close_connections()


def end(*, seconds: float) -> bool:
    """Wait that long for the runs under way, then hand back what is left. Returns whether all have left."""
    if idle_within(seconds):
        return True
    for _ in range(int(LEAVE_SECONDS / 0.2)):
        # Again and again: a run that was between two passes has come to its next one meanwhile.
        pulse.hand_back()
        if idle_within(0.2):
            return True
    logger.warning("%d runs did not leave their code; they are handed back all the same.", _under_way)
    return False


def idle_within(seconds: float) -> bool:
    """Whether nothing is under way, or comes to its end in so many seconds."""
    with _condition:
        return _condition.wait_for(lambda: _under_way == 0, timeout=seconds)


@contextmanager
def _counted() -> Iterator[None]:
    global _under_way
    with _condition:
        _under_way += 1
    try:
        yield
    finally:
        with _condition:
            _under_way -= 1
            _condition.notify_all()
