"""Which questions are alike to the letter, so that people may see and decide them as one group.

Alike are questions of one workflow that ask the same at the same task, take the same answers, have the same priority
and lie with the same person (or with nobody). One whose answer the workflow gave back stands alone: its error is its
own. The likeness is a column that the projection keeps, never worked out over what waits when somebody reads it.

Migration 0011 works it out in SQL for questions from before, of the same parts in the same order.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

LENGTH = 32
# None of the parts before the last can hold it: they are names, digests and numbers, or JSON, which escapes it.
SEPARATOR = "\x1f"
PARTS = ("workflow", "task", "kind", "digest", "priority", "assignee_id", "checks", "schema")


def likeness(question: Any) -> str:
    """32 hex digits, the same for questions that are alike; "" for one that is alike to none."""
    if question.problem:
        return ""
    parts = [getattr(question, name) for name in PARTS]
    text = SEPARATOR.join("" if part is None else str(part) for part in parts)
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]
