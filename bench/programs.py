"""The programs that are measured, written once for both libraries: they differ in their imports alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any


@dataclasses.dataclass(frozen=True)
class Programs:
    """`workflow` is DESIGN.md's; `sequence(n)` runs n tasks one after another; `long(n)` asks after them."""

    workflow: Any
    sequence: Any
    long: Any
    answer: Callable[[Any], Any]


def programs(func: ModuleType, types: ModuleType, checkpointer: Any) -> Programs:
    options = {} if checkpointer is None else {"checkpointer": checkpointer}

    @func.task
    def step_1(input_query: str) -> str:
        return f"{input_query} bar"

    @func.task
    def human_feedback(input_query: str) -> str:
        feedback = types.interrupt(f"Please provide feedback: {input_query}")
        return f"{input_query} {feedback}"

    @func.task
    def step_3(input_query: str) -> str:
        return f"{input_query} qux"

    @func.task
    def step(number: int) -> dict[str, Any]:
        return {"number": number, "text": "a result of some length, as one would keep it"}

    @func.entrypoint(**options)
    def workflow(input_query: str) -> Any:
        result_1 = step_1(input_query).result()
        result_2 = human_feedback(result_1).result()
        return step_3(result_2).result()

    @func.entrypoint(**options)
    def sequence(count: int) -> int:
        return sum(step(number).result()["number"] for number in range(count))

    @func.entrypoint(**options)
    def long(count: int) -> Any:
        total = sum(step(number).result()["number"] for number in range(count))
        return [total, types.interrupt("Go on?")]

    return Programs(workflow, sequence, long, lambda value: types.Command(resume=value))
