"""Moments, ages, spans and counts in the reader's language, and moments in their zone.

The patterns are those of Django's date formats, and catalogues translate them. `times.js` writes by the same patterns,
wherever the server has not known the reader's zone: on the rows that are rendered once for many readers, and on the
first page of a new browser. Until then a time names the zone that it is in.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import dateformat, formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy

from reviewer import zone

# times.js knows the letters d, j, D, M, Y, H, i, s and O.
PATTERNS = {
    "clock": pgettext_lazy("pattern of a time", "H:i:s"),
    "earlier": pgettext_lazy("pattern of a time", "d M H:i"),
    "day": pgettext_lazy("pattern of a time", "D H:i"),
    "minute": pgettext_lazy("pattern of a time", "j M Y, H:i"),
    "second": pgettext_lazy("pattern of a time", "j M Y, H:i:s"),
    "full": pgettext_lazy("pattern of a time", "D j M Y, H:i:s O"),
}
# The time of day, and of another day its date.
ROW = "row"

UNITS = {
    "seconds": gettext_lazy("{n} s"),
    "minutes": gettext_lazy("{n} min"),
    "hours": gettext_lazy("{n} h"),
    "days": gettext_lazy("{n} d"),
}
STEPS = ((60, 1, "seconds"), (3600, 60, "minutes"), (86_400, 3600, "hours"))


def written(moment: datetime, pattern: str) -> str:
    """A moment by the name of a pattern, in the active zone; that is named unless it is the reader's own."""
    local = timezone.localtime(moment)
    if pattern == ROW:
        pattern = "clock" if local.date() == timezone.localdate() else "earlier"
    text = dateformat.format(local, str(PATTERNS[pattern]))
    return text if zone.is_known() else f"{text} {local.tzname()}"


def at(moment: datetime, pattern: str) -> SafeString:
    """The moment as `<time>`, with all of it as its title."""
    return format_html(
        '<time datetime="{}" data-at="{}" title="{}">{}</time>',
        moment.isoformat(),
        pattern,
        written(moment, "full"),
        written(moment, pattern),
    )


def ago(moment: datetime) -> SafeString:
    """`<time>` with the age in one unit and the moment itself as its title; `times.js` keeps it current."""
    return format_html(
        '<time datetime="{}" title="{}" data-age>{}</time>',
        moment.isoformat(),
        written(moment, "full"),
        age(timezone.now() - moment),
    )


def age(span: timedelta) -> str:
    """`12 s`, `3 min`, `5 h`, `2 d`: one unit, rounded down."""
    seconds = max(0, int(span.total_seconds()))
    unit, name = next(((unit, name) for limit, unit, name in STEPS if seconds < limit), (86_400, "days"))
    return str(UNITS[name]).format(n=count(seconds // unit))


def duration(seconds: float) -> str:
    """`34 ms`, `2.1 s`, `4 min 5 s`, `3 h 2 min`, `2 d 4 h`."""
    if seconds < 0.001:
        return gettext("< 1 ms")
    if seconds < 0.9995:
        return gettext("{n} ms").format(n=round(seconds * 1000))
    if seconds < 59.95:
        return gettext("{n} s").format(n=formats.number_format(f"{seconds:.1f}"))
    minutes, left = divmod(round(seconds), 60)
    if minutes < 60:
        return gettext("{minutes} min {seconds} s").format(minutes=minutes, seconds=left)
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return gettext("{hours} h {minutes} min").format(hours=hours, minutes=minutes)
    return gettext("{days} d {hours} h").format(days=count(hours // 24), hours=hours % 24)


def count(number: int) -> str:
    """A whole number with its thousands apart."""
    return formats.number_format(number, force_grouping=True)
