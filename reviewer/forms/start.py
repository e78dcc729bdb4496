"""The start form: a workflow's input, as its annotation describes it, and behind *More* where and when it starts."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hitl.opening import STRATEGIES
from hitl.workflow import Workflow
from reviewer.forms import rows
from reviewer.forms.fields import MomentInput
from reviewer.forms.schema import SchemaForm

# What becomes of a start whose thread has an open turn, in words for people.
MEANINGS = {
    "reject": gettext_lazy("Start nothing"),
    "enqueue": gettext_lazy("Wait until it has ended"),
    "interrupt": gettext_lazy("Stop it, and start"),
    "rollback": gettext_lazy("Stop it, take it out of the history, and start"),
}
USUAL = ("", gettext_lazy("Start nothing, or wait if for later"))
STRATEGY_CHOICES = [(name, MEANINGS[name]) for name in STRATEGIES]
# The field knows whole minutes, and sending takes a while.
JUST_NOW = timedelta(minutes=2)


def _zone() -> str:
    return _("In the time zone %(name)s. Leave empty to start now.") % {"name": timezone.get_current_timezone_name()}


def refuse_past(moment: datetime) -> None:
    if moment < timezone.now() - JUST_NOW:
        raise ValidationError(_("This time has passed. Choose a later one, or leave it empty to start now."))


class StartForm(SchemaForm):
    """The input's fields, where and when to begin, and a key that makes the same submit twice one start."""

    key = forms.CharField(max_length=64, widget=forms.HiddenInput)
    thread = forms.CharField(
        label=gettext_lazy("Thread"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("Leave empty for a new one. A finished thread takes another turn."),
    )
    multitask_strategy = forms.ChoiceField(
        label=gettext_lazy("If that thread has an open turn"), choices=[USUAL, *STRATEGY_CHOICES], required=False
    )
    run_at = forms.DateTimeField(
        label=gettext_lazy("Not before"),
        required=False,
        widget=MomentInput(),
        validators=[refuse_past],
        help_text=lazy(_zone, str)(),
    )

    def __init__(self, workflow: Workflow, data: QueryDict | None = None, *, thread: str = "") -> None:
        if data is not None and rows.is_pressed(data):
            self.typed, data = rows.rearranged(data), None
        super().__init__(
            data,
            initial={"key": uuid.uuid4().hex, "thread": thread},
            schema=workflow.input_schema,
            root="input",
            label=_("Input"),
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("run_at") and cleaned.get("multitask_strategy") == "reject":
            problem = _("A start for later is not refused: choose what it does when its time has come.")
            self.add_error("multitask_strategy", problem)
        return cleaned

    def more(self) -> list[forms.BoundField]:
        """The fields of which most starts need none."""
        return [self[name] for name in ("thread", "multitask_strategy", "run_at")]

    def says_more(self) -> bool:
        """Whether one of those has something in it that a person should see."""
        return any(field.value() or field.errors for field in self.more())

    def arguments(self) -> dict[str, Any]:
        """What the start verb takes beside the input."""
        return {
            "thread_id": self.cleaned_data["thread"] or None,
            "idempotency_key": self.cleaned_data["key"],
            "multitask_strategy": self.cleaned_data["multitask_strategy"] or None,
            "run_at": self.cleaned_data["run_at"],
        }
