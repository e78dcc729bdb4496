"""The queue's pages with a million questions, beside the same pages with a thousand: both in one run, in turns."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from time import perf_counter
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import filling, report
from hitl.models import Interrupt
from reviewer import cursor
from reviewer.views.queue import PAGE

SMALL, LARGE, PENDING = 1_000, 1_000_000, 100_000
ROUNDS = 15
NOTE = f"""A page is asked for as a browser would ask, through every middleware, view and template. {LARGE:,}
questions of {LARGE:,} threads are there, {PENDING:,} of them pending; beside them, in the same server, another database
with {SMALL:,} questions, all of them pending. They are asked in turns, {ROUNDS} times. Factors are of the medians,
against the first page at {SMALL:,}. Words of one or two characters miss what is asked for: they have no trigram, so all
{PENDING:,} pending questions are read; an index over pairs of characters would find most of them under every pair."""
HEAD = ("page", "median, ms", "p95, ms", "queries", "factor", "at most", "")


@dataclasses.dataclass
class Page:
    """One address; `factor` is how many times what the first page of the small queue takes it may take."""

    what: str
    path: str
    factor: float
    seen: list[float] = dataclasses.field(default_factory=list)
    queries: int = 0

    @property
    def median(self) -> float:
        return median(self.seen)

    def cells(self, base: float) -> list[str]:
        p95 = sorted(self.seen)[int(len(self.seen) * 0.95)]
        factor = self.median / base
        judged = "reached" if factor <= self.factor and self.queries <= 8 else "**missed**"
        figures = f"{self.median:.1f}", f"{p95:.1f}", str(self.queries), f"{factor:.2f}", f"{self.factor:g}"
        return [self.what, *figures, judged]


def measure() -> str:
    call_command("collectstatic", interactive=False, verbosity=0)
    own = connection.settings_dict["NAME"]
    small = other_database(own)
    seconds = {
        name: filled(name, total, pending) for name, total, pending in ((own, LARGE, PENDING), (small, SMALL, SMALL))
    }
    base = Page(f"first page at {SMALL:,}", "/", 1)
    with using(own):
        pages = large_pages()
    clients: dict[str, Client] = {}
    for name in (own, small):
        with using(name):
            clients[name] = Client(headers={"host": "127.0.0.1"})
            clients[name].force_login(User.objects.get())
    for _ in range(ROUNDS):
        with using(small):
            look(clients[small], base)
        with using(own):
            for page in pages:
                look(clients[own], page)
    filled_in = f"{LARGE:,} questions and their threads were written in {seconds[own]:.0f} s."
    return "\n\n".join([filled_in, report.table(HEAD, [page.cells(base.median) for page in (base, *pages)])])


def other_database(name: object) -> str:
    """A second, empty database in the same server or directory."""
    if connection.vendor == "sqlite":
        return f"{name}-small"
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE small")
    return "small"


def filled(name: object, total: int, pending: int) -> float:
    """Fill it and return the seconds that took."""
    with using(name):
        call_command("migrate", verbosity=0)
        person = User.objects.create_superuser("ana", password="ana")
        begun = perf_counter()
        filling.fill(total, pending=pending, assignee_id=person.pk)
        return perf_counter() - begun


@contextmanager
def using(name: object) -> Iterator[None]:
    """Let Django's connection lead to another database."""
    before = connection.settings_dict["NAME"]
    if name == before:
        yield
        return
    lead_to(name)
    try:
        yield
    finally:
        lead_to(before)


def lead_to(name: object) -> None:
    connection.close()
    if connection.vendor == "postgresql":
        connection.close_pool()
    connection.settings_dict["NAME"] = name
    connection.ensure_connection()


def large_pages() -> list[Page]:
    pending = Interrupt.objects.pending()
    last = pending.order_by("-asked_at", "-id")[499 * PAGE - 1]
    newest = pending.order_by("-asked_at", "-id").first()
    assert newest
    after = cursor.write(last.asked_at, last.id)
    seen = [("seen", one.id) for one in pending.order_by("-asked_at", "-id")[:PAGE]]
    changes = urlencode([("since", cursor.write(newest.asked_at, newest.id)), *seen])
    return [
        Page("first page", "/", 1.5),
        Page("filter: one workflow of ten", "/?workflow=filled.3", 1.5),
        Page("filter: assigned to me", "/?mine=1", 1.5),
        Page("what is alike grouped", "/?grouped=1", 1.5),
        Page("oldest first", "/?order=oldest", 1.5),
        Page("cursor of the 500th page", f"/?{urlencode({'after': after})}", 1.5),
        Page("what has changed since a page of 50 rows", f"/queue/changes/?{changes}", 1.5),
        Page("search: a customer's number", f"/?q={LARGE - PENDING // 2}", 3),
        Page("search: in 1 question of 1,000", "/?q=thousandth777", 3),
        Page("search: in 1 of 100", "/?q=hundredth77", 3),
        Page("search: in 1 of 10", "/?q=hundredth7", 3),
        Page("search: in all", "/?q=refund", 3),
        Page("search: two words, in 1 of 100", "/?q=refund+hundredth33", 3),
        Page("search: in none", "/?q=nowhere", 3),
        Page("search: two characters, in none", "/?q=zq", 3),
        Page("search and filter", "/?q=customer&workflow=filled.3", 3),
    ]


def look(client: Client, page: Page) -> None:
    if not page.queries:
        with CaptureQueriesContext(connection) as asked:
            client.get(page.path)
        page.queries = len(asked)
    begun = perf_counter()
    answer = client.get(page.path)
    page.seen.append((perf_counter() - begun) * 1000)
    assert answer.status_code == 200
