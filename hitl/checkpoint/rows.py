"""Rows by statements of our own: what the ORM would do with a query a field, in one statement a row.

A transition reads three tables and writes four. Only what changed is written, and an UPDATE names the
values that it was decided on, so that a row nobody should have touched is noticed (compare-and-set).
Values pass through the fields' own conversions, so both databases store what the ORM would.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

from django.db import connections, models
from django.db.models.base import ModelState
from django.db.models.fields import Field

from hitl.checkpoint import driver

M = TypeVar("M", bound=models.Model)
Reader = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """The statement that writes a row, in its pieces."""

    sql: str
    sets: str
    values: list[Any]
    same: str
    compared: list[Any]


class Table(Generic[M]):
    """One model's table on one connection. guard: the columns an UPDATE compares beside the primary key."""

    def __init__(self, model: type[M], connection: Any, *, guard: Sequence[str]) -> None:
        meta = model._meta
        self._model = model
        self._connection = connection
        self._fields: list[Field[Any, Any]] = [field for field in meta.concrete_fields if not _is_serial(field)]
        self._names = [field.attname for field in self._fields]
        # What a new row has where nothing is given: what is the same for all, and what has to be made anew.
        self._fixed = {field.attname: field.get_default() for field in self._fields if not callable(field.default)}
        self._defaults = {field.attname: field.get_default for field in self._fields if callable(field.default)}
        self._columns = [str(field.column) for field in self._fields]
        self._key = self._names.index(meta.pk.attname) if meta.pk.attname in self._names else -1
        self._guard = [self._names.index(name) for name in guard]
        self._readers = [self._reader(field) for field in self._fields]
        self._writers = [self._writer(field) for field in self._fields]
        self.name = connection.ops.quote_name(meta.db_table)
        self.columns = ", ".join(self._columns)
        self._select = f"SELECT {self.columns} FROM {self.name} WHERE "
        self._insert = f"INSERT INTO {self.name} ({self.columns}) VALUES "
        self._marks = f"({', '.join(['%s'] * len(self._columns))})"
        self._unpackers = [
            (index, unpack) for index, field in enumerate(self._fields) if (unpack := _unpacker(field)) is not None
        ]
        self._types = [_plain_type(field, connection) for field in self._fields]
        self._typed = ", ".join(f"%s::{kind}" for kind in self._types)

    def make(self, **fields: Any) -> M:
        """A row that is not there yet; what is not given has its default."""
        defaults = {name: default() for name, default in self._defaults.items() if name not in fields}
        return self._bare(self._fixed | defaults | fields, adding=True)

    def select(self, where: str, params: Sequence[Any]) -> Callable[[], list[M]]:
        """Ask for the rows that `where`, a constant of the caller's, names; what is returned reads them."""
        found = self._execute(self._select + where, params)
        return lambda: [self.made(values) for values in found.fetchall()]

    def packed(self, where: str) -> str:
        """An expression for all rows that `where` names, as one JSON array (PostgreSQL), to be read by `unpacked`."""
        return f"(SELECT json_agg(json_build_array({self.columns})) FROM {self.name} WHERE {where})::text"

    def unpacked(self, text: str | None) -> list[M]:
        """The rows of a `packed` array. Where there are none, it is null."""
        rows: list[list[Any]] = json.loads(text) if text else []
        for values in rows:
            for index, unpack in self._unpackers:
                if values[index] is not None:
                    values[index] = unpack(values[index])
        return [self.made(values) for values in rows]

    def insert(self, row: M, *, unless_there: bool = False) -> Callable[[], bool]:
        """Write a new row; what is returned says whether it is new, where it may be there already."""
        stored = row.__dict__["_read"] = self._stored(row)
        suffix = " ON CONFLICT DO NOTHING" if unless_there else ""
        done = self._execute(self._insert + self._marks + suffix, stored)
        return lambda: bool(done.rowcount)

    def update(self, row: M) -> Callable[[], bool]:
        """Write what changed since `select`; what is returned says whether the row was still what was read."""
        change = self.change(row)
        if change is None:
            return lambda: True
        self.note_written(row)
        done = self._execute(change.sql, [*change.values, *change.compared])
        return lambda: bool(done.rowcount)

    def change(self, row: M) -> Change | None:
        """What `update` would write, or None where nothing changed."""
        before: list[Any] = row.__dict__["_read"]
        now = row.__dict__["_told"] = self._stored(row)
        changed = [index for index, value in enumerate(now) if value != before[index]]
        if not changed:
            return None
        compared = (self._key, *self._guard)
        sets = ", ".join(f"{self._columns[index]} = %s" for index in changed)
        same = " AND ".join(f"{self._columns[index]} = %s" for index in compared)
        return Change(
            sql=f"UPDATE {self.name} SET {sets} WHERE {same}",
            sets=sets,
            values=[now[index] for index in changed],
            same=same,
            compared=[before[index] for index in compared],
        )

    def comparing(self, change: Change, row: M, name: str) -> Change:
        """The same change, made only where this column, too, is what was read."""
        index = self._names.index(name)
        sql = f"{change.sql} AND {self._columns[index]} IS NOT DISTINCT FROM %s::{self._types[index]}"
        return dataclasses.replace(change, sql=sql, compared=[*change.compared, row.__dict__["_read"][index]])

    def insertion(self, row: M) -> Change:
        """What `insert` would write, unless it is there."""
        stored = row.__dict__["_told"] = self._stored(row)
        sql = f"{self._insert}{self._marks} ON CONFLICT DO NOTHING"
        return Change(sql=sql, sets="", values=stored, same="", compared=[])

    def note_written(self, row: M) -> None:
        """The row stands there as `change`, `insertion` or `selected` has last told it."""
        row.__dict__["_read"] = row.__dict__["_told"]

    def selected(self, row: M) -> tuple[str, list[Any]]:
        """A new row as what an `INSERT … SELECT` takes in place of `VALUES`: the columns with their types, and values.

        The types are without their lengths: a cast to those would cut a text that is too long, not refuse it.
        """
        stored = row.__dict__["_told"] = self._stored(row)
        return self._typed, stored

    def note_seq(self, row: M, seq: int) -> None:
        """The row is known to have this `seq` by now."""
        row.__dict__["seq"] = row.__dict__["_read"][self._names.index("seq")] = seq

    def _execute(self, sql: str, params: Sequence[Any]) -> Any:
        return driver.execute(connections[self._connection.alias], sql, params)

    def made(self, values: Sequence[Any]) -> M:
        """A row from what the database gives for `columns`."""
        read = [
            value if reader is None or value is None else reader(value)
            for reader, value in zip(self._readers, values, strict=True)
        ]
        row = self._bare(dict(zip(self._names, read, strict=True)), adding=False)
        row.__dict__["_read"] = self._stored(row)
        return row

    def _bare(self, values: dict[str, Any], *, adding: bool) -> M:
        """A row without what `Model.__init__` does beside (signals, a loop over the fields): several times as fast."""
        row = self._model.__new__(self._model)
        row.__dict__.update(values)
        row._state = ModelState()
        row._state.adding, row._state.db = adding, self._connection.alias
        return row

    def _stored(self, row: M) -> list[Any]:
        values = row.__dict__
        return [
            values[name] if write is None or values[name] is None else write(values[name])
            for name, write in zip(self._names, self._writers, strict=True)
        ]

    def _reader(self, field: Field[Any, Any]) -> Reader | None:
        # Of a foreign key, the type of the key that it leads to.
        column = field.get_col(self._model._meta.db_table)
        steps = [*self._connection.ops.get_db_converters(column), *column.get_db_converters(self._connection)]
        if not steps:
            return None

        def read(value: Any) -> Any:
            for step in steps:
                value = step(value, column, self._connection)
            return value

        return read

    def _writer(self, field: Field[Any, Any]) -> Reader | None:
        if isinstance(field, models.DateTimeField):
            adapt: Reader = self._connection.ops.adapt_datetimefield_value
            return adapt
        if isinstance(field, models.ForeignKey):
            # A user's key may be of any type, and comes as text out of the journal.
            return partial(field.target_field.get_db_prep_value, connection=self._connection)
        return json.dumps if isinstance(field, models.JSONField) else None


def _unpacker(field: Field[Any, Any]) -> Reader | None:
    """What makes of JSON what the database itself would give."""
    if isinstance(field, models.DateTimeField):
        return datetime.fromisoformat
    return field.to_python if isinstance(field, models.ForeignKey) else None


def _plain_type(field: Field[Any, Any], connection: Any) -> str:
    return str(field.db_type(connection)).partition("(")[0]


def _is_serial(field: Field[Any, Any]) -> bool:
    """The database numbers these itself."""
    return isinstance(field, models.AutoField)
