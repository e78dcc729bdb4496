"""The form of an MCP elicitation: the values that a server asks for, and three ways to answer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from hitl import codec
from hitl.models import Interrupt
from hitl.questions import elicitation
from reviewer.forms.answer import Answer
from reviewer.forms.schema import Button, SchemaForm

ACTIONS = {
    elicitation.ACCEPT: pgettext_lazy("verb", "Send"),
    elicitation.DECLINE: pgettext_lazy("verb", "Decline"),
    elicitation.CANCEL: pgettext_lazy("give no answer", "Cancel"),
}
OPENED = _("I have opened it")
NOTHING = {"type": "null"}


class ElicitationAnswer(SchemaForm, Answer):
    """The fields count only with accept."""

    button_name = "action"

    def __init__(self, question: Interrupt, data: QueryDict | None = None, *, typed: QueryDict | None = None) -> None:
        self.wanted = elicitation.requested(codec.plain(question.value))
        schema = self.wanted or NOTHING
        super().__init__(question, data, typed=typed, schema=schema, root="answer", label=gettext("Content"))
        if self.wanted is None:
            del self.fields["answer"]
        missing = dict.fromkeys(("required", "invalid_choice"), _("Choose by one of the buttons."))
        self.fields["action"] = forms.ChoiceField(choices=list(ACTIONS.items()), error_messages=missing)

    def build(self, asked: Any) -> None:
        """SchemaForm adds the fields."""

    @property
    def buttons(self) -> list[Button]:
        labels = ACTIONS if self.wanted is not None else {**ACTIONS, elicitation.ACCEPT: OPENED}
        return [(action, str(label), action == elicitation.ACCEPT) for action, label in labels.items()]

    def shown(self) -> Any:
        return super().shown() if self.wanted is not None else ()

    def kept(self) -> Any:
        return self.shown()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("action") in (elicitation.DECLINE, elicitation.CANCEL):
            for leaf in self.tree.leaves():
                self.errors.pop(leaf.name, None)
        return cleaned

    def value(self) -> Any:
        action = self.cleaned_data["action"]
        if action != elicitation.ACCEPT or self.wanted is None:
            return {"action": action}
        return {"action": action, "content": super().value()}

    def add_errors(self, errors: list[tuple[str, str]]) -> None:
        super().add_errors([(path.replace("$.content", "$", 1), message) for path, message in errors])
