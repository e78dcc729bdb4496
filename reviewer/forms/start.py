"""The start form: a workflow's input, as its annotation describes it."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.http import QueryDict

from hitl.workflow import Workflow
from reviewer.forms.schema import SchemaForm


class StartForm(SchemaForm):
    """The input's fields, a thread to go on with, and a key that makes the same submit twice one start."""

    key = forms.CharField(max_length=64, widget=forms.HiddenInput)
    thread = forms.CharField(
        label="Thread",
        max_length=200,
        required=False,
        help_text="Leave empty for a new one. A finished thread takes another turn.",
    )

    def __init__(self, workflow: Workflow, data: QueryDict | None = None, *, thread: str = "") -> None:
        super().__init__(
            data,
            initial={"key": uuid.uuid4().hex, "thread": thread},
            schema=workflow.input_schema,
            root="input",
            label="Input",
        )

    def arguments(self) -> dict[str, Any]:
        """What the start verb takes beside the input."""
        return {
            "thread_id": self.cleaned_data["thread"] or None,
            "idempotency_key": self.cleaned_data["key"],
        }
