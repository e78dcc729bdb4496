"""What a workflow can do to the world: the effects that the tasks it can reach have declared.

Read from the code, not from the journal, so that they are known before anything has happened: whatever global name,
name of a module or variable around it a function's code mentions, and so on from there.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType
from typing import Any

from hitl.func import Task
from hitl.workflow import Workflow


def declared(workflow: Workflow) -> dict[str, tuple[str, ...]]:
    """The effects of each task that the workflow's code can reach, by the task's name; tasks without any left out."""
    found: dict[str, tuple[str, ...]] = {}
    seen: set[int] = set()
    open_ends = [workflow.function]
    while open_ends:
        function = _plain(open_ends.pop())
        if function is None or id(function) in seen:
            continue
        seen.add(id(function))
        for value in _mentioned(function):
            if isinstance(value, Task) and value.effects:
                found[value.name] = value.effects
            if isinstance(value, Task | Workflow):
                open_ends.append(value.function)
            elif isinstance(value, FunctionType) and value.__module__ == function.__module__:
                open_ends.append(value)
    return found


def _plain(function: Any) -> FunctionType | None:
    while isinstance(function, functools.partial):
        function = function.func
    function = getattr(function, "__func__", function)
    return function if isinstance(function, FunctionType) else None


def _mentioned(function: FunctionType) -> Iterator[Any]:
    names = set(_names(function.__code__))
    for name in sorted(names & function.__globals__.keys()):
        value = function.__globals__[name]
        yield value
        if isinstance(value, ModuleType):
            yield from (vars(value)[inner] for inner in sorted(names & vars(value).keys()))
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
