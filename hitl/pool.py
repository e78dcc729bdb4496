"""Threads for tasks: as many as are needed, kept a while for the next ones.

There is no upper bound here, since a task that waits for its children must not keep them from starting
(rule 29); how many tasks run at once is the leg's business.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from threading import Condition, Thread
from typing import Any

from hitl import forked

IDLE_SECONDS = 10.0

_condition = Condition()
_waiting: list[Callable[[], Any]] = []
_idle = 0
_threads: set[Thread] = set()
_closing = False


def submit(work: Callable[[], Any]) -> None:
    """Run `work` soon on a thread of the pool; `work` must not raise."""
    global _idle
    with _condition:
        _waiting.append(work)
        if _idle >= len(_waiting):
            _condition.notify()
            return
        thread = Thread(target=_serve, name="hitl-task", daemon=True)
        _threads.add(thread)
    thread.start()


@forked.in_child
def _begin_anew() -> None:
    """No thread came along: neither those that wait for work, nor those that have some."""
    global _condition, _waiting, _idle, _threads
    _condition, _waiting, _idle, _threads = Condition(), [], 0, set()


def close() -> None:
    """Let idle threads end now, and wait for those that still work."""
    global _closing
    with _condition:
        _closing = True
        _condition.notify_all()
        threads = list(_threads)
    for thread in threads:
        thread.join()
    with _condition:
        _closing = False


def _serve() -> None:
    global _idle
    from threading import current_thread

    try:
        while True:
            with _condition:
                while not _waiting:
                    _idle += 1
                    notified = not _closing and _condition.wait(IDLE_SECONDS)
                    _idle -= 1
                    if not _waiting and (_closing or not notified):
                        _threads.discard(current_thread())
                        return
                work = _waiting.pop(0)
            work()
            close_connections()
    finally:
        with _condition:
            _threads.discard(current_thread())


def close_connections() -> None:
    """Leave no database connection open that a request would not leave open (rule 29)."""
    db = sys.modules.get("django.db")
    if db is not None:
        from django.conf import settings

        if settings.configured:
            db.close_old_connections()
