"""One JSON Schema, one form field: which widget it gets and how its text becomes a value again.

Only what a person needs to fill it in comes from the schema: choices, kinds of input, defaults, words.
Whether a value is right (lengths, patterns, ranges) is checked where every channel is checked, in `hitl`;
its errors come back to the field by their path.
"""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Iterable
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from reviewer import zone
from reviewer.forms.json import JSONText
from reviewer.shown import phrase

Schema = dict[str, Any]
ToValue = Callable[[Any], Any]

# Up to here all choices are seen at once; beyond, a list opens.
MOST_RADIOS = 4
LONG_TEXT = 200
TEXT_INPUTS = {"email": "email", "uri": "url"}


class Text(forms.CharField):
    """What was typed, to the character; browsers send line ends as CRLF, which nobody typed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)

    def to_python(self, value: Any) -> str:
        return plain_ends(str(super().to_python(value)))


def plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n")


class Lines(Text):
    """A text per line; empty lines count for nothing."""

    widget = forms.Textarea

    def clean(self, value: Any) -> Any:
        return [line for line in super().clean(value).split("\n") if line.strip()]

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(map(str, value)) if isinstance(value, list) else value


class Numbers(Lines):
    """A number per line."""

    def __init__(self, *, whole: bool, **options: Any) -> None:
        self.whole = whole
        super().__init__(**options)

    def clean(self, value: Any) -> Any:
        return [self.number(at, line.strip()) for at, line in enumerate(super().clean(value), 1)]

    def number(self, at: int, line: str) -> float | int:
        try:
            return int(line) if self.whole or line.lstrip("-").isdigit() else plain_number(finite(line))
        except ValueError:
            said = (
                gettext("Line {n} is no whole number: {line}")
                if self.whole
                else gettext("Line {n} is no number: {line}")
            )
            raise ValidationError(said.format(n=at, line=line[:40])) from None


def finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def hints(schema: Schema) -> dict[str, Any]:
    """What `x-ui` says about the look of a field: a widget by its name, or that and `rows` and `placeholder`."""
    given = schema.get("x-ui")
    return given if isinstance(given, dict) else {"widget": given} if isinstance(given, str) else {}


def same(value: Any) -> Any:
    return value


def field_for(schema: Schema, *, required: bool, options: dict[str, Any]) -> tuple[forms.Field, ToValue]:
    """The field for a schema without references, and what makes its cleaned value the answer's value."""
    if is_decimal(schema):
        options["initial"] = None if options.get("initial") is None else str(options["initial"])
        widget = forms.TextInput(attrs={"inputmode": "decimal"})
        return Text(widget=widget, required=required, **options), same
    if choices := choices_of(schema):
        return choice(choices, schema, required=required, options=options)
    build = BUILDERS.get(schema.get("type", "")) if isinstance(schema.get("type"), str) else None
    if build is not None and not COMBINING & schema.keys():
        return build(schema, required, options)
    return anything(schema, required, options)


def is_decimal(schema: Schema) -> bool:
    """A number that may be written as text: how a `Decimal` is annotated. As text it stays exact."""
    branches = schema.get("anyOf")
    if not isinstance(branches, list):
        return False
    return sorted(str(branch.get("type")) for branch in branches if isinstance(branch, dict)) == ["number", "string"]


# Keywords that make a value depend on more than its type.
COMBINING = {"allOf", "anyOf", "oneOf", "not", "if", "$ref", "$dynamicRef"}


def choices_of(schema: Schema) -> list[tuple[Any, str]]:
    """Values and labels of an `enum`, or of a `oneOf`/`anyOf` of titled constants."""
    if "const" in schema:
        return [(schema["const"], phrase(schema["const"]))]
    if isinstance(schema.get("enum"), list):
        names = schema.get("enumNames", [])  # older than titled constants; MCP still has it
        named = names if isinstance(names, list) and len(names) == len(schema["enum"]) else schema["enum"]
        return [(value, phrase(name)) for value, name in zip(schema["enum"], named, strict=True)]
    branches = schema.get("oneOf") or schema.get("anyOf") or []
    if branches and all(isinstance(branch, dict) and "const" in branch for branch in branches):
        return [(branch["const"], str(branch.get("title") or phrase(branch["const"]))) for branch in branches]
    return []


def choice(
    values: list[tuple[Any, str]], schema: Schema, *, required: bool, options: dict[str, Any]
) -> tuple[forms.Field, ToValue]:
    # Values are sent as their place in the list, so that 1, "1" and true stay apart.
    places = [(str(place), label) for place, (_, label) in enumerate(values)]
    if "default" in schema:
        options["initial"] = place_of(schema["default"], values)
    wanted = hints(schema).get("widget")
    few = wanted == "radio" or (wanted != "select" and len(places) <= MOST_RADIOS)
    if not required:
        places.insert(0, ("", gettext("No answer")))
    elif not few and options.get("initial") is None:
        places.insert(0, ("", gettext("Choose…")))
    widget = forms.RadioSelect() if few else forms.Select()
    field = forms.ChoiceField(choices=places, widget=widget, required=required, **options)
    return field, lambda place: values[int(place)][0]


def place_of(value: Any, values: list[tuple[Any, str]]) -> str | None:
    written = json.dumps(value, sort_keys=True, default=str)
    for place, (candidate, _) in enumerate(values):
        if json.dumps(candidate, sort_keys=True, default=str) == written:
            return str(place)
    return None


def text(schema: Schema, required: bool, options: dict[str, Any]) -> tuple[forms.Field, ToValue]:
    form = schema.get("format")
    if form == "date":
        day = forms.DateField(widget=date_input(), required=required, **options)
        return day, datetime.date.isoformat
    if form == "date-time":
        options["initial"] = local_moment(options.get("initial"))
        options["help_text"] = " ".join(filter(None, [options.get("help_text"), zone.hint()]))
        return forms.DateTimeField(widget=MomentInput(), required=required, **options), moment
    look = hints(schema)
    shown = {"placeholder": str(look["placeholder"])} if look.get("placeholder") else {}
    if "password" in (form, look.get("widget")):
        widget: forms.Widget = forms.PasswordInput(render_value=True, attrs={"autocomplete": "off"})
    elif form in TEXT_INPUTS:
        widget = forms.TextInput(attrs={"type": TEXT_INPUTS[form], **shown})
    else:
        is_long = look.get("widget") == "textarea" or schema.get("maxLength", 0) > LONG_TEXT
        rows = {"rows": look.get("rows", 4)} if is_long else {"rows": 1, "class": "line"}
        widget = forms.Textarea(attrs={**rows, **shown})
    return Text(widget=widget, required=required, **options), same


def date_input() -> forms.Widget:
    return forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})


class MomentInput(forms.DateTimeInput):
    """A moment in the zone that the page was drawn in, which travels along.

    Until the form is sent the browser may say another one: on the first page of a new browser, and after a journey.
    """

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M", attrs={"type": "datetime-local"})

    def render(self, *arguments: Any, **options: Any) -> SafeString:
        named = timezone.get_current_timezone_name()
        hidden = format_html('<input type="hidden" name="{}" value="{}">', zone.DRAWN_IN, named)
        return super().render(*arguments, **options) + hidden


def local_moment(default: Any) -> Any:
    moment = parse_datetime(default) if isinstance(default, str) else None
    if moment is None:
        return None
    return timezone.localtime(moment) if timezone.is_aware(moment) else timezone.make_aware(moment)


def moment(value: datetime.datetime) -> str:
    """A moment with its offset: the form takes it in the reviewer's time zone."""
    return (timezone.localtime(value) if timezone.is_aware(value) else timezone.make_aware(value)).isoformat()


def boolean(schema: Schema, required: bool, options: dict[str, Any]) -> tuple[forms.Field, ToValue]:
    # A box that is not ticked says no; it never has to be ticked.
    return forms.BooleanField(required=False, **options), bool


def whole(schema: Schema, required: bool, options: dict[str, Any]) -> tuple[forms.Field, ToValue]:
    return forms.IntegerField(widget=number_input(schema, step=1), required=required, **options), int


def number(schema: Schema, required: bool, options: dict[str, Any]) -> tuple[forms.Field, ToValue]:
    field = forms.FloatField(widget=number_input(schema, step="any"), required=required, **options)
    return field, plain_number


def number_input(schema: Schema, *, step: Any) -> forms.NumberInput:
    limits = {"min": schema.get("minimum"), "max": schema.get("maximum")}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return forms.NumberInput(attrs={**given, "step": step, "inputmode": "decimal"})


def plain_number(value: float) -> float | int:
    """40 rather than 40.0 where nobody typed a point's worth of difference."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def several(schema: Schema, required: bool, options: dict[str, Any]) -> tuple[forms.Field, ToValue]:
    items = schema.get("items")
    if not isinstance(items, dict):
        return anything(schema, required, options)
    if values := choices_of(items):
        places = [(str(place), label) for place, (_, label) in enumerate(values)]
        options["initial"] = [place_of(value, values) for value in as_list(options.get("initial"))]
        widget = forms.CheckboxSelectMultiple()
        # Ticking nothing is an answer too; `minItems` says otherwise where it is not.
        field = forms.MultipleChoiceField(choices=places, widget=widget, required=False, **options)
        return field, lambda chosen: [values[int(place)][0] for place in chosen]
    if items.get("type") == "string" and items.keys() <= {"type", "title", "description"}:
        options["help_text"] = options.get("help_text") or gettext("One per line.")
        return Lines(widget=forms.Textarea(attrs={"rows": 3}), required=False, **options), same
    if items.get("type") in ("integer", "number") and not COMBINING & items.keys():
        options["help_text"] = options.get("help_text") or gettext("One number per line.")
        is_whole = items["type"] == "integer"
        return Numbers(whole=is_whole, widget=forms.Textarea(attrs={"rows": 3}), required=False, **options), same
    return anything(schema, required, options)


def as_text(field: forms.Field, value: Any) -> str:
    """What a person sees in a field that shows this value, be it one of the form's own or one that was sent."""
    if isinstance(field, forms.BooleanField):
        return gettext("yes") if value in (True, "True", "on") else gettext("no")
    raw = field.widget.format_value(value)
    if isinstance(field, forms.ChoiceField):
        labels = {str(place): str(label) for place, label in cast("Iterable[tuple[Any, Any]]", field.choices)}
        chosen = raw if isinstance(raw, list | tuple) else [raw]
        return ", ".join(labels.get(str(one), "") for one in chosen if one is not None)
    return plain_ends(str("" if raw is None else raw))


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def anything(schema: Schema, required: bool, options: dict[str, Any]) -> tuple[forms.Field, ToValue]:
    options["help_text"] = " ".join(filter(None, [options.get("help_text"), gettext("As JSON.")]))
    return JSONText(required=required, **options), same


BUILDERS: dict[str, Callable[[Schema, bool, dict[str, Any]], tuple[forms.Field, ToValue]]] = {
    "string": text,
    "boolean": boolean,
    "integer": whole,
    "number": number,
    "array": several,
}
