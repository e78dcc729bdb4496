"""The answer forms of the plain kinds of questions, and what all answer forms share.

A kind says in `hitl.questions` what fits; the form says how a person enters it. Two hidden fields travel
with every form: `version`, so that an answer cannot reach a question that has changed, and `token`, so that
the same submit arriving twice is one answer.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from hitl import codec
from hitl.models import Interrupt
from reviewer.forms import fields, rows
from reviewer.forms.json import parse
from reviewer.forms.parts import Shown
from reviewer.forms.schema import Button, SchemaForm
from reviewer.shown import phrase

MOST_BUTTONS = 4


class Answer(forms.Form):
    """What all answer forms share. `value()` is the answer; `buttons` are choices that send it at once;
    `page_template` draws the form, and may extend the one that is the default."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    token = forms.CharField(max_length=64, widget=forms.HiddenInput)

    send_label: Any = _("Send this answer")
    page_template = "reviewer/question/form.html"

    def __init__(self, question: Interrupt, data: QueryDict | None = None, *, typed: QueryDict | None = None) -> None:
        """typed: what stands in a form that has not been sent, as a draft has it."""
        if data is not None and rows.is_pressed(data):
            typed, data = rows.rearranged(data), None
        started = {"version": question.version, "token": uuid.uuid4().hex}
        super().__init__(data, initial=started)
        self.question = question
        self.typed = typed
        self.build(codec.plain(question.value))
        if typed is not None:
            rows.fill(self, typed)

    @property
    def touched(self) -> str:
        """Which rows a button has changed, so that there is nothing to be sent; empty where none was pressed."""
        return rows.touched(self.typed) if self.typed is not None else ""

    def build(self, asked: Any) -> None:
        """Add the fields for what is asked."""
        raise NotImplementedError

    def value(self) -> Any:
        """The answer as plain data; only after `is_valid()`."""
        return self.cleaned_data["answer"]

    @property
    def button_name(self) -> str:
        return "answer"

    @property
    def buttons(self) -> list[Button]:
        """Value, label and whether it is the suggested one, where choosing is sending."""
        return []

    # Whether the same form, filled in once, may answer several questions that are alike.
    is_shared = True

    @property
    def shared_name(self) -> str:
        return self.button_name

    @property
    def shared_buttons(self) -> list[Button]:
        """The choices that can be made in several questions at once, with everything else as it is proposed."""
        return self.buttons

    def shown(self) -> tuple[Shown, ...]:
        return tuple(Shown(field=field) for field in self.visible_fields())

    def kept(self) -> tuple[Shown, ...]:
        """The fields of what was written, for reading it again."""
        return self.shown()

    def add_errors(self, errors: list[tuple[str, str]]) -> None:
        """Errors of the engine's own check, at the field they are about."""
        for _path, message in errors:
            self.add_error("answer" if "answer" in self.fields else None, message)

    def recall(self, answer: Any) -> None:
        """Begin with an answer that was given before; only what has a place in the form."""
        if isinstance(answer, str) and "answer" in self.fields:
            self.initial["answer"] = answer

    def freeze(self) -> None:
        """Keep what was typed, for reading and copying only."""
        for field in self.fields.values():
            name = "readonly" if isinstance(field.widget, forms.TextInput | forms.Textarea) else "disabled"
            field.widget.attrs[name] = True


def refuse_blank(text: str) -> None:
    if not text.strip():
        raise ValidationError(_("Write an answer first."))


class TextAnswer(Answer):
    """A text, as it was typed."""

    def build(self, asked: Any) -> None:
        self.fields["answer"] = fields.Text(
            label=_("Your answer"),
            widget=forms.Textarea(attrs={"rows": 3}),
            error_messages={"required": _("Write an answer first.")},
            validators=[refuse_blank],
        )


class ChoiceAnswer(Answer):
    """One of the options, or several where the question allows it."""

    send_label = _("Send this choice")

    def build(self, asked: Any) -> None:
        self.options: list[Any] = list(asked["options"])
        self.multiple = bool(asked.get("multiple"))
        defaults = asked.get("defaults") or []
        self.defaults = [place for place, option in enumerate(self.options) if option in defaults]
        choices = [(str(place), phrase(option)) for place, option in enumerate(self.options)]
        self.fields["answer"] = self.several(choices) if self.multiple else self.one(choices)

    def one(self, choices: list[tuple[str, str]]) -> forms.Field:
        first = [] if self.defaults else [("", _("Choose…"))]
        missing = dict.fromkeys(("required", "invalid_choice"), _("Choose one of the options."))
        initial = str(self.defaults[0]) if self.defaults else None
        return forms.ChoiceField(
            label=_("Your choice"), choices=[*first, *choices], initial=initial, error_messages=missing
        )

    def several(self, choices: list[tuple[str, str]]) -> forms.Field:
        return forms.MultipleChoiceField(
            label=_("Your choice"),
            choices=choices,
            initial=[str(place) for place in self.defaults],
            widget=forms.CheckboxSelectMultiple,
            required=False,
        )

    def recall(self, answer: Any) -> None:
        chosen = answer if self.multiple and isinstance(answer, list) else [answer]
        places = [str(place) for place, option in enumerate(self.options) if option in chosen]
        self.initial["answer"] = places if self.multiple else next(iter(places), None)

    @property
    def buttons(self) -> list[Button]:
        if self.multiple or len(self.options) > MOST_BUTTONS:
            return []
        return [(str(at), phrase(option), at in self.defaults) for at, option in enumerate(self.options)]

    def shown(self) -> tuple[Shown, ...]:
        return () if self.buttons else super().shown()

    def value(self) -> Any:
        chosen = self.cleaned_data["answer"]
        if self.multiple:
            return [self.options[int(place)] for place in chosen]
        return self.options[int(chosen)]


class DataAnswer(Answer):
    """Anything: text as it was typed, or JSON."""

    def build(self, asked: Any) -> None:
        self.fields["answer"] = fields.Text(
            label=_("Your answer"),
            widget=forms.Textarea(attrs={"rows": 4}),
            required=False,
        )
        self.fields["mode"] = forms.ChoiceField(
            label=_("Send it as"),
            choices=[("text", _("Text, as typed")), ("json", _("JSON"))],
            widget=forms.RadioSelect,
            initial="text",
        )

    def recall(self, answer: Any) -> None:
        is_text = isinstance(answer, str)
        self.initial["answer"] = answer if is_text else json.dumps(answer, ensure_ascii=False, indent=2)
        self.initial["mode"] = "text" if is_text else "json"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        text = cleaned.get("answer", "")
        if not text.strip():
            self.add_error("answer", ValidationError(_("Write an answer first.")))
        elif cleaned.get("mode") == "json":
            try:
                cleaned["answer"] = parse(text)
            except ValidationError as error:
                self.add_error("answer", error)
        return cleaned


class SchemaAnswer(SchemaForm, Answer):
    """The fields that a response schema asks for."""

    def __init__(self, question: Interrupt, data: QueryDict | None = None, *, typed: QueryDict | None = None) -> None:
        self.schema = json.loads(question.schema)
        super().__init__(question, data, typed=typed, schema=self.schema, root="answer", label=gettext("Your answer"))

    def build(self, asked: Any) -> None:
        """SchemaForm adds the fields."""

    def recall(self, answer: Any) -> None:
        self.propose(answer)
