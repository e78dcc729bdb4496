"""LangChain's `tool_approval`: one tool call, with a response schema that says what may be decided about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from hitl.questions import hitl_request
from hitl.questions.actions import APPROVE, DECISIONS, EDIT, REJECT, RESPOND, Action, Decision, in_order
from hitl.questions.approval import Approval, is_object

ALL = (APPROVE, EDIT, RESPOND, REJECT)


class ToolApproval(Approval):
    name = "tool_approval"

    def actions(self, value: Any, response_schema: dict[str, Any] | None = None) -> tuple[Action, ...]:
        if not isinstance(value, dict) or value.get("type") != "tool_approval":
            return ()
        name, args = value.get("name"), value.get("args")
        if not isinstance(name, str) or not is_object(args):
            return ()
        branches = dict(_branches(response_schema)) if response_schema else {decision: {} for decision in ALL}
        if not branches:
            return ()
        description = hitl_request.without_call(value.get("description"), name, args)
        return (Action(name, args, in_order(list(branches)), description, _edited(branches, response_schema)),)

    def schema(self, value: Any, response_schema: dict[str, Any] | None) -> dict[str, Any] | None:
        actions = self.actions(value, response_schema)
        if response_schema or not actions:
            return super().schema(value, response_schema)
        return hitl_request.decision_schema(actions[0])

    def answer(self, value: Any, response_schema: dict[str, Any] | None, decisions: Sequence[Decision]) -> Any:
        (action,), (decision,) = self.actions(value, response_schema), decisions
        return hitl_request.written(action, decision)

    def decisions(self, value: Any, answer: Any) -> tuple[Decision, ...]:
        return (hitl_request.read(answer),)

    def paths(self, at: int) -> dict[str, tuple[str, ...]]:
        return hitl_request.paths()


def _branches(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The decisions that a response schema allows: its branches, or itself where there is one only."""
    options = schema.get("oneOf", schema.get("anyOf"))
    for option in options if isinstance(options, list) else [schema]:
        branch = _followed(option, schema)
        decision = _followed(_properties(branch).get("type"), schema).get("const")
        if decision in DECISIONS:
            yield decision, branch


def _edited(branches: dict[str, dict[str, Any]], root: dict[str, Any] | None) -> dict[str, Any] | None:
    """The schema of edited arguments, with the definitions that it refers to."""
    if root is None or EDIT not in branches:
        return None
    edited = _followed(_properties(branches[EDIT]).get("edited_action"), root)
    args = _followed(_properties(edited).get("args"), root)
    shared: dict[str, Any] = {key: root[key] for key in ("$defs", "definitions", "$schema") if key in root}
    return {**shared, **args} if args else None


def _properties(schema: dict[str, Any]) -> dict[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _followed(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, or what its reference points to within the whole."""
    from hitl import schema as schemas

    return schemas.followed(schema, root)
