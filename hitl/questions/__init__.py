"""Kinds of questions: what a payload asks, and which answers are legal.

A kind is chosen once, when the question is asked, and its name is kept with the question, so that a change
of code cannot re-interpret one that is open. Page, Admin, command, HTTP and code all answer by the kind.
The first kind that detects a payload has it; a project's own kinds come before the ones in the box.
"""

from __future__ import annotations

from typing import Any

from hitl.questions.base import Description, Kind
from hitl.questions.choice import Choice
from hitl.questions.data import Data
from hitl.questions.elicitation import Elicitation
from hitl.questions.hitl_request import HitlRequest
from hitl.questions.human_interrupt import HumanInterrupt
from hitl.questions.schema import Schema
from hitl.questions.text import Text
from hitl.questions.tool_approval import ToolApproval

__all__ = ["Description", "Kind", "detect", "get", "kinds", "register"]

_kinds: list[Kind] = [
    *(ToolApproval(), Schema(), HitlRequest(), HumanInterrupt(), Elicitation()),
    *(Choice(), Data(), Text()),
]


def register(kind: Kind) -> Kind:
    """Put a kind before all others, or in the place of the one that has its name."""
    for place, known in enumerate(_kinds):
        if known.name == kind.name:
            _kinds[place] = kind
            return kind
    _kinds.insert(0, kind)
    return kind


def kinds() -> tuple[Kind, ...]:
    """All kinds, in the order in which they are asked."""
    return tuple(_kinds)


def detect(value: Any, schema: dict[str, Any] | None = None) -> Kind:
    """The kind of a payload that was asked with this response schema (None or {} where there is none)."""
    return next((kind for kind in _kinds if kind.detect(value, schema)), get("text"))


def get(name: str) -> Kind:
    """The kind of this name. One that is unknown here is answered as data: no question is a dead end."""
    return next((kind for kind in _kinds if kind.name == name), _FALLBACK)


_FALLBACK = Data()
