"""A payload that is a text, or no more than a value: any JSON value is a legal answer."""

from __future__ import annotations

from typing import Any

from hitl.questions import wording
from hitl.questions.base import Description, Kind


class Text(Kind):
    name = "text"

    def detect(self, value: Any, response_schema: dict[str, Any] | None) -> bool:
        return True

    def describe(self, value: Any) -> Description:
        if isinstance(value, str):
            return Description(*wording.title_and_body(value))
        title = wording.summary(value)
        if title == wording.untitled() or title == wording.as_json(value):
            return Description(title)
        return Description(title, f"```json\n{wording.as_json(value, indent=2)}\n```")
