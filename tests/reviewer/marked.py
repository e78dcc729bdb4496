"""A language in which every translation stands in brackets, so that what was never translated stands outside."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

from django.utils.safestring import SafeData, mark_safe

CONTEXT = "\x04"
# Attributes that a person sees or hears.
SEEN = ("title", "aria-label", "placeholder", "alt", "data-command", "data-copied")
SILENT = ("script", "style", "code", "pre", "kbd", "textarea", "svg", "template")
INNERMOST = re.compile(r"⟦[^⟦⟧]*⟧")
# The tests' own data are in Greek letters.
WORDS = re.compile(r"[A-Za-z]{2,}")


class Marked:
    """Takes the place of a language's translations."""

    def __init__(self, language: str) -> None:
        self._language = language

    def gettext(self, message: str) -> str:
        context, _, text = message.rpartition(CONTEXT)
        if context == "code of the language of this catalogue":
            return self._language
        # What stands in markup is escaped or not as the text itself was.
        marked = f"⟦{text}⟧"
        return mark_safe(marked) if isinstance(message, SafeData) else marked

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        return self.gettext(singular if number == 1 else plural)

    def language(self) -> str:
        return self._language

    def to_language(self) -> str:
        return self._language


class Page(HTMLParser):
    """What of a page a person can see or hear."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self._silent: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = dict(attrs)
        self.texts += [given[name] for name in SEEN if given.get(name)]
        if tag == "input" and given.get("type") == "submit":
            self.texts.append(given.get("value", ""))
        if tag in SILENT:
            self._silent.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.texts.append(data)


def unmarked(html: str) -> list[str]:
    """The texts of a page that are in Latin letters and in no bracket."""
    while (fewer := INNERMOST.sub("", html)) != html:
        html = fewer
    texts = [" ".join(text.split()).strip(" ·,:") for text in Page(html).texts]
    return [text for text in texts if WORDS.search(text)]
