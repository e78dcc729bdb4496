"""The demo's first threads: a queue that looks like somebody's morning."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import User

from hitl import schedules, verbs
from hitl.run import run_thread

# Who started which workflow with what.
FIRST: list[tuple[str, str, Any]] = [
    ("ana", "agent", "data"),
    ("ben", "agent", "elicitation"),
    ("ben", "agent", "human_interrupt"),
    ("ana", "agent", "tool_approval"),
    ("ana", "graph", "foo"),
    ("ben", "refund", {}),
    (
        "ben",
        "refund",
        {
            "customer": "Jonas Weber",
            "order": "B-2040",
            "amount": "129.90",
            "reason": "The coat is a size too small, and the right one is sold out.",
        },
    ),
    ("ana", "article", {}),
    ("ben", "import", {"rows": 1200, "batches": 4, "seconds_per_batch": 0}),
    ("ben", "agent", "hitl_request"),
]


def create() -> None:
    """Start each of them and run it up to its question, here and now; and one schedule, which is not enabled."""
    starters = {user.get_username(): user for user in User.objects.all()}
    monday = schedules.Plan(
        "Feedback on Mondays", "graph", "this week's report", "0 9 * * MON", settings.TIME_ZONE, enabled=False
    )
    schedules.save(monday, by=starters["ana"])
    for username, workflow, value in FIRST:
        run = verbs.start(workflow, value, by=starters[username])
        run_thread(run.thread_id)
