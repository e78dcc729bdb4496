"""Rows for the desk's tests: real workflows, run up to their question."""

from __future__ import annotations

from typing import Any

from hitl import registry, verbs
from hitl.func import entrypoint
from hitl.models import Interrupt
from hitl.testing import drain
from hitl.types import interrupt


@entrypoint(name="tests.ask", title="Ask")
def ask(asked: dict[str, Any]) -> Any:
    """Asks what it is told to ask, and returns the answer."""
    return interrupt(asked["value"], response_schema=asked.get("schema"))


registry.register(ask)


def question(value: Any = "Ship it?", *, by: Any = None, thread: str | None = None, **asked: Any) -> Interrupt:
    """A pending question; `schema=` is what its answer has to fit."""
    run = verbs.start("tests.ask", {"value": value, **asked}, by=by, thread_id=thread)
    drain()
    return Interrupt.objects.get(thread_id=run.thread_id)


def questions(count: int) -> list[Interrupt]:
    """Pending questions "Number 1", "Number 2"…, asked in this order."""
    return [question(f"Number {number}") for number in range(1, count + 1)]


def form_of(asked: Interrupt, token: str = "t", **fields: Any) -> dict[str, Any]:
    """What the answer form of this question posts."""
    return {"version": asked.version, "token": token, **fields}
