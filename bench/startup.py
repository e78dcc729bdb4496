"""The process of `make run`: how soon it answers, and what it takes of the machine."""

from __future__ import annotations

import time
from statistics import median

from bench import report
from bench.cost import Cost
from reviewer.demo.people import PASSWORD
from tests.services.desk import Desk
from tests.services.server import directory
from tests.services.visitor import Visitor

TITLE = "Starting, and memory"
NOTE = """`manage.py serve` as `make run` starts it (DEBUG, SQLite, demo workflows), from the process's start to its
first answered page, and its memory (resident) then and after 200 pages of the queue and of runs. Medians of five
starts."""
STARTS, PAGES = 5, 100


def measure() -> str:
    seconds, first, later = [], [], []
    with directory("bench") as home:
        desk = Desk(home, DEBUG="1")
        desk.environment["DEBUG"] = "1"
        desk.prepare()
        desk.manage("demo")
        for _ in range(STARTS):
            begun = time.perf_counter()
            desk.start()
            seconds.append(time.perf_counter() - begun)
            try:
                first.append(megabytes(desk))
                visitor = Visitor(desk.url)
                visitor.sign_in("ben", password=PASSWORD)
                for _ in range(PAGES):
                    visitor.get("/")
                    visitor.get("/runs/")
                later.append(megabytes(desk))
            finally:
                desk.kill()
    rows = [
        ["from start to first page, s", f"{median(seconds):.2f}"],
        ["memory after the first page, MB", f"{median(first):.0f}"],
        ["memory after 200 more, MB", f"{median(later):.0f}"],
    ]
    return report.table(("what", "figure"), rows)


def megabytes(desk: Desk) -> float:
    assert desk.process
    return Cost.of(desk.process.pid).megabytes
