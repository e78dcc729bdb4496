"""What an answer must be like: a schema for the page and the store, a check for the workflow (rule 20)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

from hitl.errors import InvalidAnswer

Check = Callable[[Any], Any]
MAX_REMEMBERED = 10_000

# The checks of questions that this process asked: what no schema can say is said at the field then, not only
# when the workflow goes on. Another process leaves it to the executor (rule 20).
_remembered: OrderedDict[tuple[str, str], Check] = OrderedDict()
_lock = Lock()


def remember(question_id: str, digest: str, check: Check | None) -> None:
    """Keep the check of an open question, if it has one, for answers that come in through this process."""
    with _lock:
        if check is None:
            _remembered.pop((question_id, digest), None)
            return
        _remembered[question_id, digest] = check
        _remembered.move_to_end((question_id, digest))
        while len(_remembered) > MAX_REMEMBERED:
            _remembered.popitem(last=False)


def forget() -> None:
    """Forget them all, as another process would not know them."""
    with _lock:
        _remembered.clear()


def check_here(question: Any, value: Any) -> None:
    """Run the question's model and `validate=` if this process knows them; InvalidAnswer where they refuse."""
    check = _remembered.get((question.id, question.digest))
    if check is not None:
        check(value)


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
