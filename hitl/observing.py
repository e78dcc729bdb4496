"""Who measures what happens here: observers hear of it in the process, and at the moment, where it does.

Nothing depends on them: an observer that fails is logged once and left out from then on. Where there is none,
telling costs a look at an empty tuple. Names are those of workflows and tasks as the code has them; no ids and
no values are told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Concatenate, ParamSpec

from hitl import discreet
from hitl.errors import JournalUnreachable, LeaseLost, RunCancelled

P = ParamSpec("P")

logger = logging.getLogger(__name__)


class Observer:
    """Hears what its subclass cares for. Called from any thread; must be quick and must not touch the database."""

    def run_ended(self, workflow: str, outcome: str, seconds: float) -> None:
        """One leg is over: succeeded, interrupted, asleep, failed, cancelled, lost, unreachable or stopped."""

    def task_ended(self, workflow: str, task: str, outcome: str, seconds: float) -> None:
        """One attempt of a call is over, with those it made itself: succeeded, cached, failed or retried."""

    def answered(self, workflow: str, seconds: float) -> None:
        """A question got its answer, so long after it was asked."""

    def facts_written(self, count: int) -> None:
        """So many facts are committed."""

    def swept(self, *, released: int, freed: int, begun: int) -> None:
        """A sweep released so many held answers, ended so many leases of dead processes, began so many due starts."""

    def nudged(self, count: int) -> None:
        """A sweep found so many threads that were due."""


_observers: tuple[Observer, ...] = ()


def observe(observer: Observer) -> Callable[[], None]:
    """Tell it from now on; returns how to stop."""
    global _observers
    _observers += (observer,)
    return lambda: _leave(observer)


def tell(event: Callable[Concatenate[Observer, P], None], *args: P.args, **kwargs: P.kwargs) -> None:
    """Tell every observer: `tell(Observer.facts_written, 3)`."""
    for observer in _observers:
        try:
            getattr(observer, event.__name__)(*args, **kwargs)
        except Exception as error:
            _leave(observer)
            logger.error("Measuring has failed and ends in this process.\n%s", discreet.trace(error))


def _leave(observer: Observer) -> None:
    global _observers
    _observers = tuple(one for one in _observers if one is not observer)


class Leg:
    """Times one leg of a workflow; its outcome is set before the end, or follows from what it raised."""

    def __init__(self, workflow: str) -> None:
        self.outcome = "stopped"
        self._workflow = workflow

    def __enter__(self) -> Leg:
        self._began = monotonic()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        match error:
            case LeaseLost():
                self.outcome = "lost"
            case RunCancelled():
                self.outcome = "cancelled"
            case JournalUnreachable():
                self.outcome = "unreachable"
        tell(Observer.run_ended, self._workflow, self.outcome, monotonic() - self._began)
