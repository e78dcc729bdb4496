"""A stored value can be shown to people as JSON data, without its classes."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import json
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pydantic
import pytest

from hitl import codec
from hitl.codec import classes


class Size(enum.Enum):
    BIG = "big"
    ODD = object()


@codec.register
@dataclasses.dataclass
class Parcel:
    size: Size
    tags: frozenset[str]


@codec.register
class Loose(pydantic.BaseModel, extra="allow"):
    a: int = 1


WHEN = dt.datetime(2024, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"a": [1, 2.5, "x", None, True]}, {"a": [1, 2.5, "x", None, True]}),
        ((1, (2,)), [1, [2]]),
        ({"b", "a"}, ["a", "b"]),
        (Decimal("1.50"), "1.50"),
        (WHEN, "2024-07-01T12:00:00+02:00"),
        (dt.date(2024, 7, 1), "2024-07-01"),
        (dt.timedelta(hours=1), "1:00:00"),
        (b"\x00" * 1200, "<1,200 bytes>"),
        (float("nan"), "nan"),
        (1 + 2j, "(1+2j)"),
        ({1: "a", (1, 2): "b", "$": "c"}, {"1": "a", "[1, 2]": "b", "$": "c"}),
        ([10**5000], ["<a whole number of about 5,000 digits>"]),
        (Parcel(Size.BIG, frozenset("ba")), {"size": "big", "tags": ["a", "b"]}),
        (Size.ODD, "ODD"),
        (Loose(b=(1,)), {"a": 1, "b": [1]}),  # type: ignore[call-arg]
        (ValueError("no", 3), "ValueError: no, 3"),
        (collections.Counter("aa"), {"a": 2}),
        ("a\ud800b\x00é", "a\ufffdb\x00é"),
        ({"\udfff": ["\ud83d" + "\ude00"]}, {"\ufffd": ["\ufffd\ufffd"]}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_it_is_shown_as_json_data(value: Any, shown: Any) -> None:
    found = codec.plain(codec.encode(value))
    assert found == shown
    json.dumps(found, allow_nan=False, ensure_ascii=False).encode()


def test_classes_need_not_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    text = codec.encode([Parcel(Size.BIG, frozenset())])
    monkeypatch.setattr(classes, "BY_NAME", {})
    assert codec.plain(text) == [{"size": "big", "tags": []}]
