"""A million questions in seconds: rows written by the database itself, in the columns of the projection.

They have no journal, so nobody can answer them; they are there to be listed, filtered, searched and counted.
"""

from __future__ import annotations

import re
from typing import Any

from django.db import connection, transaction
from django.db.models import CharField, TextField

from hitl.models import Interrupt

# One word of each title is shared by a tenth of the questions, one by a hundredth, one by a thousandth; the customer's
# number is its own. A tenth are of each workflow, and those of the last one are alike in ten groups.
NUMBERS = {
    "postgresql": "SELECT generate_series(1, %(total)s::bigint) AS n",
    "sqlite": """WITH RECURSIVE counted(n) AS
        (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < %(total)s) SELECT n FROM counted""",
}
# A question a minute, the newest now.
MOMENT = {
    "postgresql": "now() - (%(total)s - n) * interval '1 minute'",
    "sqlite": "strftime('%%Y-%%m-%%d %%H:%%M:%%f', 'now', (n - %(total)s) || ' minutes')",
}
THREADS = """
INSERT INTO hitl_thread (id, workflow, workflow_version, status, seq, turn, turn_seq, metadata, warning, created_at,
    updated_at, lease_epoch, lease_owner, claims, nudges)
SELECT 'filled-' || n, 'filled.' || (n %% 10), '', 'interrupted', 3, 1, 1, '{{}}', '', {moment}, {moment}, 0, '', 0, 0
FROM ({numbers}) AS numbers
"""
QUESTIONS = """
INSERT INTO hitl_interrupt (id, thread_id, workflow, turn, path, position, key, task, value, digest, schema, kind,
    title, search, status, version, answered_by_name, channel, token, problem, priority, asked_seq, asked_at,
    urgent_at, updated_at, likeness, assignee_id{more})
SELECT {id}, 'filled-' || n, 'filled.' || (n %% 10), 1, '', 0, '', 'ask', {value}, '', '', 'text', title,
    title || ' filled.' || (n %% 10) || ' ask filled-' || n || ' The customer wrote twice and waits for an answer.',
    CASE WHEN n > %(total)s - %(pending)s THEN 'pending' ELSE 'answered' END, 1, '', '', '', '', 0, 2, {moment},
    {moment}, {moment},
    CASE WHEN n %% 10 = 9 THEN 'alike ' || (n %% 10000 / 1000) ELSE 'alone ' || n END,
    CASE WHEN n %% 7 = 0 THEN CAST(%(assignee)s AS integer) END{defaults}
FROM (SELECT n, 'Refund customer ' || n || ' of tenth' || (n %% 10) || ' hundredth' || (n %% 100)
    || ' thousandth' || (n %% 1000) AS title FROM ({numbers}) AS numbers) AS titled
"""


def fill(total: int, *, pending: int, assignee_id: Any = None) -> None:
    """`total` threads with a question each, of which the newest `pending` wait."""
    vendor = connection.vendor
    numbers, moment = NUMBERS[vendor], MOMENT[vendor]
    identity = "md5('question ' || n)" if vendor == "postgresql" else "lower(hex(zeroblob(12))) || printf('%%08x', n)"
    given = {"total": total, "pending": pending, "assignee": assignee_id}
    parts = {"numbers": numbers, "moment": moment, "id": identity, "value": "'\"Refund?\"'"}
    texts = unnamed_texts()
    parts |= {"more": "".join(f", {column}" for column in texts), "defaults": ", ''" * len(texts)}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(THREADS.format(**parts), given)
        cursor.execute(QUESTIONS.format(**parts), given)
    analyse()


def unnamed_texts() -> list[str]:
    """Columns of a question that hold a text, and that nothing here has an opinion on: they stay empty."""
    fields = [field for field in Interrupt._meta.concrete_fields if isinstance(field, TextField | CharField)]
    named = set(re.findall(r"\w+", QUESTIONS.partition(")")[0]))
    return [field.column for field in fields if not field.null and field.column not in named]


def analyse() -> None:
    """Tell the planner what there is, as PostgreSQL's autovacuum does by itself."""
    if connection.vendor == "postgresql":
        vacuum = "" if connection.in_atomic_block else "VACUUM "
        with connection.cursor() as cursor:
            cursor.execute(f"{vacuum}ANALYZE hitl_thread, hitl_interrupt")
