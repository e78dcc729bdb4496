"""MCP's elicitation: a server asks for a few values (`requestedSchema`), or to have an address opened (`url`).

The answer is accept, with the values, or decline, or cancel. Decline says no; cancel says nothing at all.
"""

from __future__ import annotations

from typing import Any

from hitl.questions import wording
from hitl.questions.approval import closed, embedded, one_of
from hitl.questions.base import Description, Kind
from hitl.questions.data import described

ACCEPT, DECLINE, CANCEL = "accept", "decline", "cancel"
ACTIONS = (ACCEPT, DECLINE, CANCEL)


class Elicitation(Kind):
    name = "elicitation"

    def detect(self, value: Any, response_schema: dict[str, Any] | None) -> bool:
        return requested(value) is not None or is_address(value)

    def describe(self, value: Any) -> Description:
        if not self.detect(value, None):
            return described(value)
        message = value.get("message")
        title, body = wording.title_and_body(message) if isinstance(message, str) else ("What are these?", "")
        rows = (("url", value["url"]),) if is_address(value) else ()
        return Description(title, body, rows)

    def schema(self, value: Any, response_schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if not self.detect(value, None):
            return super().schema(value, response_schema)
        wanted = requested(value)
        content = {} if wanted is None else {"content": embedded(wanted)}
        accepted = closed(action={"const": ACCEPT}, **content)
        return one_of([accepted, *(closed(action={"const": action}) for action in (DECLINE, CANCEL))])

    def example(self, value: Any, response_schema: dict[str, Any] | None) -> Any:
        return {"action": DECLINE} if self.detect(value, None) else None


def requested(value: Any) -> dict[str, Any] | None:
    """The schema of the values that a server asks for; None where it asks for none."""
    from hitl import schema
    from hitl.errors import InvalidSchema

    wanted = value.get("requestedSchema") if isinstance(value, dict) else None
    try:
        schema.check_schema(wanted)
    except InvalidSchema:
        return None
    return wanted if isinstance(wanted, dict) and isinstance(wanted.get("properties"), dict) else None


def is_address(value: Any) -> bool:
    """Whether it asks to have an address opened, which MCP calls the URL mode."""
    return isinstance(value, dict) and value.get("mode") == "url" and isinstance(value.get("url"), str)
