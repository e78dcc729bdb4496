"""A workflow that asks as agents do: the kinds of questions that the other workflows of the demo do not ask."""

from __future__ import annotations

from typing import Any, Literal

from hitl.func import entrypoint
from hitl.types import interrupt

EMAIL = {
    "to": "ana@example.com",
    "subject": "Your order A-1001",
    "body": "Dear Ana,\n\nyour lamp has left our house today and will be with you on Friday.\n\nThe team",
    "priority": 2,
}
EVERYTHING = ["approve", "edit", "respond", "reject"]

EMAIL_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "to": {"type": "string", "format": "email"},
        "subject": {"type": "string", "maxLength": 120},
        "body": {"type": "string", "x-ui": "textarea"},
        "priority": {"type": "integer", "minimum": 1, "maximum": 5, "default": 3},
        "cc": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["to", "subject", "body"],
}


def decision(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"type": {"const": kind}, **more}, "required": ["type"]}


TOOL_DECISIONS: dict[str, Any] = {
    "$defs": {
        "send_email": EMAIL_SCHEMA,
        "EditedAction": {
            "type": "object",
            "properties": {"name": {"const": "send_email"}, "args": {"$ref": "#/$defs/send_email"}},
            "required": ["name", "args"],
        },
        "Approve": decision("approve"),
        "Edit": {
            **decision("edit", edited_action={"$ref": "#/$defs/EditedAction"}),
            "required": ["type", "edited_action"],
        },
        "Reject": decision("reject", message={"type": "string"}),
        "Respond": {**decision("respond", message={"type": "string"}), "required": ["type", "message"]},
    },
    "oneOf": [{"$ref": f"#/$defs/{name}"} for name in ("Approve", "Edit", "Reject", "Respond")],
    "discriminator": {"propertyName": "type"},
}


def batch() -> dict[str, Any]:
    """Three tool calls at once, as LangChain's middleware asks about them."""
    calls = [
        ("send_email", EMAIL, EVERYTHING),
        ("refund", {"customer": "Ana Lindqvist", "amount": 40.5, "lines": ["lamp", "shipping"]}, EVERYTHING),
        ("delete_file", {"path": "/drafts/offer-1001.txt"}, ["approve", "reject"]),
    ]
    return {
        "action_requests": [{"name": name, "args": args, "description": ""} for name, args, _ in calls],
        "review_configs": [{"action_name": name, "allowed_decisions": allowed} for name, _, allowed in calls],
    }


QUESTIONS: dict[str, Any] = {
    "data": {
        "question": "Is this summary right?",
        "draft": "Three parcels are late, all from the **new depot**.",
        "parcels": 3,
    },
    "human_interrupt": {
        "action_request": {"action": "send_email", "args": EMAIL},
        "config": {"allow_accept": True, "allow_edit": True, "allow_respond": True, "allow_ignore": True},
        "description": "The parcel was scanned this morning, so the customer can be told.",
    },
    "hitl_request": batch(),
    "tool_approval": {
        "type": "tool_approval",
        "tool_call_id": "call_1",
        "name": "send_email",
        "args": EMAIL,
        "description": "The agent wants to answer a customer",
    },
    "elicitation": {
        "mode": "form",
        "message": "The travel service needs a few details to book.",
        "requestedSchema": {
            "type": "object",
            "properties": {
                "name": {"type": "string", "title": "Name of the guest", "minLength": 2},
                "email": {"type": "string", "format": "email"},
                "arrival": {"type": "string", "format": "date"},
                "guests": {"type": "integer", "minimum": 1, "maximum": 8, "default": 2},
                "meal": {"type": "string", "enum": ["none", "veg"], "enumNames": ["No meals", "Vegetarian"]},
            },
            "required": ["name", "email"],
        },
    },
}
SCHEMAS: dict[str, dict[str, Any]] = {"tool_approval": TOOL_DECISIONS}


Asked = Literal["data", "human_interrupt", "hitl_request", "tool_approval", "elicitation"]


@entrypoint()
def agent(asks: Asked) -> Any:
    """Asks one question as agents ask it, and ends with the answer."""
    return interrupt(QUESTIONS[asks], response_schema=SCHEMAS.get(asks))
