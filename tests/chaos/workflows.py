"""A workflow that notes each start of a task in a file: the file is what the outer world has seen."""

from __future__ import annotations

import json
import os
import time

from hitl.func import entrypoint, task
from hitl.types import interrupt


@task
def step(name: str, number: int) -> str:
    """Notes that it began, works for a moment, and returns."""
    line = json.dumps({"name": name, "number": number, "began": time.time()})
    notes = os.open(os.environ["CHAOS_NOTES"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    try:
        os.write(notes, f"{line}\n".encode())
        os.fsync(notes)
    finally:
        os.close(notes)
    time.sleep(0.02)  # the work, long enough to be killed in
    return f"{name}/{number}"


@task
def consult(name: str) -> str:
    """Asks while others work, and then has a step of its own."""
    said = interrupt(f"What of {name}?")
    return f"{said}, {step(name, 5).result()}"


@entrypoint()
def chaotic(name: str) -> list[str]:
    """One step; two at once beside a question; another question; one more step."""
    first = step(name, 1).result()
    both = [step(name, number) for number in (2, 3)]
    beside = consult(name)
    middle = [future.result() for future in both]
    consulted = beside.result()
    said = interrupt(f"May {name} go on?")
    return [first, *middle, consulted, said, step(name, 4).result()]


def expected(name: str) -> list[str]:
    """What the workflow must return, whatever happened on the way."""
    yes = f"yes, {name}"
    return [f"{name}/1", f"{name}/2", f"{name}/3", f"{yes}, {name}/5", yes, f"{name}/4"]
