"""Agent Inbox's `HumanInterrupt`, alone or in a list; the answer is a list with one response for each.

An edit keeps the types of its arguments, and `ignore` is offered only where the configuration allows it; Agent
Inbox itself makes texts of what was changed, and always offers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hitl import codec
from hitl.questions.actions import APPROVE, EDIT, IGNORE, RESPOND, Action, Decision, in_order
from hitl.questions.approval import Approval, closed, is_object, one_of

# What the configuration calls them, and what the answer does.
ALLOWED = {"allow_accept": APPROVE, "allow_edit": EDIT, "allow_respond": RESPOND, "allow_ignore": IGNORE}
WIRE = {APPROVE: "accept", EDIT: "edit", RESPOND: "response", IGNORE: "ignore"}
OURS = {word: decision for decision, word in WIRE.items()}


class HumanInterrupt(Approval):
    name = "human_interrupt"

    def actions(self, value: Any, response_schema: dict[str, Any] | None = None) -> tuple[Action, ...]:
        actions = [_action(request) for request in _requests(value)]
        complete = tuple(action for action in actions if action is not None)
        return complete if len(complete) == len(actions) else ()

    def schema(self, value: Any, response_schema: dict[str, Any] | None) -> dict[str, Any] | None:
        items = [_response(action) for action in self.actions(value)]
        if not items:
            return super().schema(value, response_schema)
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}

    def normal(self, answer: Any, value: Any) -> Any:
        """`args` may be left out where they say nothing, and an accepted request is the one that was asked."""
        actions = self.actions(value)
        if not actions:
            return answer
        return [_filled(one, action) for one, action in zip(answer, actions, strict=True)]

    def answer(self, value: Any, response_schema: dict[str, Any] | None, decisions: Sequence[Decision]) -> Any:
        paired = zip(self.actions(value), decisions, strict=True)
        return [{"type": WIRE[one.type], "args": _args(action, one)} for action, one in paired]

    def decisions(self, value: Any, answer: Any) -> tuple[Decision, ...]:
        return tuple(_decision(one) for one in answer)

    def paths(self, at: int) -> dict[str, tuple[str, ...]]:
        place = str(at)
        return {"type": (place, "type"), "args": (place, "args", "args"), "message": (place, "args")}


def _requests(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _action(request: Any) -> Action | None:
    if not isinstance(request, dict):
        return None
    wanted, config = request.get("action_request"), request.get("config")
    if not isinstance(wanted, dict) or not isinstance(config, dict):
        return None
    name, args = wanted.get("action"), wanted.get("args", {})
    allowed = in_order([decision for key, decision in ALLOWED.items() if config.get(key)])
    if not isinstance(name, str) or not is_object(args) or not allowed:
        return None
    description = request.get("description")
    return Action(name, args, allowed, description.strip() if isinstance(description, str) else "")


def _request(action: Action) -> dict[str, Any]:
    return {"action": action.name, "args": action.args}


def _shown(request: dict[str, Any]) -> Any:
    """As a page shows it and sends it back: a Decimal or a date as its text."""
    return codec.plain(codec.encode(request, where="question"))


def _accepted(word: str, action: Action) -> Any:
    """Accepting gives the request back, but only where it could have been edited."""
    return _request(action) if word == "accept" and EDIT in action.allowed else None


def _filled(response: dict[str, Any], action: Action) -> dict[str, Any]:
    if "args" not in response:
        return {**response, "args": _accepted(response["type"], action)}
    if response["type"] == "accept" and response["args"] is not None:
        return {**response, "args": _request(action)}
    return response


def _args(action: Action, decision: Decision) -> Any:
    if decision.type == EDIT:
        return {"action": action.name, "args": decision.args}
    return decision.message if decision.type == RESPOND else _accepted(WIRE[decision.type], action)


def _response(action: Action) -> dict[str, Any]:
    edited = closed(action={"const": action.name}, args={"type": "object"})
    branches = {
        APPROVE: closed(type={"const": "accept"}, args_={"enum": [None, _shown(_request(action))]}),
        EDIT: closed(type={"const": "edit"}, args=edited),
        RESPOND: closed(type={"const": "response"}, args={"type": "string"}),
        IGNORE: closed(type={"const": "ignore"}, args_={"type": "null"}),
    }
    return one_of([branches[decision] for decision in action.allowed])


def _decision(response: dict[str, Any]) -> Decision:
    kind: str = OURS[response["type"]]
    args: Any = response.get("args")
    if kind == EDIT:
        return Decision(EDIT, args=args["args"])
    return Decision(kind, message=args) if kind == RESPOND else Decision(kind)
