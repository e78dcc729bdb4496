"""Workflows that go as far as a test lets them: they wait at gates, which are files that the test makes."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from hitl.config import get_stream_writer
from hitl.func import entrypoint, task
from hitl.types import interrupt

PATIENCE_SECONDS = 60


def gate(home: Path, name: str) -> Path:
    """The file that opens a gate. `home` is the desk's, the name any word without a slash."""
    return home / f"gate-{name}"


def is_open(name: str) -> bool:
    return gate(Path(os.environ["DATA_DIR"]), name).exists()


def wait_at(name: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_open(name):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody opened the gate {name}")
        time.sleep(0.02)


@task
def lap(name: str, number: int) -> str:
    """Waits at its gate and says what it is about before and after."""
    tell = get_stream_writer()
    tell(f"lap {number} begins")
    wait_at(f"{name}-{number}")
    tell(f"lap {number} ends")
    return f"lap {number} run"


@entrypoint()
def relay(name: str) -> Any:
    """Four laps, each of which waits for its gate, and a question in the middle."""
    lap(name, 1).result()
    lap(name, 2).result()
    baton = interrupt(f"Who runs the second half of {name}?")
    lap(name, 3).result()
    lap(name, 4).result()
    return f"won by {baton}"


@task
def count_stock(name: str) -> str:
    if not is_open(f"{name}-mended"):
        raise RuntimeError("the stock list is locked by another program")
    return "12 lamps in stock"


@task
def open_warehouse(name: str) -> str:
    return f"{name} is open"


@entrypoint()
def stocktaking(name: str) -> Any:
    """Fails at its second step until the test mends what it needs."""
    open_warehouse(name).result()
    return count_stock(name).result()


WIDE = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2


@entrypoint()
def wide(name: str) -> Any:
    """A question in which everything is as wide as it can be."""
    return interrupt(
        {
            "question": f"Is {WIDE} of {name} spelt correctly?",
            "description": f"| a table | with {WIDE} |\n|---|---|\n| {WIDE} | {WIDE} |\n\n```\n{WIDE} = {WIDE}\n```\n\n"
            f"<https://example.com/{WIDE}>",
            WIDE: WIDE,
            "list": [{"key": WIDE}, {"key": WIDE, "other": [WIDE, WIDE]}],
        },
        response_schema={
            "type": "object",
            "properties": {
                "verdict": {"title": WIDE, "enum": ["yes", WIDE]},
                "note": {"title": "Note", "type": "string"},
            },
            "required": ["verdict"],
        },
    )


@entrypoint(undo_seconds=60)
def unhurried(name: str) -> Any:
    """As `undoable`, for who needs longer to get there."""
    return interrupt(f"Shall {name} go out?")


@entrypoint(undo_seconds=4)
def undoable(name: str) -> Any:
    """Asks, and lets the answer be undone for some seconds."""
    return interrupt(f"Shall {name} go out?")


LINE = {
    "type": "object",
    "properties": {"item": {"type": "string"}, "count": {"type": "integer", "minimum": 1}},
    "required": ["item", "count"],
}


@entrypoint()
def ordering(name: str) -> Any:
    """Asks for a list of objects."""
    return interrupt(
        {"question": f"What does {name} order?"},
        response_schema={
            "type": "object",
            "properties": {"lines": {"type": "array", "items": LINE, "minItems": 1}, "note": {"type": "string"}},
            "required": ["lines"],
        },
    )
