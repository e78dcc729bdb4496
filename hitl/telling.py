"""What streams are told of calls, in LangGraph's shapes (item 1G)."""

from __future__ import annotations

from typing import Any

from hitl import runtime
from hitl.caching import CACHED
from hitl.scope import Call


def update(call: Call, value: Any) -> dict[str, Any]:
    return {call.name: value} | (CACHED if call.cached else {})


def started(call: Call) -> dict[str, Any]:
    given = (call.work.args, call.work.kwargs)
    return {"id": runtime.task_id(call), "name": call.name, "input": given, "triggers": ("__pregel_push",)}


def ended(call: Call, value: Any, error: BaseException | None) -> dict[str, Any]:
    result = {"__return__": value} if error is None else {}
    return {"id": runtime.task_id(call), "name": call.name, "error": error, "result": result, "interrupts": []}
