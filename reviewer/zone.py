"""The reader's time zone: their browser says it in a cookie, and each page of the desk is drawn in it.

A cookie that names no zone counts for nothing: then times are in the server's zone and say so. The zone counts as known
where it is not the server's default object, be it from the cookie or set by a middleware of the project.
"""

from __future__ import annotations

from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext

COOKIE = "desk_zone"


def of(request: HttpRequest) -> ZoneInfo | None:
    """The zone that the request's browser is in; None where it does not say, or says nonsense."""
    name = request.COOKIES.get(COOKIE, "")
    return _zone(name) if name in _names() else None


def activate(request: HttpRequest) -> None:
    """Read and write times in this reader's zone from now on, until the middleware puts back what was before."""
    if found := of(request):
        timezone.activate(found)


def is_known() -> bool:
    """Whether the active zone is the reader's, and not only the server's."""
    return timezone.get_current_timezone() is not timezone.get_default_timezone()


def name() -> str:
    """The name of the active zone where it is the reader's, else nothing."""
    return timezone.get_current_timezone_name() if is_known() else ""


def hint() -> str:
    """What to say beside a field for a time: nothing to a reader whose own zone it is taken in."""
    return "" if is_known() else gettext("Times are in {zone}.").format(zone=timezone.get_default_timezone_name())


@cache
def _names() -> frozenset[str]:
    return frozenset(available_timezones())


@lru_cache(maxsize=1000)
def _zone(name: str) -> ZoneInfo:
    # Not ZoneInfo(name), which might be the server's own object.
    return ZoneInfo.no_cache(name)
