"""What an answer must be like: a schema for the page and the store, a check for the workflow (rule 20)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hitl.errors import InvalidAnswer

Check = Callable[[Any], Any]


def prepare(response_schema: Any, validate: Check | None) -> tuple[dict[str, Any] | None, Check | None]:
    """The JSON Schema that is stored with the question, and what turns a stored answer into its type."""
    if response_schema is None and validate is None:
        return None, None
    stored: dict[str, Any] | None = None
    steps: list[Check] = []
    if response_schema is not None:
        from hitl import schema

        stored = schema.from_model(response_schema)
        schema.check_schema(stored)
        if not isinstance(response_schema, dict):
            steps.append(lambda value: schema.coerce_answer(response_schema, value))
    if validate is not None:
        steps.append(lambda value: _validated(validate, value))

    def check(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return stored, check if steps else None


def _validated(validate: Check, value: Any) -> Any:
    try:
        accepted = validate(value)
    except ValueError as error:
        raise InvalidAnswer(f"The answer was refused: {error}", errors=[("", str(error))]) from error
    return value if accepted is None else accepted
