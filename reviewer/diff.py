"""What changed from one text to another, word by word. `diff.js` does the same while somebody types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import NamedTuple

TOKENS = re.compile(r"\s+|\w+|[^\w\s]")
# Beyond this many comparisons what differs is shown as one piece.
MOST_COMPARED = 4_000_000
# What stays the same is cut to this much on either side of a change.
CONTEXT_CHARS = 80

SAME, GONE, NEW = "=", "-", "+"


class Segment(NamedTuple):
    """A piece of text and whether it stayed (`=`), went (`-`) or came (`+`)."""

    mark: str
    text: str


def words(before: str, after: str) -> tuple[Segment, ...]:
    """The segments that lead from one text to the other; () where they are the same."""
    if before == after:
        return ()
    old, new = TOKENS.findall(before), TOKENS.findall(after)
    start = _common(old, new)
    end = _common(old[start:][::-1], new[start:][::-1])
    middle = _between(old[start : len(old) - end], new[start : len(new) - end])
    whole = [Segment(SAME, "".join(old[:start])), *middle, Segment(SAME, "".join(old[len(old) - end :]))]
    return tuple(Segment(mark, _cut(text) if mark == SAME else text) for mark, text in whole if text)


def _common(one: list[str], other: list[str]) -> int:
    """How many tokens are the same at the beginning."""
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _between(old: list[str], new: list[str]) -> Iterator[Segment]:
    if len(old) * len(new) > MOST_COMPARED:
        yield from (Segment(GONE, "".join(old)), Segment(NEW, "".join(new)))
        return
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            yield Segment(SAME, "".join(old[a:b]))
        else:
            yield from (Segment(GONE, "".join(old[a:b])), Segment(NEW, "".join(new[c:d])))


def _cut(text: str) -> str:
    if len(text) <= 2 * CONTEXT_CHARS + 20:
        return text
    return f"{text[:CONTEXT_CHARS]} … {text[-CONTEXT_CHARS:]}"
