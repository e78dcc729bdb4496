"""Figures for Prometheus: what this process did (`instruments`), and what waits in the database (`backlog`).

Needs `prometheus-client` (the extra `metrics`); without it nothing is measured. It is imported with the first
thing there is to measure, so that a command that measures nothing leaves no file in PROMETHEUS_MULTIPROC_DIR.
"""

from __future__ import annotations

from functools import cache
from hmac import compare_digest
from importlib.util import find_spec
from typing import TYPE_CHECKING

from django.conf import settings

from hitl import observing
from hitl.observing import Observer

if TYPE_CHECKING:
    from reviewer.metrics.instruments import Meters

SCHEME = "Bearer "


@cache
def is_installed() -> bool:
    return find_spec("prometheus_client") is not None


def connect() -> None:
    """Measure what happens in this process; called once, when the apps are ready."""
    if is_installed():
        observing.observe(Measuring())


def sockets(change: int) -> None:
    """So many more browsers are connected to this process."""
    if is_installed():
        meters().sockets.inc(change)


def meters() -> Meters:
    """This process's instruments."""
    from reviewer.metrics import instruments

    return instruments.get()


def token() -> str:
    """What a scraper has to know; "" where none can."""
    return str(getattr(settings, "HITL_METRICS_TOKEN", None) or "")


def is_token(authorization: str) -> bool:
    """Whether this `Authorization` header has the token, compared in a time that does not tell how much of it."""
    known = token()
    given = authorization.removeprefix(SCHEME) if authorization.startswith(SCHEME) else ""
    return bool(known) and compare_digest(given.encode(), known.encode())


class Names:
    """Keeps label values few: names beyond the first `most` are told together as "(other)"."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[tuple[str, ...]] = set()

    def of(self, *names: str) -> tuple[str, ...]:
        if names not in self._known:
            if len(self._known) >= self._most:
                return ("(other)",) * len(names)
            self._known.add(names)
        return names


class Measuring(Observer):
    """Hears what the engine does here, and counts it."""

    def __init__(self) -> None:
        self._workflows = Names(100)
        self._tasks = Names(300)

    def run_ended(self, workflow: str, outcome: str, seconds: float) -> None:
        (name,) = self._workflows.of(workflow)
        meters().run_seconds.labels(name, outcome).observe(seconds)
        if outcome == "lost":
            meters().lease_losses.labels(name).inc()

    def task_ended(self, workflow: str, task: str, outcome: str, seconds: float) -> None:
        meters().task_seconds.labels(*self._tasks.of(workflow, task), outcome).observe(seconds)

    def answered(self, workflow: str, seconds: float) -> None:
        meters().answer_seconds.labels(*self._workflows.of(workflow)).observe(seconds)

    def facts_written(self, count: int) -> None:
        meters().facts.inc(count)

    def swept(self, *, released: int, freed: int, begun: int) -> None:
        meters().sweeps.inc()
        meters().sweep_found.labels("released").inc(released)
        meters().sweep_found.labels("freed").inc(freed)
        meters().sweep_found.labels("begun").inc(begun)

    def nudged(self, count: int) -> None:
        meters().sweep_found.labels("nudged").inc(count)
