"""Programs that are killed at a certain place, in a process of their own.

python -m tests.hitl.dying PROGRAM DURABILITY      exits with 9 where it dies; run again, it goes on and prints
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from time import sleep
from typing import Any

from hitl.func import entrypoint, task
from tests.hitl.flows import note, noted
from tests.hitl.racing import WAIT_SECONDS, database_url

DIED = 9


def die_once(place: str) -> None:
    """Kill the process, the first time it comes here."""
    path = Path(os.environ["FLOW_NOTES"])
    if f"died {place}" not in noted(path):
        note(f"died {place}")
        os._exit(DIED)


@task
def first() -> str:
    note("first")
    return "1"


@task
def second() -> str:
    note("second")
    if os.environ["DURABILITY"] != "exit":
        _wait_for("first")
    die_once("in second")
    return "2"


def _wait_for(name: str) -> None:
    """Until the result of this task is durable."""
    from hitl.models import Checkpoint

    while not Checkpoint.objects.filter(kind="task", name=name).exists():
        sleep(0.01)


@entrypoint(name="two")
def two(value: str) -> str:
    return str(first().result() + second().result())


@task(atomic=True)
def inside() -> str:
    from django.contrib.auth.models import Group

    note("atomic")
    Group.objects.create(name="paid")
    die_once("in the transaction")
    return "paid"


@entrypoint(name="dies_inside")
def dies_inside(value: str) -> str:
    return str(inside().result())


@task(atomic=True)
def committed() -> str:
    from django.contrib.auth.models import Group
    from django.db import transaction

    note("atomic")
    Group.objects.create(name="paid")
    transaction.on_commit(lambda: die_once("after the commit"))
    return "paid"


@entrypoint(name="dies_after")
def dies_after(value: str) -> str:
    return str(committed().result())


PROGRAMS = {"two": two, "dies_inside": dies_inside, "dies_after": dies_after}


def in_a_process(program: str, notes: Path, *, durability: str = "sync") -> tuple[int, Any]:
    """Run it on this test's database; the exit code, and what it returned if it came that far."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hitl.dying", program],
        env=os.environ
        | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": database_url(),
            "FLOW_NOTES": str(notes),
            "DURABILITY": durability,
        },
        stdout=subprocess.PIPE,
        text=True,
        timeout=WAIT_SECONDS,
    )
    return done.returncode, json.loads(done.stdout) if done.stdout else None


def main(program: str) -> None:
    import django

    django.setup()
    from hitl.checkpoint.database import saver
    from hitl.models import Thread

    # Under another name than `python -m` gave this module.
    from tests.hitl import dying

    graph = dying.PROGRAMS[program]
    config = {"configurable": {"thread_id": "1"}}
    again = saver().thread("1")
    if again is not None:
        Thread.objects.end_lease("1", epoch=again.lease_epoch)
    print(json.dumps(graph.invoke(None if again else "in", config, durability=os.environ["DURABILITY"])))


if __name__ == "__main__":
    main(sys.argv[1])
