"""Long threads: time for each fact must not grow with their number."""

from __future__ import annotations

import hitl.func
import hitl.types
from bench import measures, report
from bench.programs import programs

TITLE = "Long threads"
NOTE = "A thread with so many facts on SQLite is looked at, answered and brought to its end."


def measure() -> str:
    ours = programs(hitl.func, hitl.types, None)
    rows = []
    for facts in (100, 1_000, 2_500, 5_000, 10_000):
        spent = measures.opened_and_resumed(ours, facts=facts)
        rows.append((f"{facts:,}", f"{spent:.1f}", f"{spent * 1000 / facts:.1f}"))
    return report.table(("facts in the thread", "open and resume, ms", "µs a fact"), rows)
