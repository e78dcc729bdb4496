"""What the soak test runs: steps one after another and beside a question, again and again."""

from __future__ import annotations

from hitl.func import entrypoint, task
from hitl.types import interrupt


@task
def step(name: str, number: int) -> str:
    return f"{name}/{number}"


@task
def consult(name: str) -> str:
    """Asks while others work, and then has a step of its own."""
    said = interrupt(f"What of {name}?")
    return f"{said}, {step(name, 5).result()}"


@entrypoint()
def steady(name: str) -> list[str]:
    """One step; two at once beside a question; another question; one more step."""
    first = step(name, 1).result()
    both = [step(name, number) for number in (2, 3)]
    beside = consult(name)
    middle = [future.result() for future in both]
    consulted = beside.result()
    said = interrupt(f"May {name} go on?")
    return [first, *middle, consulted, said, step(name, 4).result()]
