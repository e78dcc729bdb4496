"""Workflows for tests that need them in other processes too: `HITL_WORKFLOWS=tests.hitl.flows`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from hitl.func import entrypoint, task
from hitl.types import interrupt


def note(line: str) -> None:
    """Write a line where it outlives this process: what the outer world has seen of it."""
    path = os.environ.get("FLOW_NOTES")
    if path:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, f"{line}\n".encode())
        os.fsync(file)
        os.close(file)


def noted(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


@entrypoint(name="echo")
def echo(value: Any) -> Any:
    """Returns what it is given."""
    return value


@task
def send(value: str) -> str:
    note(f"send {value}")
    return f"sent {value}"


@entrypoint(name="asking")
def asking(value: str) -> str:
    """One effect, one question, another effect."""
    first = send(value).result()
    answer = interrupt(f"May {value} go on?")
    return f"{first}, {answer}, {send(f'{value} again').result()}"


@entrypoint(name="approval")
def approval(value: str) -> Any:
    """A question with a schema."""
    return interrupt("How much?", response_schema={"type": "integer", "minimum": 1})


def even(answer: int) -> int:
    if answer % 2:
        raise ValueError("This must be even.")
    return answer


@entrypoint(name="even")
def evens(value: str) -> Any:
    """A question whose answer is checked by a type and by a function."""
    return interrupt("How many?", response_schema=int, validate=even)


@entrypoint(name="counting")
def counting(value: int) -> int:
    """Takes an integer."""
    return value + 1


@task
def deadly() -> None:
    note("deadly")
    os._exit(9)


@entrypoint(name="dying")
def dying(value: str) -> None:
    """Kills its process."""
    send(value).result()
    deadly().result()


@task
def ask(value: str) -> Any:
    """Asks, and returns the answer."""
    return interrupt(f"And {value}?")
