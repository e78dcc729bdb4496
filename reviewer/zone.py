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
# The field of a form with moments in it that says in which zone they were typed (`reviewer.forms.fields.MomentInput`).
DRAWN_IN = "desk-zone"


def of(request: HttpRequest) -> ZoneInfo | None:
    """The zone that a form was drawn in, else the one that the browser is in; None where neither is told.

    Nonsense tells nothing.
    """
    told = request.POST.get(DRAWN_IN, "") if request.method == "POST" else ""
    name = next((name for name in (told, request.COOKIES.get(COOKIE, "")) if name in _names()), None)
    return _zone(name) if name else None


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
