"""The workflows that every executor has to run, in whichever process it does: `HITL_WORKFLOWS=tests.hitl.contracted`.

Their effects are lines in the file that FLOW_NOTES names.
"""

from __future__ import annotations

import os
from pathlib import Path
from time import sleep
from typing import Any

from hitl.func import entrypoint, task
from hitl.types import interrupt
from tests.hitl.flows import note, noted


@task
def effect(value: str) -> str:
    note(value)
    return value


@entrypoint(name="finish")
def finish(value: str) -> str:
    return str(effect(value).result())


@entrypoint(name="asks")
def asks(value: str) -> str:
    first = effect(value).result()
    answer = interrupt(f"May {value} go on?")
    return f"{first}, {answer}, {effect(f'{value} again').result()}"


@entrypoint(name="fails")
def fails(value: str) -> None:
    raise ValueError(value)


@task
def ask(number: int) -> Any:
    return interrupt(f"Number {number}?")


@entrypoint(name="many")
def many(value: str) -> list[Any]:
    return [future.result() for future in [ask(number) for number in range(8)]]


@task
def linger(value: str) -> str:
    """Notes that it has begun, and returns when a note says that it may."""
    note(f"begin {value} {os.getpid()}")
    while f"go on {value}" not in noted(Path(os.environ["FLOW_NOTES"])):
        sleep(0.02)
    return value


@entrypoint(name="lingers")
def lingers(value: str) -> str:
    effect(value).result()
    linger(value).result()
    return str(effect(f"{value} after").result())
