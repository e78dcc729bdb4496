"""Types that JSON lacks and that hold nothing else: each is written as one JSON value under its own tag."""

from __future__ import annotations

import base64
import ipaddress
import pathlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo


class Unwritable(ValueError):
    """This value of an otherwise storable type cannot be stored; the message says why."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """How one type is written, read again, and shown to people (from what was written)."""

    cls: type
    tag: str
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]
    show: Callable[[Any], Any] = str


def _write_base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _show_bytes(text: str) -> str:
    return f"<{len(base64.b64decode(text)):,} bytes>"


def _write_zoned(value: datetime | time) -> str:
    """ISO 8601; a zone that an offset cannot tell follows in brackets, and `*` stands for fold=1."""
    zone = value.tzinfo
    text = value.isoformat()
    if zone is not None:
        text += _zone_mark(zone)
    return text + "*" if value.fold else text


def _zone_mark(zone: tzinfo) -> str:
    if type(zone) is timezone:
        named = zone.__getinitargs__()[1:]  # type: ignore[attr-defined]  # what pickle asks for
        return f"[={named[0]}]" if named else ""
    if type(zone) is ZoneInfo and zone.key:
        return f"[{zone.key}]"
    if type(zone).__module__.startswith("pydantic_core"):
        return "[=]"
    raise Unwritable(f"its time zone is a {type(zone).__module__}.{type(zone).__qualname__}; use zoneinfo.ZoneInfo")


_TINY_OFFSET = re.compile(r"([+-])00:00:00\.([0-9]{6})$")


def _read_zoned(cls: type[Any]) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        iso, bracket, mark = text.removesuffix("*").partition("[")
        value = cls.fromisoformat(iso)
        if (tiny := _TINY_OFFSET.search(iso)) and tiny[2] != "000000":
            # Python 3.11 takes an offset of less than a second for none.
            value = value.replace(tzinfo=timezone(timedelta(microseconds=int(tiny[1] + tiny[2]))))
        if bracket:
            value = value.replace(tzinfo=_zone(mark[:-1], value.tzinfo))
        return value.replace(fold=1) if text.endswith("*") else value

    return read


def _zone(mark: str, fixed: tzinfo | None) -> tzinfo:
    if not mark.startswith("="):
        return ZoneInfo(mark)
    offset = (fixed or UTC).utcoffset(None) or timedelta(0)
    if mark == "=":
        from pydantic_core import TzInfo

        return TzInfo(offset.total_seconds())
    return timezone(offset, mark[1:])


def _show_zoned(text: str) -> str:
    return text.removesuffix("*").partition("[")[0]


def _write_zoneinfo(zone: ZoneInfo) -> str:
    if not zone.key:
        raise Unwritable("it has no key")
    return zone.key


def _write_timezone(zone: timezone) -> list[Any]:
    offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]  # what pickle asks for
    return [*_write_timedelta(offset), *name]


def _read_timezone(parts: list[Any]) -> timezone:
    return timezone(timedelta(*parts[:3]), *parts[3:])


def _write_timedelta(value: timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


def _read_complex(parts: list[str]) -> complex:
    return complex(float(parts[0]), float(parts[1]))


def _text(cls: type, tag: str) -> Leaf:
    return Leaf(cls, tag, str, cls)


ALL = [
    Leaf(bytes, "bytes", _write_base64, base64.b64decode, _show_bytes),
    Leaf(bytearray, "bytearray", _write_base64, lambda v: bytearray(base64.b64decode(v)), _show_bytes),
    Leaf(
        complex,
        "complex",
        lambda v: [repr(v.real), repr(v.imag)],
        _read_complex,
        lambda v: str(_read_complex(v)),
    ),
    Leaf(datetime, "datetime", _write_zoned, _read_zoned(datetime), _show_zoned),
    Leaf(time, "time", _write_zoned, _read_zoned(time), _show_zoned),
    Leaf(date, "date", date.isoformat, date.fromisoformat),
    Leaf(timedelta, "timedelta", _write_timedelta, lambda v: timedelta(*v), lambda v: str(timedelta(*v))),
    Leaf(ZoneInfo, "zoneinfo", _write_zoneinfo, ZoneInfo),
    Leaf(timezone, "timezone", _write_timezone, _read_timezone, lambda v: str(_read_timezone(v))),
    _text(Decimal, "decimal"),
    _text(UUID, "uuid"),
    _text(Fraction, "fraction"),
    _text(pathlib.PurePosixPath, "pureposixpath"),
    _text(pathlib.PureWindowsPath, "purewindowspath"),
    _text(pathlib.PosixPath, "posixpath"),
    _text(ipaddress.IPv4Address, "ipv4address"),
    _text(ipaddress.IPv6Address, "ipv6address"),
    _text(ipaddress.IPv4Network, "ipv4network"),
    _text(ipaddress.IPv6Network, "ipv6network"),
]
