"""The arguments of a proposed action as fields that can be changed, and what was changed in them.

A field that was left as it came gives back the value that was proposed, whatever a form made of it on the way:
`3` stays a number, `2.0` a float, a date its own text.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext

from hitl import schema as schemas
from reviewer.forms import rows
from reviewer.forms.fields import Schema, Text, as_text
from reviewer.forms.parts import MISSING, UNKNOWN, Group, Leaf, Part, Rows, Tabs
from reviewer.forms.tree import part_of

LONG_TEXT = 80
# Beyond this a float would not be exact.
EXACT = 2**53


def fields_of(args: dict[str, Any], args_schema: Schema | None, *, root: str, typed: rows.Typed | None = None) -> Part:
    """The parts of a form of these arguments; without a schema, their own types are kept. `typed` says how many rows
    their lists have by now."""
    given = args_schema or {}
    wanted = proposed(given, args, given) if given.get("properties") else inferred(args)
    shared: Schema = {key: given[key] for key in ("$defs", "definitions") if key in given}
    part = part_of({**shared, **wanted}, root=root, label=gettext("Arguments"), typed=typed)
    give(part, args)
    return part


def proposed(schema: Any, value: Any, root: Schema) -> Schema:
    """A schema with what is proposed as its defaults, and with what it does not mention itself."""
    own = schemas.followed(schema, root)
    if value is MISSING:
        return own
    if not isinstance(value, dict) or not own.get("properties"):
        return {**own, "default": value}
    known = own["properties"]
    # In the order of the proposal, so that an edit changes nothing but what was edited.
    names = [*value, *(key for key in known if key not in value)]
    properties = {
        key: proposed(known[key], value.get(key, MISSING), root) if key in known else inferred(value[key])
        for key in names
    }
    return {**own, "properties": properties, "default": value}


def inferred(value: Any) -> Schema:
    """A schema for what has none: the value's own type."""
    if isinstance(value, bool):
        return {"type": "boolean", "default": value}
    if isinstance(value, int | float):
        exact = isinstance(value, int) and abs(value) > EXACT
        return {"type": "integer" if exact else "number", "default": value}
    if isinstance(value, str):
        is_long = "\n" in value or len(value) > LONG_TEXT
        return {"type": "string", "default": value, **({"x-ui": "textarea"} if is_long else {})}
    if isinstance(value, list) and value and all(is_line(item) for item in value):
        return {"type": "array", "items": {"type": "string"}, "default": value}
    if isinstance(value, dict) and value:
        numbers = [key for key, item in value.items() if isinstance(item, int | float) and not isinstance(item, bool)]
        properties = {key: inferred(item) for key, item in value.items()}
        return {"type": "object", "properties": properties, "required": numbers, "default": value}
    return {"default": value}


def is_line(item: Any) -> bool:
    return isinstance(item, str) and bool(item.strip()) and "\n" not in item and "\r" not in item


def give(part: Part, value: Any) -> None:
    """Tell each part what was proposed for it."""
    if isinstance(part, Leaf):
        part.before = as_text(part.field, part.field.prepare_value(part.field.initial))
        part.given = value if suits(part.field, value) else UNKNOWN
    if isinstance(part, Tabs):
        part.given = value
        give(part.choice, None)
        for at, branch in enumerate(part.branches):
            give(branch.group, value if str(at) == part.choice.field.initial else MISSING)
    if isinstance(part, Rows):
        part.given = value
        part.keys.before = part.keys.field.initial
        for key, row in part.rows.items():
            there = isinstance(value, list) and int(key) < len(value)
            give(row, value[int(key)] if there else MISSING)
    if isinstance(part, Group):
        part.given = value
        part.optional = part.optional and not isinstance(value, dict)
        for key, inner in part.parts.items():
            give(inner, value.get(key, MISSING) if isinstance(value, dict) else MISSING)


def suits(field: forms.Field, value: Any) -> bool:
    """Whether the value is of the field's type: "2" in a field for numbers becomes 2, changed or not."""
    if value is None or value is MISSING:
        return True
    if isinstance(field, forms.IntegerField):
        return not isinstance(value, str)
    return isinstance(value, str) if type(field) is Text else True
