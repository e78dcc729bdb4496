"""Who looks at which question: in memory, in each process, as every hub tells it to all the others.

A hub says whom it serves when that changes and every few seconds besides; what it has not repeated for a while is
forgotten, so that a process which was killed leaves nobody behind.
"""

from __future__ import annotations

from collections.abc import Iterable
from threading import Lock
from time import monotonic

KEPT_SECONDS = 25

_lock = Lock()
# By question, then by hub: the people's names, and until when that is believed.
_there: dict[str, dict[str, tuple[frozenset[str], float]]] = {}


def told(hub: str, question_id: str, names: Iterable[str]) -> bool:
    """Take what a hub says; whether that is news."""
    seen = frozenset(map(str, names))
    with _lock:
        hubs = _there.setdefault(question_id, {})
        before = hubs.get(hub, (frozenset[str](), 0.0))[0]
        if seen:
            hubs[hub] = (seen, monotonic() + KEPT_SECONDS)
        else:
            hubs.pop(hub, None)
        if not hubs:
            del _there[question_id]
    return before != seen


def forget_old() -> set[str]:
    """Forget what was not repeated; the questions that it was about."""
    now = monotonic()
    with _lock:
        old = {(question, hub) for question, hubs in _there.items() for hub, (_, until) in hubs.items() if until < now}
        for question, hub in old:
            del _there[question][hub]
            if not _there[question]:
                del _there[question]
    return {question for question, _ in old}


def looking(question_id: str) -> set[str]:
    """The names of the people who look at a question."""
    with _lock:
        return set().union(*(names for names, _ in _there.get(question_id, {}).values()))
