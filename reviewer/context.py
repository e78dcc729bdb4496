"""What every page of the desk shows around its content, whatever the project's context processors are."""

from __future__ import annotations

import dataclasses
import time

from django.contrib.messages import get_messages
from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import get_language_info, gettext, pgettext

from hitl.models import Interrupt
from reviewer.models import Mention

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "desk_theme"
KEYS_COOKIE = "desk_keys"
AFTER_COOKIE = "desk_after"
UNDO_COOKIE = "desk_undo"
# After an answer: the next question, or the queue.
AFTER = ("next", "queue")
# How long an answer can be undone: as the workflow has it, so many seconds, or not at all.
UNDO = ("", "20", "60", "0")
# So many stand on every page one by one; all of them can be taken back at once.
MOST_HELD = 50
MOST_HELD_COUNTED = 1000
HELD_UNTIL = "held_until"
ASKED = "asked_of_me"


@dataclasses.dataclass(frozen=True)
class Held:
    """A person's answers that can still be undone: the latest of them, and how many there are."""

    answers: list[Interrupt]
    count: int

    @property
    def until(self) -> str:
        """When the latest was given, where there are more than these; else empty."""
        given = [one.answered_at for one in self.answers if one.answered_at]
        return max(given).isoformat() if len(self.answers) < self.count else ""


@dataclasses.dataclass(frozen=True)
class Desk:
    """The person, their settings (kept in cookies, so that no page flashes) and the current section."""

    request: HttpRequest

    @property
    def theme(self) -> str:
        theme = self.request.COOKIES.get(THEME_COOKIE, "")
        return theme if theme in THEMES else "auto"

    @property
    def theme_names(self) -> dict[str, str]:
        """What the theme button says of each theme."""
        return {
            "auto": gettext("Theme: as the system"),
            "light": gettext("Theme: light"),
            "dark": gettext("Theme: dark"),
        }

    @property
    def theme_name(self) -> str:
        return self.theme_names[self.theme]

    @property
    def language(self) -> str:
        """The language that the desk's texts are in for this reader: the catalogue's own code."""
        return pgettext("code of the language of this catalogue", "en")

    @property
    def direction(self) -> str:
        return "rtl" if get_language_info(self.language)["bidi"] else "ltr"

    @property
    def keys(self) -> bool:
        """Whether single keys act (WCAG 2.1.4 asks that they can be switched off)."""
        return self.request.COOKIES.get(KEYS_COOKIE) != "off"

    @property
    def after(self) -> str:
        """Where an answer leads to."""
        after = self.request.COOKIES.get(AFTER_COOKIE, "")
        return after if after in AFTER else "next"

    @property
    def undo(self) -> str:
        """How long this person wants to be able to undo (WCAG 2.2.1 asks that limits of time can be changed)."""
        undo = self.request.COOKIES.get(UNDO_COOKIE, "")
        return undo if undo in UNDO else ""

    @property
    def held(self) -> Held:
        """This person's answers that can still be undone, the latest first: on every page until they are released.

        Looked for only while this session has given one, so that no other page pays for it.
        """
        session = getattr(self.request, "session", {})
        if session.get(HELD_UNTIL, 0) < time.time():
            return Held([], 0)
        mine = Interrupt.objects.held_by(self.request.user)
        answers = list(mine[:MOST_HELD])
        return Held(answers, len(answers) if len(answers) < MOST_HELD else mine.count_up_to(MOST_HELD_COUNTED))

    def hold(self, seconds: float) -> None:
        """Remember that an answer of this session can be undone so long."""
        until = self.request.session.get(HELD_UNTIL, 0)
        # Some seconds more, for what the database's clock and the sweep add.
        self.request.session[HELD_UNTIL] = max(until, time.time() + seconds + 5)

    @property
    def asked_of_me(self) -> int:
        """In how many questions that wait somebody speaks to this person. Pages that know it already say so."""
        known = getattr(self.request, ASKED, None)
        if known is not None:
            return int(known)
        user = getattr(self.request, "user", None)
        return Mention.objects.counted(user) if user is not None and user.is_authenticated else 0

    def know_asked(self, count: int) -> None:
        """The page's own query has counted it."""
        setattr(self.request, ASKED, count)

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
