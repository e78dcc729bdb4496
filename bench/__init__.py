"""Measurements side by side with peers, in one run: `make bench`.

Each subject is a module of this package and runs in a process of its own, with its services up and Django set
up for its tier, so that none is in another's way. It has

TITLE    the heading of its section in docs/benchmarks.md
NOTE     how it is measured, and for each figure that is missed the reason
measure  a function that measures, and returns the section's tables as Markdown (`bench.report`)
"""

# Each subject with the services it needs (`tests.services`), in the order of the page.
SUBJECTS: dict[str, tuple[str, ...]] = {
    "memory": (),
    "sqlite": (),
    "postgres": ("postgres",),
    "growth": (),
    "latency": ("postgres", "redis"),
    "queue_sqlite": (),
    "queue_postgres": ("postgres",),
    "sockets": (),
    "startup": (),
}
