"""A workflow that asks, and questions of it: `python -m bench.asking NUMBER`, in the environment of a desk.

The numbers they are told by, the oldest first, are printed as JSON when all of them wait.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import Any

from hitl.func import entrypoint, task
from hitl.types import interrupt
from tests.services.desk import ROOT, Desk

PATIENCE_SECONDS = 120


@task
def prepare(number: int) -> str:
    return f"Refund customer {number}?"


@task
def carry_out(answer: str) -> str:
    return f"done: {answer}"


@entrypoint(name="bench.ask")
def ask(number: int) -> str:
    answer: str = interrupt(prepare(number).result())
    return carry_out(answer).result()


def questions(desk: Desk, count: int) -> list[dict[str, Any]]:
    """So many new questions of a desk that serves: `id`, `thread`, and `cursor`, the place in the queue."""
    environment = desk.environment | {"DJANGO_SETTINGS_MODULE": "reviewer.settings"}
    command = [sys.executable, "-m", "bench.asking", str(count)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def main(count: int) -> None:
    import django

    django.setup()
    from hitl import verbs
    from hitl.models import Interrupt
    from reviewer.forms.queue import cursor_of

    begun = [verbs.start("bench.ask", number).thread_id for number in range(count)]
    deadline = time.monotonic() + PATIENCE_SECONDS
    waiting = Interrupt.objects.pending().filter(thread_id__in=begun).order_by("asked_at", "id")
    while waiting.count() < count:
        if time.monotonic() > deadline:
            raise SystemExit(f"Only {waiting.count()} of {count} questions were asked: is the desk served?")
        time.sleep(0.2)
    print(json.dumps([{"id": one.id, "thread": one.thread_id, "cursor": cursor_of(one)} for one in waiting]))
    # Threads that engines keep need no farewell.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
