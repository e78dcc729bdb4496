"""What an answer must be like: a schema for the page and the store, a check for the workflow (rule 20)."""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

from hitl.errors import InvalidAnswer
from hitl.words import gettext

logger = logging.getLogger(__name__)

Check = Callable[[Any], Any]
MAX_REMEMBERED = 10_000

# The checks of questions that this process asked: what no schema can say is said at the field then, not only
# when the workflow goes on. Another process finds those that have a name in the modules it has loaded, and leaves
# the others to the executor (rule 20).
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
    elif question.checks:
        _check_by_name(question, value)


def _check_by_name(question: Any, value: Any) -> None:
    names = json.loads(question.checks)
    model, validate = _named(names.get("response_schema", "")), _named(names.get("validate", ""))
    # What checks before it has become the right type is not the check that was meant.
    if "response_schema" in names and model is None:
        return
    try:
        _check_of(model, validate)(value)
    except InvalidAnswer:
        raise
    except Exception:
        logger.exception("A check of question %s does not work here; the executor will run it.", question.id)


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """What an answer must be like: `schema` and `checks` (names, as JSON) are stored, `check` gives it its type."""

    schema: dict[str, Any] | None = None
    check: Check | None = None
    checks: str = ""


def prepare(response_schema: Any, validate: Check | None) -> Prepared:
    """What `interrupt()` was told about its answer, as it is stored and as it is run. Raises InvalidSchema."""
    if response_schema is None and validate is None:
        return Prepared()
    stored: dict[str, Any] | None = None
    model = None if isinstance(response_schema, dict) else response_schema
    if response_schema is not None:
        from hitl import schema

        stored = schema.from_model(response_schema)
        schema.check_schema(stored)
    if model is None and validate is None:
        return Prepared(stored)
    given = {"response_schema": model, "validate": validate}
    names = {key: _name_of(one) for key, one in given.items() if one is not None}
    # All or none: half of what was asked for is no check.
    checks = json.dumps(names) if all(names.values()) else ""
    return Prepared(stored, _check_of(model, validate), checks)


def _check_of(model: Any, validate: Check | None) -> Check:
    def check(value: Any) -> Any:
        if model is not None:
            from hitl import schema

            value = schema.coerce_answer(model, value)
        return value if validate is None else _validated(validate, value)

    return check


def _name_of(one: Any) -> str:
    """`module:qualname` of what can be found by it, else ""."""
    name = f"{getattr(one, '__module__', '')}:{getattr(one, '__qualname__', '')}"
    return name if _named(name) is one else ""


def _named(name: str) -> Any:
    """What a name leads to in the modules that are loaded; nothing is imported for it. None where it is gone."""
    module, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    return found


def _validated(validate: Check, value: Any) -> Any:
    try:
        accepted = validate(value)
    except ValueError as error:
        raise InvalidAnswer(
            gettext("The answer was refused: {problem}").format(problem=error), errors=[("", str(error))]
        ) from error
    return value if accepted is None else accepted
