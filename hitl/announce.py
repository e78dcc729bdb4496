"""Tells this process, after a commit, which threads moved.

Announcements are a courtesy: coalesced, at most twenty a second, and any may be lost, the last one too.
Whoever listens compares `Thread.seq` now and then (rules 39 and 40).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Condition, Thread
from time import monotonic

from hitl import discreet

INTERVAL_SECONDS = 0.05

Listener = Callable[[frozenset[str]], None]

logger = logging.getLogger(__name__)
_listeners: list[Listener] = []
_condition = Condition()
_moved: set[str] = set()
_teller: Thread | None = None


def listen(listener: Listener) -> Callable[[], None]:
    """Call `listener` with the ids of threads that moved, from a thread of its own. Returns how to stop it."""
    _listeners.append(listener)

    def stop() -> None:
        if listener in _listeners:
            _listeners.remove(listener)

    return stop


def moved(*thread_ids: str) -> None:
    """Say that facts of these threads are committed. Cheap, and silent where nobody listens."""
    global _teller
    if not _listeners:
        return
    with _condition:
        is_waiting = not _moved
        _moved.update(thread_ids)
        if _teller is None or not _teller.is_alive():
            _teller = Thread(target=_tell, name="hitl-announce", daemon=True)
            _teller.start()
        if is_waiting:
            _condition.notify()


def _tell() -> None:
    last = 0.0
    while True:
        with _condition:
            while not _moved:
                _condition.wait()
            # The first is told at once; those that follow within the interval are told together.
            pause = last + INTERVAL_SECONDS - monotonic()
            while pause > 0:
                _condition.wait(pause)
                pause = last + INTERVAL_SECONDS - monotonic()
            ids = frozenset(_moved)
            _moved.clear()
        last = monotonic()
        for listener in _listeners.copy():
            try:
                listener(ids)
            except Exception as error:
                logger.error(
                    "A listener failed on the threads that moved; the others are told all the same.\n%s",
                    discreet.trace(error),
                )
