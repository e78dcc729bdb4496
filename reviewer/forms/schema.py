"""A JSON Schema as a Django form.

The schema becomes a tree: groups for objects, leaves for everything a single field can hold, constants for
what is not asked. `value()` walks the same tree back. What the tree does not understand becomes a field for
JSON, so that no schema leads to a dead end.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from reviewer.forms.fields import Schema, ToValue, field_for

# Deeper than this, or with more fields, JSON is easier to write than a form is to fill in.
DEEPEST = 4
MOST_FIELDS = 80


class Missing:
    """The mark of a value that was left out."""


MISSING = Missing()
NULL = {"type": "null"}


@dataclasses.dataclass
class Leaf:
    """One field. `empty` is its value when nothing was filled in."""

    name: str
    path: tuple[str, ...]
    field: forms.Field
    to_value: ToValue
    empty: Any = MISSING

    def leaves(self) -> Iterator[Leaf]:
        yield self

    def value(self, cleaned: dict[str, Any]) -> Any:
        given = cleaned.get(self.name)
        if given is None or given == "" or given == []:
            return self.empty
        return self.to_value(given)


@dataclasses.dataclass
class Constant:
    """A value that nobody chooses."""

    given: Any

    def leaves(self) -> Iterator[Leaf]:
        return iter(())

    def value(self, cleaned: dict[str, Any]) -> Any:
        return self.given


@dataclasses.dataclass
class Group:
    """An object: parts by key. An optional one is left out when nothing in it was filled in."""

    legend: str
    help_text: str
    parts: dict[str, Part]
    optional: bool = False
    empty: Any = MISSING

    def leaves(self) -> Iterator[Leaf]:
        for part in self.parts.values():
            yield from part.leaves()

    def value(self, cleaned: dict[str, Any]) -> Any:
        values = {key: part.value(cleaned) for key, part in self.parts.items()}
        present = {key: value for key, value in values.items() if value is not MISSING}
        if self.optional and not any(value not in (None, "", False, [], {}) for value in present.values()):
            return self.empty
        return present


Part = Leaf | Constant | Group


@dataclasses.dataclass(frozen=True)
class Shown:
    """A part as templates see it: a field, or a legend with parts below it."""

    legend: str = ""
    help_text: str = ""
    field: BoundField | None = None
    parts: tuple[Shown, ...] = ()


class SchemaForm(forms.Form):
    """The form of a schema. `root` names the outermost field; inner ones are `root.key`."""

    def __init__(self, *args: Any, schema: Schema, root: str, label: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.tree = tree(schema, root=root, label=label)
        for leaf in self.tree.leaves():
            self.fields[leaf.name] = leaf.field

    def value(self) -> Any:
        """What was filled in, as plain data."""
        value = self.tree.value(self.cleaned_data)
        return None if value is MISSING else value

    def shown(self) -> tuple[Shown, ...]:
        """The fields in their groups."""
        whole = show(self.tree, self)
        return whole.parts if isinstance(self.tree, Group) else (whole,)

    def add_errors(self, errors: list[tuple[str, str]]) -> None:
        """Errors by JSON path, each at the field nearest to it."""
        leaves = {leaf.path: leaf.name for leaf in self.tree.leaves()}
        for path, message in errors:
            name = nearest(path, leaves)
            self.add_error(name, message if name else f"{path}: {message}" if path else message)


def focus_first_error(form: forms.Form) -> None:
    """The browser (and htmx) puts the cursor where something has to be changed."""
    for name in form.errors:
        if name in form.fields:
            form.fields[name].widget.attrs["autofocus"] = True
            return


def show(part: Part, form: forms.Form) -> Shown:
    if isinstance(part, Group):
        inner = tuple(show(one, form) for one in part.parts.values() if not isinstance(one, Constant))
        return Shown(part.legend, part.help_text, parts=inner)
    return Shown(field=form[part.name]) if isinstance(part, Leaf) else Shown()


def nearest(path: str, leaves: dict[tuple[str, ...], str]) -> str | None:
    """The field at this path or around it; None where only the whole form will do."""
    keys = tuple(re.findall(r"[^.\[\]/$'\"]+", path))
    for length in range(len(keys), -1, -1):
        if keys[:length] in leaves:
            return leaves[keys[:length]]
    return None


def tree(schema: Schema, *, root: str, label: str) -> Part:
    """The tree of a schema; the whole of it one field for JSON if it is too large to be a form."""
    # A workflow without an annotation takes text.
    builder = Builder(schema or {"type": "string"})
    whole = builder.part(builder.root, name=root, path=(), label=label, required=True)
    if sum(1 for _ in whole.leaves()) > MOST_FIELDS:
        return builder.leaf({}, name=root, path=(), label=label, required=True, nullable=False)
    return whole


class Builder:
    """Builds parts, with the whole schema at hand for its references."""

    def __init__(self, root: Schema) -> None:
        self.root = root

    def part(self, schema: Any, *, name: str, path: tuple[str, ...], label: str, required: bool) -> Part:
        schema, nullable = self.plain(schema)
        if "const" in schema and required:
            return Constant(schema["const"])
        if self.is_group(schema) and len(path) < DEEPEST:
            return self.group(schema, name=name, path=path, label=label, required=required, nullable=nullable)
        return self.leaf(schema, name=name, path=path, label=label, required=required, nullable=nullable)

    def is_group(self, schema: Schema) -> bool:
        ordinary = {"type", "properties", "required", "title", "description", "default", "additionalProperties"}
        known = ordinary | {"$defs", "definitions", "$schema", "$id", "examples"}
        open_ended = isinstance(schema.get("additionalProperties"), dict)
        return bool(schema.get("properties")) and schema.keys() <= known and not open_ended

    def group(
        self, schema: Schema, *, name: str, path: tuple[str, ...], label: str, required: bool, nullable: bool
    ) -> Group:
        optional = nullable or not required
        demanded = schema.get("required", [])
        defaults = schema.get("default") if isinstance(schema.get("default"), dict) else {}
        parts = {}
        for key, inner in schema["properties"].items():
            if key in defaults and isinstance(inner, dict):
                inner = {**inner, "default": defaults[key]}
            parts[key] = self.part(
                inner,
                name=f"{name}.{field_key(key, schema)}",
                path=(*path, key),
                label=label_of(key),
                # In a group that may be left out nothing can be demanded by the browser.
                required=key in demanded and not optional,
            )
        return Group(
            str(schema.get("title") or label),
            str(schema.get("description") or ""),
            parts,
            optional=optional,
            empty=None if required else MISSING,
        )

    def leaf(
        self, schema: Schema, *, name: str, path: tuple[str, ...], label: str, required: bool, nullable: bool
    ) -> Leaf:
        options = {
            "label": str(schema.get("title") or label),
            "help_text": str(schema.get("description") or ""),
            "initial": schema.get("default"),
        }
        is_choice = schema.get("type") == "boolean" and nullable
        inner = {"enum": [True, False], **schema} if is_choice else schema
        field, to_value = field_for(inner, required=required and not nullable, options=options)
        return Leaf(name, path, field, to_value, empty=empty_value(schema, required=required, nullable=nullable))

    def plain(self, schema: Any) -> tuple[Schema, bool]:
        """The schema with its references and its `null` branch taken off, and whether null is allowed."""
        nullable = False
        for _ in range(20):
            if not isinstance(schema, dict):
                return {}, nullable
            if has_null(schema):
                schema, nullable = without_null(schema), True
            elif "$ref" in schema:
                schema = {**self.referred(schema["$ref"]), **without(schema, "$ref")}
            elif (only := only_branch(schema)) is not None:
                schema = {**only, **without(schema, "anyOf", "oneOf", "allOf")}
            else:
                return schema, nullable
        return {}, nullable

    def referred(self, reference: Any) -> Schema:
        """What a reference inside this schema points to; one that leads outside is never followed."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            return {}
        found: Any = self.root
        for key in reference.removeprefix("#").strip("/").split("/"):
            key = key.replace("~1", "/").replace("~0", "~")
            found = found.get(key) if isinstance(found, dict) and key else found
        return found if isinstance(found, dict) and found is not self.root else {}


def without(schema: Schema, *names: str) -> Schema:
    return {name: value for name, value in schema.items() if name not in names}


def has_null(schema: Schema) -> bool:
    return any("null" in given if name == "type" else NULL in given for name, given in combined(schema))


def without_null(schema: Schema) -> Schema:
    """The same schema for everything but null."""
    rest: Schema = {}
    for name, given in combined(schema):
        left = [one for one in given if one not in (NULL, "null")]
        rest[name] = left[0] if name == "type" and len(left) == 1 else left
    return {**schema, **rest}


def combined(schema: Schema) -> list[tuple[str, list[Any]]]:
    names = ("type", "anyOf", "oneOf")
    return [(name, schema[name]) for name in names if isinstance(schema.get(name), list)]


def only_branch(schema: Schema) -> Schema | None:
    """The one branch of a combination that leaves no other choice."""
    present = [name for name in ("anyOf", "oneOf", "allOf") if isinstance(schema.get(name), list)]
    if len(present) != 1 or len(schema[present[0]]) != 1:
        return None
    only = schema[present[0]][0]
    return only if isinstance(only, dict) else None


def empty_value(schema: Schema, *, required: bool, nullable: bool) -> Any:
    """What an empty field means: null where that is allowed, else the type's own emptiness, else nothing."""
    if nullable:
        return None if required else MISSING
    emptiness = {"boolean": False, "array": [], "string": ""}.get(str(schema.get("type")), MISSING)
    if schema.get("type") == "boolean" or ((required or "default" in schema) and "enum" not in schema):
        return emptiness
    return MISSING


def label_of(key: str) -> str:
    words = key.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] if words else key


def field_key(key: str, schema: Schema) -> str:
    """The key where it can stand in an HTML name, else its place among its siblings."""
    return key if re.fullmatch(r"[A-Za-z_][\w-]*", key) else str(list(schema["properties"]).index(key))
