"""What the kinds have in common that propose actions: one decision for each, in order.

A kind of them reads the actions out of its payload and says how a decision looks on its wire; the schema of a
legal answer, the check, and the way back from an answer to the decisions follow from that.
"""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, TypeGuard

from hitl import codec
from hitl.questions.actions import Action, Decision
from hitl.questions.base import Description, Kind
from hitl.questions.data import described
from hitl.questions.wording import one_line
from hitl.words import gettext


class Approval(Kind):
    """A payload that proposes actions. Without any that can be read, it is answered like any other dict."""

    @abc.abstractmethod
    def actions(self, value: Any, response_schema: dict[str, Any] | None = None) -> tuple[Action, ...]:
        """What is proposed; () for a payload that is not of this kind."""

    @abc.abstractmethod
    def answer(self, value: Any, response_schema: dict[str, Any] | None, decisions: Sequence[Decision]) -> Any:
        """The answer that these decisions make, one for each action, in order."""

    @abc.abstractmethod
    def decisions(self, value: Any, answer: Any) -> tuple[Decision, ...]:
        """The way back: what an answer that has been checked decided about each action."""

    @abc.abstractmethod
    def paths(self, at: int) -> dict[str, tuple[str, ...]]:
        """Where in an answer the `type`, the `args` and the `message` of the decision at this place are."""

    def example(self, value: Any, response_schema: dict[str, Any] | None) -> Any:
        """The first decision that is allowed about each action."""
        actions = self.actions(value, response_schema)
        decisions = [Decision(one.allowed[0], args=one.args, message="…") for one in actions]
        return self.answer(value, response_schema, decisions) if actions else None

    def detect(self, value: Any, response_schema: dict[str, Any] | None) -> bool:
        return bool(self.actions(value, response_schema))

    def describe(self, value: Any) -> Description:
        actions = self.actions(value)
        if not actions:
            return described(value)
        parts = tuple(described_action(action) for action in actions)
        if len(parts) == 1:
            return Description(one_line(f"{parts[0].title}?"), parts=parts)
        titles = ", ".join(part.title for part in parts)
        said = gettext("{n} actions: {titles}").format(n=len(parts), titles=titles)
        return Description(one_line(said), parts=parts)


def described_action(action: Action) -> Description:
    return Description(action.title, action.description, tuple(action.args.items()))


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def one_of(branches: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A schema of which one branch has to fit; the branch itself where there is one only."""
    return branches[0] if len(branches) == 1 else {"oneOf": list(branches)}


def closed(**properties: Any) -> dict[str, Any]:
    """An object with exactly these properties; a name that ends in `_` may be left out."""
    return {
        "type": "object",
        "properties": {name.removesuffix("_"): schema for name, schema in properties.items()},
        "required": [name for name in properties if not name.endswith("_")],
        "additionalProperties": False,
    }


def embedded(schema: dict[str, Any] | None, default: dict[str, Any] | None = None) -> dict[str, Any]:
    """A schema inside another one; with a name of its own, its references still lead to its own definitions."""
    if not schema:
        return default or {}
    return {"$id": f"urn:hitl:{codec.digest(schema)}", **schema} if schema.keys() & {"$defs", "definitions"} else schema
