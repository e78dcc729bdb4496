"""For any value at all that can be stored: it comes back, and one digest is one value."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hitl import codec

any_text = st.text(st.characters(exclude_categories=()), max_size=8)
zones = (
    st.none() | st.timezones() | st.builds(dt.timezone, st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23)))
)
scalars = (
    st.none() | st.booleans() | st.integers() | st.integers(10**599, 10**601) | st.floats(allow_nan=False)
    | any_text | st.binary(max_size=8) | st.decimals(allow_nan=False) | st.uuids() | st.dates() | st.timedeltas()
    | st.datetimes(timezones=zones) | st.times(timezones=zones) | st.complex_numbers(allow_nan=False) | st.fractions()
)  # fmt: skip
hashables = st.recursive(
    scalars, lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3), max_leaves=4
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(any_text | st.just("$"), inner, max_size=4)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.sets(hashables, max_size=4)
    ),
    max_leaves=12,
)


def same(one: Any, other: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if type(one) is not type(other) or one != other:
        return False
    if isinstance(one, (list, tuple)):
        return all(map(same, one, other))
    if isinstance(one, dict):
        return all(map(same, one, other)) and all(map(same, one.values(), other.values()))
    return repr(one) == repr(other) or isinstance(one, (set, frozenset))


@settings(max_examples=300, deadline=None)
@given(values)
def test_every_value_comes_back(value: Any) -> None:
    text = codec.encode(value)
    assert text.isascii()
    assert same(codec.decode(text), value)
    assert codec.encode(codec.decode(text)) == text


@settings(max_examples=150, deadline=None)
@given(values)
def test_every_stored_value_can_be_shown(value: Any) -> None:
    shown = codec.plain(codec.encode(value))
    json.dumps(shown, allow_nan=False, ensure_ascii=False).encode()


@settings(max_examples=150, deadline=None)
@given(values)
def test_what_comes_back_has_the_same_digest(value: Any) -> None:
    assert codec.digest(codec.decode(codec.encode(value))) == codec.digest(value)


@settings(max_examples=150, deadline=None)
@given(values, values)
def test_values_differ_as_their_digests_do(one: Any, other: Any) -> None:
    if codec.digest(one) == codec.digest(other):
        assert one == other
        assert type(one) is type(other)
