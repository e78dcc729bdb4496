"""Rows of a form: the objects of a list, each with fields of its own, added and removed by buttons.

The rows that a list has travel with the form, as keys in a field beside them, so that what was typed in one stays there
when another goes. The buttons send the form like any other, but nothing is answered: the form comes back as it was
typed, with a row more or less. So it works without JavaScript, and a draft knows its rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from django import forms
from django.http import QueryDict

# What was typed into a form, by the fields' names.
Typed = QueryDict | Mapping[str, Any]

# The name of the buttons; their value is the list's name, what to do, and with which row.
BUTTON = "rows"
_PRESSED = re.compile(r"([\w.-]{1,400}) (?:(add)|(remove) (\d{1,4}))")
_KEYS = re.compile(r"\d{1,4}(,\d{1,4})*")
MOST_ROWS = 20
# Beyond this many fields of rows a list is easier to write as JSON.
MOST_FIELDS_IN_ROWS = 200


class Keys(forms.Widget):
    """The keys of a list's rows. Its list shows it, so it counts as a visible field."""

    template_name = "django/forms/widgets/input.html"

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        context["widget"]["type"] = "hidden"
        return context


def field_of(name: str) -> str:
    """The name of the field that holds the keys of a list's rows."""
    return f"{name}.rows"


def written(keys: Sequence[str]) -> str:
    return ",".join(keys)


def keys(data: Typed | None, name: str, *, default: Sequence[str], most: int) -> list[str]:
    """The rows of a list that data has, or `default` where it does not say."""
    text = (data or {}).get(field_of(name))
    if text is None or (text and not _KEYS.fullmatch(text)):
        return list(default)
    return list(dict.fromkeys(text.split(",")))[:most] if text else []


def is_pressed(data: QueryDict | None) -> TypeGuard[QueryDict]:
    """Whether a row is to be added or removed, and nothing to be sent."""
    return bool(data and _PRESSED.fullmatch(data.get(BUTTON, "")))


def rearranged(data: QueryDict) -> QueryDict:
    """What was typed, with the row more or less that a button asked for."""
    typed = data.copy()
    pressed = _PRESSED.fullmatch(data.get(BUTTON, ""))
    if pressed is not None:
        name, adds, _, key = pressed.groups()
        there = keys(data, name, default=(), most=MOST_ROWS)
        left = [one for one in there if one != key]
        more = [*there, str(max(map(int, there), default=-1) + 1)][:MOST_ROWS]
        typed[field_of(name)] = written(more if adds else left)
    return typed


def touched(typed: QueryDict) -> str:
    """Where the cursor belongs once it was rearranged: the new row, or the list that a row was taken from; "" where
    it was not."""
    pressed = _PRESSED.fullmatch(typed.get(BUTTON, ""))
    if pressed is None:
        return ""
    name, adds, *_ = pressed.groups()
    return f"{name}.{keys(typed, name, default=(), most=MOST_ROWS)[-1]}." if adds else name


def fill(form: forms.Form, typed: QueryDict) -> None:
    """Show what was typed in a form that has not been sent; nothing is checked yet."""
    for name, field in form.fields.items():
        prefixed = form.add_prefix(name)
        if not field.widget.is_hidden and not field.widget.value_omitted_from_data(typed, {}, prefixed):
            form.initial[name] = field.widget.value_from_datadict(typed, {}, prefixed)
