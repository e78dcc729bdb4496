"""Which queue of an engine carries which workflow's nudges: one each, so that a worker hears of its own alone."""

from __future__ import annotations

import re
from hashlib import blake2b

SWEEPS = "hitl-sweeps"
# procrastinate makes a PostgreSQL channel of a queue's name and 23 characters; those have at most 63 bytes.
MAX_CHARS = 40


def queue_of(workflow: str) -> str:
    """The name of its queue: the workflow's own name where that can be one, else a digest."""
    plain = f"hitl.{workflow}"
    if len(plain) <= MAX_CHARS and re.fullmatch(r"[A-Za-z0-9_.:-]+", plain):
        return plain
    return f"hitl:{blake2b(workflow.encode(), digest_size=16).hexdigest()}"
