"""The languages that a person can have the desk in: those of the project for which there is a catalogue."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language_from_request, get_language_info, to_locale

MIDDLEWARE = "django.middleware.locale.LocaleMiddleware"
OURS = Path(__file__).parent / "locale"
SOURCE = "en"


def offered() -> list[tuple[str, str]]:
    """Code and own name of each language to choose from; none where the project has no choice of languages."""
    if MIDDLEWARE not in settings.MIDDLEWARE:
        return []
    found = [code for code, _ in settings.LANGUAGES if _has_catalogue(code)]
    return [(code, get_language_info(code)["name_local"].capitalize()) for code in found] if len(found) > 1 else []


def chosen(request: HttpRequest) -> str:
    """The language that this person has chosen; empty where their browser's counts."""
    code = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    return code if code in dict(offered()) else ""


def of(request: HttpRequest, chosen: str) -> str:
    """The language of this person's pages once they have chosen this one, or (empty) leave it to their browser."""
    if chosen:
        return chosen
    asked = HttpRequest()
    asked.META = request.META
    return get_language_from_request(asked)


@cache
def _has_catalogue(code: str) -> bool:
    places = [OURS, *map(Path, settings.LOCALE_PATHS)]
    file = Path(to_locale(code), "LC_MESSAGES", "django.mo")
    return code.partition("-")[0] == SOURCE or any((place / file).exists() for place in places)
