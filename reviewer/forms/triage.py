"""How urgent a question is, as a form."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from hitl.models import Interrupt
from reviewer import zone
from reviewer.forms.fields import MomentInput


class TriageForm(forms.Form):
    """How urgent a question is."""

    priority = forms.TypedChoiceField(
        label=_("Priority"),
        choices=[
            ("2", pgettext_lazy("priority", "High")),
            ("0", pgettext_lazy("priority", "Normal")),
            ("-2", pgettext_lazy("priority", "Low")),
        ],
        coerce=int,
        required=False,
    )
    due = forms.DateTimeField(
        label=pgettext_lazy("a question", "Due"),
        required=False,
        widget=MomentInput(),
    )

    def __init__(self, asked: Interrupt, data: QueryDict | None = None) -> None:
        super().__init__(data, initial={"priority": asked.priority, "due": asked.due_at}, auto_id="triage-%s")
        self.fields["due"].help_text = zone.hint()
        field = cast(forms.TypedChoiceField, self.fields["priority"])
        if str(asked.priority) not in dict(cast(Any, field.choices)):
            field.choices = [*cast(Any, field.choices), (str(asked.priority), str(asked.priority))]
