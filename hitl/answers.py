"""An answer is checked by the kind of its question, the same way from every channel (rule 20)."""

from __future__ import annotations

import json
from typing import Any

from hitl import codec, questions, responses
from hitl.errors import HitlError


def checked(question: Any, value: Any) -> str:
    """The answer in its normal form, encoded; InvalidAnswer, UnstorableValue or ValueTooLarge where it is none."""
    normal = questions.get(question.kind).check(value, asked(question), schema_of(question))
    responses.check_here(question, normal)
    return codec.encode(normal, where="answer")


def checked_ahead(question: Any, value: Any, *, version: int) -> str | None:
    """The same before the thread is locked; None where the question cannot take this answer anyway."""
    if question.status != "pending" or question.version != version:
        return None
    return checked(question, value)


def asked(question: Any) -> Any:
    """What was asked; in plain JSON where a class in it is not known to this process."""
    try:
        return codec.decode(question.value)
    except HitlError:
        return codec.plain(question.value)


def schema_of(question: Any) -> dict[str, Any] | None:
    return json.loads(question.schema) if question.schema else None
