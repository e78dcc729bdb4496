"""Values as a person reads them: one line for a row, the whole text to unfold.

What the journal holds is a program's value; it is shown as plain text, never as markup, and never whole
when it is huge: a browser that lays out a megabyte serves nobody, and the Admin has the stored text.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from django.utils.translation import gettext, pgettext

from hitl import codec

LINE_CHARS = 110
TEXT_CHARS = 20_000
# NUL, and the characters that embed, override or isolate a direction of writing.
NAMED = {0: "␀"} | {char: f"⟨U+{char:04X}⟩" for char in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """`line` fits a row; `text` is what unfolds below it; `cut` is how many characters were left out."""

    line: str
    text: str
    cut: int = 0

    @property
    def folded(self) -> bool:
        """Whether the line does not say everything."""
        return self.line != self.text

    def __bool__(self) -> bool:
        return bool(self.text)


def stored(text: str | None) -> Shown | None:
    """A value as the journal stores it; None where there is none."""
    return None if text is None else data(codec.plain(text))


def data(value: Any) -> Shown:
    """Plain data (what JSON knows)."""
    line = _line(value)
    if _says_all(value, line):
        return Shown(line, line)
    whole = printable(value if isinstance(value, str) else _block(value))
    return Shown(line, whole[:TEXT_CHARS], max(0, len(whole) - TEXT_CHARS))


def arguments(given: dict[str, Any] | None) -> Shown | None:
    """A call's arguments as the journal keeps them (`hitl.arguments`); None where it had none."""
    if given is None:
        return None
    if "args" not in given:
        return data(gettext("{n} bytes, not kept").format(n=given.get("bytes", "?")))
    positional, named = given["args"], given["kwargs"]
    if not positional and not named:
        return None
    if len(positional) == 1 and not named:
        return data(positional[0])
    parts = [*map(phrase, positional), *(f"{key}: {phrase(item)}" for key, item in named.items())]
    whole = ", ".join(parts)
    if len(whole) < LINE_CHARS and "\n" not in whole:
        return data(whole)
    everything = named if not positional else [*positional, named] if named else positional
    return Shown(_line(whole), printable(_block(everything))[:TEXT_CHARS])


def phrase(value: Any) -> str:
    """A value in running text: names and values, no quotes and few brackets."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {phrase(item)}" for key, item in value.items()) or "{}"
    if isinstance(value, list):
        return "[" + ", ".join(phrase(item) for item in value) + "]"
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return pgettext("no value", "none") if value is None else str(value)


def _says_all(value: Any, line: str) -> bool:
    """Whether a line shows as much of the value as its whole text would."""
    if isinstance(value, str):
        return printable(value) == line
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    flat = not any(isinstance(item, dict | list) or (isinstance(item, str) and "\n" in item) for item in inside)
    return flat and len(line) < LINE_CHARS


def _block(value: Any) -> str:
    if isinstance(value, dict | list) and value:
        return json.dumps(value, ensure_ascii=False, indent=2)
    return phrase(value)


def _line(value: Any) -> str:
    return _clip(printable(" ".join(phrase(value).split())))


def _clip(text: str) -> str:
    return text if len(text) <= LINE_CHARS else text[: LINE_CHARS - 1].rstrip() + "…"


def pretty(value: Any) -> str:
    """A plain value as a person reads it: a text as it is, anything else as indented JSON."""
    return printable(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str))


def printable(text: str) -> str:
    """Text as it may stand on a page: what cannot be sent or seen, or turns the order of letters round, is named.

    Who decides by what they read must not be shown "Pay 1000" where "Pay 0001" is stored.
    """
    return text.encode("utf-8", "replace").decode().translate(NAMED)
