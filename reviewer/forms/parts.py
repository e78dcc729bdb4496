"""The pieces that a schema's form is made of.

Groups for objects, leaves for everything a single field can hold, constants for what is not asked, branches for
objects of which one is chosen by the button that sends the form. Each knows its value in the cleaned data.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from reviewer.diff import Segment, words
from reviewer.forms.fields import Schema, ToValue, as_text


class Missing:
    """The mark of a value that was left out."""


class Kept:
    """The mark of a field that was left as it came: its value is what was proposed."""


# From the name of a field to what was chosen in it.
Chosen = Callable[[str], Any]

MISSING = Missing()
UNKNOWN = Missing()
KEPT = Kept()


@dataclasses.dataclass
class Leaf:
    """One field. `empty` is its value when nothing was filled in; `given` is what was proposed, `before` is how
    that looks in the field (None where nothing was)."""

    name: str
    path: tuple[str, ...]
    field: forms.Field
    to_value: ToValue
    empty: Any = MISSING
    given: Any = UNKNOWN
    before: str | None = None

    @property
    def keeps(self) -> bool:
        """Whether an unchanged field stands for what was proposed."""
        return self.given is not UNKNOWN

    def leaves(self) -> Iterator[Leaf]:
        yield self

    def live(self, chosen: Chosen) -> Iterator[Leaf]:
        yield self

    def value(self, cleaned: dict[str, Any]) -> Any:
        given = cleaned.get(self.name)
        if given is KEPT:
            return self.given
        if given is None or given == "" or given == []:
            return self.empty
        return self.to_value(given)


@dataclasses.dataclass
class Constant:
    """A value that nobody chooses."""

    given: Any

    def leaves(self) -> Iterator[Leaf]:
        return iter(())

    def live(self, chosen: Chosen) -> Iterator[Leaf]:
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
    given: Any = UNKNOWN

    def leaves(self) -> Iterator[Leaf]:
        for part in self.parts.values():
            yield from part.leaves()

    def live(self, chosen: Chosen) -> Iterator[Leaf]:
        for part in self.parts.values():
            yield from part.live(chosen)

    def value(self, cleaned: dict[str, Any]) -> Any:
        if self.given is not UNKNOWN and all(cleaned.get(leaf.name) is KEPT for leaf in self.leaves()):
            return self.given
        values = {key: part.value(cleaned) for key, part in self.parts.items()}
        if isinstance(self.given, dict):
            # What the schema does not mention was proposed all the same.
            values = {key: values.get(key, self.given.get(key)) for key in [*self.given, *values]}
        present = {key: value for key, value in values.items() if value is not MISSING}
        if self.optional and not any(value not in (None, "", False, [], {}) for value in present.values()):
            return self.empty
        return present


@dataclasses.dataclass
class Branch:
    """One of several objects, and the schema that it alone has to fit."""

    title: str
    group: Group
    schema: Schema


@dataclasses.dataclass
class Branches:
    """Objects of which one is sent. `name` is the name of the buttons, their values the branches' places."""

    name: str
    branches: list[Branch]

    def leaves(self) -> Iterator[Leaf]:
        for branch in self.branches:
            yield from branch.group.leaves()

    def live(self, chosen: Chosen) -> Iterator[Leaf]:
        branch = self.chosen(chosen(self.name))
        for one in [branch] if branch else self.branches:
            yield from one.group.live(chosen)

    def chosen(self, place: Any) -> Branch | None:
        """The branch whose button was pressed."""
        places = {str(at): branch for at, branch in enumerate(self.branches)}
        return places.get(str(place))

    def value(self, cleaned: dict[str, Any]) -> Any:
        branch = self.chosen(cleaned.get(self.name))
        return branch.group.value(cleaned) if branch else MISSING


@dataclasses.dataclass
class Tabs:
    """Objects of which one is chosen within the form; the fields of the others do not count."""

    legend: str
    help_text: str
    choice: Leaf
    branches: list[Branch]
    empty: Any = MISSING
    given: Any = UNKNOWN

    def leaves(self) -> Iterator[Leaf]:
        yield self.choice
        for branch in self.branches:
            yield from branch.group.leaves()

    def live(self, chosen: Chosen) -> Iterator[Leaf]:
        yield self.choice
        if branch := self.chosen(chosen(self.choice.name)):
            yield from branch.group.live(chosen)

    def chosen(self, place: Any) -> Branch | None:
        """The branch of this place, or the one that was proposed where that was kept."""
        places = {str(at): branch for at, branch in enumerate(self.branches)}
        return places.get(str(self.choice.field.initial if place is KEPT else place))

    def value(self, cleaned: dict[str, Any]) -> Any:
        if self.given is not UNKNOWN and all(cleaned.get(leaf.name) is KEPT for leaf in self.leaves()):
            return self.given
        branch = self.chosen(cleaned.get(self.choice.name))
        return branch.group.value(cleaned) if branch else self.empty


@dataclasses.dataclass
class Rows:
    """A list of objects: a group for each row, by its key, and the field that holds the keys."""

    name: str
    legend: str
    help_text: str
    keys: Leaf
    rows: dict[str, Group]
    row_size: int
    most: int
    empty: Any = MISSING
    given: Any = UNKNOWN

    def leaves(self) -> Iterator[Leaf]:
        yield self.keys
        for row in self.rows.values():
            yield from row.leaves()

    def live(self, chosen: Chosen) -> Iterator[Leaf]:
        yield self.keys
        for row in self.rows.values():
            yield from row.live(chosen)

    def value(self, cleaned: dict[str, Any]) -> Any:
        fields = [leaf.name for row in self.rows.values() for leaf in row.leaves()]
        is_whole = isinstance(self.given, list) and list(self.rows) == [str(at) for at in range(len(self.given))]
        if is_whole and all(cleaned.get(name) is KEPT for name in fields):
            return self.given
        return [row.value(cleaned) for row in self.rows.values()] or self.empty


Part = Leaf | Constant | Group | Tabs | Rows
Tree = Part | Branches


@dataclasses.dataclass(frozen=True)
class Shown:
    """A part as templates see it: a field, or a legend with parts below it. `branch` is its button's value,
    `tab` the value that chooses it;
    `proposed` is the field's text before anybody changed it, and `diff` is what has become of it."""

    legend: str = ""
    help_text: str = ""
    field: BoundField | None = None
    parts: tuple[Shown, ...] = ()
    branch: str = ""
    tab: str = ""
    is_tabs: bool = False
    proposed: str | None = None
    diff: tuple[Segment, ...] = ()
    # Of a list its name, whether there is room for another row, and whether the cursor belongs there; of a row its key.
    rows: str = ""
    has_room: bool = False
    is_focused: bool = False
    row: str = ""


def size(part: Tree) -> int:
    """How many fields a person sees at first, those of a list's rows once."""
    if isinstance(part, Rows):
        return 1 + part.row_size
    if isinstance(part, Group):
        return sum(size(inner) for inner in part.parts.values())
    if isinstance(part, Tabs | Branches):
        return isinstance(part, Tabs) + sum(size(branch.group) for branch in part.branches)
    return isinstance(part, Leaf)


def typed(leaf: Leaf, form: forms.Form) -> str:
    """The text that a field shows: as it was sent, or as a draft has it."""
    return as_text(leaf.field, form[leaf.name].value())


def shown(part: Part, form: forms.Form, *, branch: str = "") -> Shown:
    """A part with its fields bound to a form."""
    if isinstance(part, Leaf):
        changed = () if part.before is None else words(part.before, typed(part, form))
        return Shown(field=form[part.name], proposed=part.before, diff=changed)
    if isinstance(part, Constant):
        return Shown()
    if isinstance(part, Tabs):
        tabs = (shown_tab(branch.group, form, at) for at, branch in enumerate(part.branches))
        inner = (shown(part.choice, form), *(tab for tab in tabs if tab.parts))
        return Shown(part.legend, part.help_text, parts=inner, is_tabs=True)
    if isinstance(part, Rows):
        return shown_rows(part, form)
    inner = tuple(shown(one, form) for one in part.parts.values() if not isinstance(one, Constant))
    return Shown(part.legend, part.help_text, parts=inner, branch=branch)


def shown_tab(group: Group, form: forms.Form, at: int) -> Shown:
    return dataclasses.replace(shown(group, form), tab=str(at))


def shown_rows(part: Rows, form: forms.Form) -> Shown:
    """A list and its rows."""
    return Shown(
        part.legend,
        part.help_text,
        field=form[part.keys.name],
        parts=tuple(dataclasses.replace(shown(row, form), row=key) for key, row in part.rows.items()),
        proposed=part.keys.before,
        rows=part.name,
        has_room=len(part.rows) < part.most,
        is_focused=getattr(form, "touched", "") == part.name,
    )
