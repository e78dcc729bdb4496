"""A JSON Schema as a Django form: filled in, it gives the value back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from hitl import schema as schemas
from reviewer.forms import parts, rows
from reviewer.forms.fields import Schema
from reviewer.forms.parts import MISSING, Branch, Branches, Group, Leaf, Shown
from reviewer.forms.tree import tree

Button = tuple[str, str, bool]


class SchemaForm(forms.Form):
    """The form of a schema. `root` names the outermost field; inner ones are `root.key`.

    `typed` is what stands in a form that has not been sent: a draft, or what a button for rows sent.
    """

    typed: QueryDict | None = None

    def __init__(self, *args: Any, schema: Schema, root: str, label: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.schema, self.root, self.label = schema, root, label
        self.planted: list[str] = []
        self.plant(schema, typed=self.data if self.is_bound else self.typed)
        if self.typed is not None:
            rows.fill(self, self.typed)
            focus_first(self, rows.touched(self.typed))

    def plant(self, schema: Schema, *, typed: rows.Typed | None = None) -> None:
        """Have the fields of a schema."""
        for name in self.planted:
            self.fields.pop(name, None)
        self.tree = tree(schema, root=self.root, label=self.label, typed=typed)
        for leaf in self.tree.leaves():
            self.fields[leaf.name] = leaf.field
        self.planted = [leaf.name for leaf in self.tree.leaves()]
        if isinstance(self.tree, Branches):
            self.fields[self.tree.name] = forms.ChoiceField(
                choices=[(place, label) for place, label, _ in self.buttons],
                error_messages={"required": _("Choose by one of the buttons.")},
            )

    def propose(self, value: Any) -> None:
        """Begin with a value, as if the schema had it as its default."""
        self.plant({**self.schema, "default": value})

    @property
    def button_name(self) -> str:
        return self.tree.name if isinstance(self.tree, Branches) else ""

    @property
    def buttons(self) -> list[Button]:
        """Value, label and whether it is suggested, of the buttons of which one sends the form."""
        if not isinstance(self.tree, Branches):
            return []
        return [(str(at), branch.title, False) for at, branch in enumerate(self.tree.branches)]

    @property
    def chosen(self) -> Branch | None:
        """The branch whose button was pressed."""
        if not isinstance(self.tree, Branches):
            return None
        return self.tree.chosen(self.data.get(self.add_prefix(self.tree.name)))

    def live(self) -> Iterator[Leaf]:
        """The fields that count: those of branches that are not chosen do not."""
        return self.tree.live(lambda name: self[name].data)

    def clean(self) -> dict[str, Any]:
        """What was left in the fields of other branches is nobody's business."""
        cleaned = super().clean() or self.cleaned_data
        wanted = {leaf.name for leaf in self.live()}
        for leaf in self.tree.leaves():
            if leaf.name not in wanted:
                self.errors.pop(leaf.name, None)
        if self.chosen is not None and not self.errors:
            # Told by the branch alone, what is wrong has a place; told by all of them, it has none.
            self.add_errors(schemas.validate(self.chosen.group.value(cleaned), self.chosen.schema))
        return cleaned

    def value(self) -> Any:
        """What was filled in, as plain data."""
        value = self.tree.value(self.cleaned_data)
        return None if value is MISSING else value

    def shown(self) -> tuple[Shown, ...]:
        """The fields in their groups."""
        if isinstance(self.tree, Branches):
            groups = [parts.shown(branch.group, self, branch=str(at)) for at, branch in enumerate(self.tree.branches)]
            return tuple(group for group in groups if group.parts)
        whole = parts.shown(self.tree, self)
        return whole.parts if isinstance(self.tree, Group) else (whole,)

    def kept(self) -> tuple[Shown, ...]:
        """The fields that were filled in to be sent."""
        return parts.shown(self.chosen.group, self).parts if self.chosen else self.shown()

    def add_errors(self, errors: list[tuple[str, str]]) -> None:
        """Errors by JSON path, each at the field nearest to it."""
        leaves = {leaf.path: leaf.name for leaf in self.live()}
        for path, message in errors:
            name = nearest(path, leaves)
            self.add_error(name, message if name else f"{path}: {message}" if path else message)


def focus_first(form: forms.Form, within: str) -> None:
    """The cursor goes to the first field whose name begins like this; nowhere where that is a whole list."""
    for name, field in form.fields.items():
        if within.endswith(".") and name.startswith(within):
            field.widget.attrs["autofocus"] = True
            return


def focus_first_error(form: forms.Form) -> None:
    """The browser (and htmx) puts the cursor where something has to be changed."""
    for name in form.fields:
        if name in form.errors:
            form.fields[name].widget.attrs["autofocus"] = True
            return


def nearest(path: str, leaves: dict[tuple[str, ...], str]) -> str | None:
    """The field at this path or around it; None where only the whole form will do."""
    keys = tuple(re.findall(r"[^.\[\]/$'\"]+", path))
    for length in range(len(keys), -1, -1):
        if keys[:length] in leaves:
            return leaves[keys[:length]]
    return None
