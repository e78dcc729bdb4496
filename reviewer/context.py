"""What every page of the desk shows around its content, whatever the project's context processors are."""

from __future__ import annotations

import dataclasses

from django.contrib.messages import get_messages
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "desk_theme"
KEYS_COOKIE = "desk_keys"


@dataclasses.dataclass(frozen=True)
class Desk:
    """The person, their settings (kept in cookies, so that no page flashes) and the current section."""

    request: HttpRequest

    @property
    def theme(self) -> str:
        theme = self.request.COOKIES.get(THEME_COOKIE, "")
        return theme if theme in THEMES else "auto"

    @property
    def keys(self) -> bool:
        """Whether single keys act (WCAG 2.1.4 asks that they can be switched off)."""
        return self.request.COOKIES.get(KEYS_COOKIE) != "off"

    @property
    def section(self) -> str:
        match = self.request.resolver_match
        return (match.url_name or "") if match else ""

    @property
    def messages(self) -> BaseStorage | list[object]:
        return get_messages(self.request)

    @property
    def admin(self) -> str:
        """The Admin's address, where the project has one and this person may enter it."""
        user = getattr(self.request, "user", None)
        if user is None or not user.is_staff:
            return ""
        try:
            return reverse("admin:index")
        except NoReverseMatch:
            return ""
