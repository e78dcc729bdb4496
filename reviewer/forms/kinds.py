"""The answer form of each kind of question, found by the kind's name."""

from __future__ import annotations

from django.http import QueryDict

from hitl import codec, questions
from hitl.answers import schema_of
from hitl.models import Interrupt
from reviewer.forms.answer import Answer, ChoiceAnswer, DataAnswer, SchemaAnswer, TextAnswer
from reviewer.forms.approval import ApprovalAnswer
from reviewer.forms.elicitation import ElicitationAnswer

_forms: dict[str, type[Answer]] = {
    "text": TextAnswer,
    "choice": ChoiceAnswer,
    "data": DataAnswer,
    "schema": SchemaAnswer,
    "hitl_request": ApprovalAnswer,
    "human_interrupt": ApprovalAnswer,
    "tool_approval": ApprovalAnswer,
    "elicitation": ElicitationAnswer,
}


def register(kind: str, form: type[Answer]) -> type[Answer]:
    """Answer the questions of a kind, by its name, with this form; in an app's `ready()`."""
    _forms[kind] = form
    return form


def form_for(question: Interrupt, data: QueryDict | None = None, *, typed: QueryDict | None = None) -> Answer:
    """The form for a question, as it was sent (`data`), or as it stands there unsent (`typed`).

    One of a kind that has none, or that its kind cannot read any more, is answered as text or JSON: no dead end.
    """
    form = _forms.get(question.kind, DataAnswer)
    is_readable = questions.get(question.kind).detect(codec.plain(question.value), schema_of(question))
    return (form if is_readable else DataAnswer)(question, data, typed=typed)
