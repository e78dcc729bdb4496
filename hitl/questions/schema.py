"""A payload asked with `response_schema`: the schema says what a legal answer is."""

from __future__ import annotations

from typing import Any

from hitl.questions.base import Description, Kind
from hitl.questions.data import described


class Schema(Kind):
    name = "schema"

    def detect(self, value: Any, response_schema: dict[str, Any] | None) -> bool:
        return bool(response_schema)

    def describe(self, value: Any) -> Description:
        return described(value)
