"""What waits in the database, looked up whenever somebody scrapes.

However much waits, a scrape stays cheap: names are found by seeks in an index, and counting stops at `MOST`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime

from django.db import Error, connections
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric

from hitl import conf, presence, registry
from hitl.models import Interrupt, Thread

MOST = 10_000
MOST_WORKFLOWS = 100


class Backlog:
    """A collector, as `prometheus_client` has them."""

    def collect(self) -> Iterator[Metric]:
        """The families; of a database that cannot be read, that alone."""
        try:
            found = [*questions(), *runs(), processes()]
        except Error:
            found = []
            connections[conf.settings().database].close()
        up = GaugeMetricFamily("hitl_database_up", "Whether the journal's database could be read for this scrape.")
        up.add_metric([], 1.0 if found else 0.0)
        yield from (up, *found)


def questions() -> list[Metric]:
    """Pending questions by workflow, and since when the oldest waits."""
    count = _family("hitl_questions_pending", f"Questions that wait for a person, counted up to {MOST:,}.")
    age = _family("hitl_oldest_question_seconds", "How long the oldest pending question has waited; 0 for none.")
    pending = Interrupt.objects.using(conf.settings().database).pending()
    waiting = pending.workflow_names(most=MOST_WORKFLOWS)
    for name in names(waiting):
        of_it = pending.of_workflow(name)
        is_waiting = name in waiting
        count.add_metric([name], of_it.count_up_to(MOST) if is_waiting else 0)
        age.add_metric([name], _age(of_it.oldest_asked_at() if is_waiting else None))
    return [count, age]


def runs() -> list[Metric]:
    """Threads that nobody runs although they could be run, by workflow, and since when; leases that ran out."""
    count = _family("hitl_runs_waiting", f"Threads that wait for an executor, counted up to {MOST:,} in all.")
    age = _family("hitl_oldest_run_waiting_seconds", "How long the longest waiting of them has waited; 0 for none.")
    expired = GaugeMetricFamily("hitl_leases_expired", "Those of them whose executor fell silent and was not replaced.")
    counts: Counter[str] = Counter()
    since: dict[str, datetime] = defaultdict(timezone.now)
    stranded = 0
    for name, moment, lease in Thread.objects.using(conf.settings().database).waiting(most=MOST):
        counts[name] += 1
        since[name] = min(since[name], moment)
        stranded += lease is not None
    for name in names(counts):
        count.add_metric([name], counts[name])
        age.add_metric([name], _age(since.get(name)))
    expired.add_metric([], stranded)
    return [count, age, expired]


def processes() -> Metric:
    """How many processes execute runs, as far as they say so themselves."""
    found = GaugeMetricFamily("hitl_processes", "Processes that execute runs and were seen within a minute.")
    found.add_metric([], len(presence.processes()))
    return found


def names(found: Counter[str] | list[str]) -> list[str]:
    """The workflows that something waits for, and those this process knows, for which an alert wants a zero."""
    known = (workflow.name for workflow in registry.all())
    return list(dict.fromkeys([*found, *known]))[:MOST_WORKFLOWS]


def _family(name: str, told: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, told, labels=["workflow"])


def _age(since: datetime | None) -> float:
    return max(0.0, (timezone.now() - since).total_seconds()) if since is not None else 0.0
