"""LangChain's `HITLRequest`: some tool calls in one question, a decision for each in the answer, in order.

Python spells its keys `action_requests`, LangChain.js `actionRequests`; the answer is spelt like the question.
An edit may change the arguments, but not the tool: whoever may change an e-mail may not delete a file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hitl.questions.actions import APPROVE, EDIT, REJECT, RESPOND, Action, Decision, in_order
from hitl.questions.approval import Approval, closed, embedded, is_object, one_of

SNAKE = ("action_requests", "review_configs", "action_name", "allowed_decisions", "args_schema", "edited_action")
CAMEL = ("actionRequests", "reviewConfigs", "actionName", "allowedDecisions", "argsSchema", "editedAction")
# A limit for what is one page and one answer; a longer list is answered as JSON.
MOST_ACTIONS = 100


class HitlRequest(Approval):
    name = "hitl_request"

    def actions(self, value: Any, response_schema: dict[str, Any] | None = None) -> tuple[Action, ...]:
        requests, configs, *keys, _ = _spelling(value)
        found = _lists(value, requests, configs)
        if found is None:
            return ()
        actions = [_action(request, found[1], at, keys) for at, request in enumerate(found[0])]
        complete = tuple(action for action in actions if action is not None)
        return complete if len(complete) == len(actions) else ()

    def schema(self, value: Any, response_schema: dict[str, Any] | None) -> dict[str, Any] | None:
        actions = self.actions(value)
        if not actions:
            return super().schema(value, response_schema)
        edited = _spelling(value)[-1]
        items = [decision_schema(action, edited=edited) for action in actions]
        listed = {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
        return closed(decisions=listed)

    def answer(self, value: Any, response_schema: dict[str, Any] | None, decisions: Sequence[Decision]) -> Any:
        edited = _spelling(value)[-1]
        paired = zip(self.actions(value), decisions, strict=True)
        return {"decisions": [written(action, decision, edited=edited) for action, decision in paired]}

    def decisions(self, value: Any, answer: Any) -> tuple[Decision, ...]:
        edited = _spelling(value)[-1]
        return tuple(read(one, edited=edited) for one in answer["decisions"])

    def paths(self, at: int) -> dict[str, tuple[str, ...]]:
        return paths("decisions", str(at))


def paths(*place: str) -> dict[str, tuple[str, ...]]:
    return {
        "type": (*place, "type"),
        "args": (*place, "edited_action", "args"),
        "message": (*place, "message"),
    }


def decision_schema(action: Action, *, edited: str = "edited_action") -> dict[str, Any]:
    """The schema of one decision; `edited` is what the wire calls the edited action."""
    changed = closed(name={"const": action.name}, args=embedded(action.args_schema, {"type": "object"}))
    branches = {
        APPROVE: closed(type={"const": APPROVE}),
        EDIT: closed(type={"const": EDIT}, **{edited: changed}),
        RESPOND: closed(type={"const": RESPOND}, message={"type": "string"}),
        REJECT: closed(type={"const": REJECT}, message_={"type": "string"}),
    }
    return one_of([branches[decision] for decision in action.allowed])


def written(action: Action, decision: Decision, *, edited: str = "edited_action") -> dict[str, Any]:
    """A decision as it goes over the wire."""
    if decision.type == EDIT:
        return {"type": EDIT, edited: {"name": action.name, "args": decision.args}}
    is_said = decision.type == RESPOND or (decision.type == REJECT and bool(decision.message))
    return {"type": decision.type, **({"message": decision.message} if is_said else {})}


def read(decision: dict[str, Any], *, edited: str = "edited_action") -> Decision:
    """A decision as it came over the wire."""
    args = decision[edited]["args"] if decision["type"] == EDIT else None
    return Decision(decision["type"], args=args, message=decision.get("message"))


def without_call(description: Any, name: str, args: dict[str, Any]) -> str:
    """The description without the call itself, which LangChain appends and every page shows better."""
    if not isinstance(description, str):
        return ""
    return description.removesuffix(f"\n\nTool: {name}\nArgs: {args}").strip()


def _spelling(value: Any) -> tuple[str, ...]:
    return CAMEL if isinstance(value, dict) and CAMEL[0] in value else SNAKE


def _lists(value: Any, requests: str, configs: str) -> tuple[list[Any], list[Any]] | None:
    if not isinstance(value, dict):
        return None
    asked, allowed = value.get(requests), value.get(configs)
    if not isinstance(asked, list | tuple) or not isinstance(allowed, list | tuple) or len(asked) > MOST_ACTIONS:
        return None
    return list(asked), list(allowed)


def _action(request: Any, configs: list[Any], at: int, keys: list[str]) -> Action | None:
    name_key, allowed_key, schema_key = keys
    if not isinstance(request, dict):
        return None
    name, args = request.get("name"), request.get("args")
    config = _config(configs, at, name, name_key)
    allowed = config.get(allowed_key) if config else None
    if not isinstance(name, str) or not is_object(args) or not isinstance(allowed, list | tuple):
        return None
    decisions = in_order([one for one in allowed if one in (APPROVE, EDIT, RESPOND, REJECT)])
    if config is None or not decisions:
        return None
    return Action(
        name, args, decisions, without_call(request.get("description"), name, args), _schema(config, schema_key)
    )


def _config(configs: list[Any], at: int, name: Any, name_key: str) -> dict[str, Any] | None:
    """The one at the same place, since names may repeat; by name where the places do not agree."""
    named = [one for one in configs if isinstance(one, dict) and one.get(name_key) == name]
    here = configs[at] if at < len(configs) else None
    return here if here in named else next(iter(named), None)


def _schema(config: dict[str, Any], key: str) -> dict[str, Any] | None:
    """LangChain's type has a schema of the arguments, which it does not set yet."""
    from hitl import schema
    from hitl.errors import InvalidSchema

    given = config.get(key)
    try:
        schema.check_schema(given)
    except InvalidSchema:
        return None
    return given or None
