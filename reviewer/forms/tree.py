"""From a JSON Schema to the parts of its form.

What is not understood becomes a field for JSON, so that no schema leads to a dead end. References are followed
within the schema and never out of it.
"""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.utils.translation import gettext

from hitl import schema as schemas
from hitl.questions.actions import in_words
from reviewer.forms import rows
from reviewer.forms.fields import Schema, field_for
from reviewer.forms.parts import MISSING, Branch, Branches, Constant, Group, Leaf, Part, Rows, Tabs, Tree, size
from reviewer.shown import phrase

# Deeper than this, or with more fields, JSON is easier to write than a form is to fill in.
DEEPEST = 4
MOST_FIELDS = 80
MOST_BRANCHES = 4
MOST_TABS = 8
MOST_STEPS = 20

NULL = {"type": "null"}
SHARED = ("$defs", "definitions", "$schema")
# Keywords of an array that rows do justice to.
OF_LISTS = {
    *("type", "items", "minItems", "maxItems", "uniqueItems", "title", "description", "default", "examples"),
    *("$defs", "definitions", "$schema", "$id"),
}
# Keywords of an object that a group of fields does justice to.
OF_GROUPS = {
    *("type", "properties", "required", "additionalProperties", "title", "description", "default", "examples"),
    *("$defs", "definitions", "$schema", "$id"),
}


def tree(schema: Schema, *, root: str, label: str, typed: rows.Typed | None = None) -> Tree:
    """The parts of a schema, or branches of which a button chooses one; `typed` says how many rows its lists have."""
    # A workflow without an annotation takes text.
    given = schema or {"type": "string"}
    branches = Builder(given, name=root, label=label, typed=typed).branches()
    if branches is not None and size(branches) <= MOST_FIELDS:
        return branches
    return part_of(given, root=root, label=label, typed=typed)


def part_of(schema: Schema, *, root: str, label: str, typed: rows.Typed | None = None) -> Part:
    """The parts of a schema; the whole of it one field for JSON if it is too large to be a form."""
    builder = Builder(schema, name=root, label=label, typed=typed)
    whole = builder.part(builder.root, name=root, path=(), label=label, required=True)
    if size(whole) > MOST_FIELDS:
        return builder.leaf({}, name=root, path=(), label=label, required=True, nullable=False)
    return whole


class Builder:
    """Builds parts, with the whole schema at hand for its references."""

    def __init__(self, root: Schema, *, name: str, label: str, typed: rows.Typed | None = None) -> None:
        self.root = root
        self.typed = typed
        self.is_in_row = False
        self.name = name
        self.label = label

    def branches(self) -> Branches | None:
        """The objects of which the schema wants one; None if it is not of that form."""
        options = self.root.get("oneOf") or self.root.get("anyOf")
        if not isinstance(options, list) or not 2 <= len(options) <= MOST_BRANCHES:
            return None
        complete = self.all_branches(options, name=self.name, path=())
        return Branches(f"{self.name}.choice", complete) if complete else None

    def all_branches(self, options: list[Any], *, name: str, path: tuple[str, ...]) -> list[Branch]:
        """The branches of a combination; [] unless each of them is an object with a name."""
        built = [self.branch(option, name=f"{name}.{at}", path=path) for at, option in enumerate(options)]
        complete = [one for one in built if one is not None]
        return complete if len(complete) == len(built) else []

    def branch(self, schema: Any, *, name: str, path: tuple[str, ...]) -> Branch | None:
        own, nullable = self.plain(schema)
        constants = [self.plain(inner)[0].get("const") for inner in own.get("properties", {}).values()]
        title = name_of(own.get("title")) or next((phrase(one) for one in constants if one is not None), "")
        if nullable or not title or not self.is_group(own):
            return None
        group = self.group(own, name=name, path=path, label=title, required=True, nullable=False)
        shared: Schema = {key: self.root[key] for key in SHARED if key in self.root}
        return Branch(title, group, {**shared, **own})

    def part(self, schema: Any, *, name: str, path: tuple[str, ...], label: str, required: bool) -> Part:
        schema, nullable = self.plain(schema)
        if "const" in schema and required and not nullable:
            return Constant(schema["const"])
        if len(path) < DEEPEST and (tabs := self.tabs(schema, name, path, label, required=required, nullable=nullable)):
            return tabs
        if len(path) < DEEPEST and (
            found := self.rows(schema, name, path, label, required=required, nullable=nullable)
        ):
            return found
        build = self.group if self.is_group(schema) and len(path) < DEEPEST else self.leaf
        return build(schema, name=name, path=path, label=label, required=required, nullable=nullable)

    def tabs(
        self, schema: Schema, name: str, path: tuple[str, ...], label: str, *, required: bool, nullable: bool
    ) -> Tabs | None:
        """Objects of which one has to be chosen; None if the schema is not of that form."""
        options = schema.get("oneOf") or schema.get("anyOf")
        if not isinstance(options, list) or not 2 <= len(options) <= MOST_TABS:
            return None
        branches = self.all_branches(options, name=name, path=path)
        if not branches:
            return None
        proposed = self.proposed_tab(branches, schema.get("default"), name=name, path=path)
        is_needed = required and not nullable
        choices = [(str(at), branch.title) for at, branch in enumerate(branches)]
        field = forms.ChoiceField(
            label=title_of(schema, label),
            choices=choices if is_needed else [("", gettext("No answer")), *choices],
            widget=forms.RadioSelect if len(choices) <= MOST_BRANCHES else forms.Select,
            required=is_needed,
            initial=proposed or (None if is_needed else ""),
            error_messages={"required": gettext("Choose one of these.")},
        )
        choice = Leaf(f"{name}.choice", path, field, lambda place: place)
        empty = None if required and nullable else MISSING
        return Tabs(title_of(schema, label), str(schema.get("description") or ""), choice, branches, empty=empty)

    def rows(
        self, schema: Schema, name: str, path: tuple[str, ...], label: str, *, required: bool, nullable: bool
    ) -> Rows | None:
        """A list of objects; None if the schema is not of that form, or is one within another."""
        own, may_be_null = self.plain(schema.get("items"))
        given = schema.get("default")
        defaults = given if isinstance(given, list) else []
        is_list = schema.get("type") == "array" and schema.keys() <= OF_LISTS and self.is_group(own)
        if not is_list or may_be_null or self.is_in_row or not all(isinstance(one, dict) for one in defaults):
            return None
        row_size = size(self.row(own, defaults, name=name, path=path, label=label, key="0", at=0))
        most = min(rows.MOST_ROWS, rows.MOST_FIELDS_IN_ROWS // max(row_size, 1))
        least = schema.get("minItems", 0)
        if not isinstance(least, int) or max(len(defaults), least) > most:
            return None
        started = [str(at) for at in range(len(defaults) if isinstance(given, list) else least)]
        keys = rows.keys(self.typed, name, default=started, most=most)
        field = forms.CharField(
            label=title_of(schema, label), widget=rows.Keys(), required=False, initial=rows.written(started)
        )
        holder = Leaf(rows.field_of(name), path, field, str)
        return Rows(
            name=name,
            legend=title_of(schema, label),
            help_text=str(schema.get("description") or ""),
            keys=holder,
            rows={
                key: self.row(own, defaults, name=name, path=path, label=title_of(schema, label), key=key, at=at)
                for at, key in enumerate(keys)
            },
            row_size=row_size,
            most=most,
            empty=empty_value(schema, required=required, nullable=nullable),
        )

    def row(
        self, items: Schema, defaults: list[Any], *, name: str, path: tuple[str, ...], label: str, key: str, at: int
    ) -> Group:
        """The row of this key, which stands at this place."""
        own = {**items, "default": defaults[int(key)]} if int(key) < len(defaults) else items
        self.is_in_row = True
        legend = f"{title_of({'title': name_of(items.get('title'))}, label)} {at + 1}"
        inner = without(own, "title")
        row = self.group(
            inner, name=f"{name}.{key}", path=(*path, str(at)), label=legend, required=True, nullable=False
        )
        self.is_in_row = False
        return row

    def proposed_tab(self, branches: list[Branch], default: Any, *, name: str, path: tuple[str, ...]) -> str:
        """The place of the branch that the default fits, which gets it as its own; "" where there is none."""
        for at, branch in enumerate(branches):
            if isinstance(default, dict) and not schemas.validate(default, branch.schema):
                filled = self.branch({**branch.schema, "default": default}, name=f"{name}.{at}", path=path)
                branches[at] = filled or branch
                return str(at)
        return ""

    def is_group(self, schema: Schema) -> bool:
        open_ended = isinstance(schema.get("additionalProperties"), dict)
        return bool(schema.get("properties")) and schema.keys() <= OF_GROUPS and not open_ended

    def group(
        self, schema: Schema, *, name: str, path: tuple[str, ...], label: str, required: bool, nullable: bool
    ) -> Group:
        optional = nullable or not required
        demanded = schema.get("required", [])
        given = schema.get("default")
        defaults: Schema = given if isinstance(given, dict) else {}
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
            title_of(schema, label),
            str(schema.get("description") or ""),
            parts,
            optional=optional,
            empty=None if required else MISSING,
        )

    def leaf(
        self, schema: Schema, *, name: str, path: tuple[str, ...], label: str, required: bool, nullable: bool
    ) -> Leaf:
        options = {
            "label": title_of(schema, label),
            "help_text": str(schema.get("description") or ""),
            "initial": schema.get("default"),
        }
        # A box has two states; yes, no and nothing are three.
        is_three = schema.get("type") == "boolean" and nullable
        inner = {**schema, "enum": [True, False]} if is_three else schema
        field, to_value = field_for(inner, required=required and not nullable, options=options)
        empty = empty_value(schema, required=required, nullable=nullable)
        return Leaf(name, path, field, to_value, empty=empty)

    def plain(self, schema: Any) -> tuple[Schema, bool]:
        """The schema with its references and its `null` branch taken off, and whether null is allowed."""
        nullable = False
        for _ in range(MOST_STEPS):
            if not isinstance(schema, dict):
                return {}, nullable
            if has_null(schema):
                schema, nullable = without_null(schema), True
            elif "$ref" in schema:
                schema = {**schemas.referred(schema["$ref"], self.root), **without(schema, "$ref")}
            elif (only := only_branch(schema)) is not None:
                schema = {**only, **without(schema, "anyOf", "oneOf", "allOf")}
            else:
                return schema, nullable
        return {}, nullable


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
    kind = schema.get("type")
    if kind == "boolean":
        return False
    has_own = kind in ("array", "string") and "enum" not in schema
    if has_own and (required or "default" in schema):
        return [] if kind == "array" else ""
    return MISSING


def name_of(title: Any) -> str:
    """A branch's title; one that is the name of a class (`CardPayment`) as words."""
    text = str(title or "")
    return in_words(text) if re.fullmatch(r"[A-Z][a-z]+([A-Z][a-z]+)+", text) else text


def title_of(schema: Schema, label: str) -> str:
    """The schema's title, unless it is only the key again, as pydantic writes it."""
    title = str(schema.get("title") or "")
    return label if title.lower() == label.lower() else title or label


def label_of(key: str) -> str:
    words = key.replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:] if words else key


def field_key(key: str, schema: Schema) -> str:
    """The key where it can stand in an HTML name, else its place among its siblings."""
    return key if re.fullmatch(r"[A-Za-z_][\w-]*", key) else str(list(schema["properties"]).index(key))
