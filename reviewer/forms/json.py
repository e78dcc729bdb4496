"""A form field that holds JSON, with messages for people who are not programmers."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext


class JSONText(forms.CharField):
    """A textarea whose cleaned value is the parsed JSON; `MISSING` values are left to `required`."""

    widget = forms.Textarea

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, empty_value="", **options)
        self.widget.attrs |= {"class": "code", "rows": 4, "spellcheck": "false", "autocomplete": "off"}

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        return parse(text) if text.strip() else None

    def prepare_value(self, value: Any) -> Any:
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)


def parse(text: str) -> Any:
    """The value of a JSON text; ValidationError says where it stops being JSON."""
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except json.JSONDecodeError as error:
        raise ValidationError(
            gettext("This is not JSON: look at line {line}, column {column}. Texts need double quotes.").format(
                line=error.lineno, column=error.colno
            )
        ) from None
    except (ValueError, RecursionError) as error:
        if isinstance(error, RecursionError):
            raise ValidationError(gettext("This JSON cannot be taken: it is nested too deep.")) from None
        raise ValidationError(gettext("This JSON cannot be taken: {reason}.").format(reason=error)) from None


def refuse_constant(name: str) -> NoReturn:
    raise ValueError(gettext("{name} is not a JSON number").format(name=name))
