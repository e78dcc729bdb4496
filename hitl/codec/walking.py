"""A walk through a value: what it may take, where it is, and what stops it.

A fault carries the way to the element, collected while it unwinds, so the way costs nothing until it is
needed; and a container that is met twice on that way is a circle.
"""

from __future__ import annotations

from json.encoder import encode_basestring_ascii as quote
from typing import Any

from hitl.codec import classes

MAX_DEPTH = 200


class Walk:
    """One walk through a value: how much it may still take, and what becomes of what cannot be stored."""

    __slots__ = ("left",)
    canonical = False
    # An element costs time where a character of a text costs none.
    element_weight = 16

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, size: int) -> None:
        """Count what will be written, roughly and low; ends a walk that could take for ever."""
        self.left -= size
        if self.left < 0:
            raise TooMuch

    def refuse(self, obj: Any, reason: str) -> Any:
        raise Fault(obj, reason)

    def too_deep(self, obj: Any) -> Any:
        raise Fault(obj, f"nested more than {MAX_DEPTH} levels deep, which cannot be stored.")


class TooMuch(Exception):
    """The walk met more than the limit allows."""


class Fault(Exception):
    """An element that cannot be stored, and (filled while unwinding) the containers and steps to it."""

    def __init__(self, obj: Any, reason: str) -> None:
        super().__init__(reason)
        self.obj = obj
        self.reason = reason
        self.trail: list[tuple[Any, str]] = []

    def step(self, container: Any, suffix: str) -> Fault:
        self.trail.append((container, suffix))
        return self

    def message(self, where: str) -> str:
        path, seen = where, dict[int, str]()
        for container, suffix in reversed(self.trail):
            if id(container) in seen:
                here = _shortened(path)
                return f"{here}: refers back to {seen[id(container)]}, and a circle cannot be stored."
            seen[id(container)] = path
            path += suffix
        return f"{_shortened(path)}: {self.reason}"


def _shortened(path: str) -> str:
    return path if len(path) <= 300 else f"{path[:200]} ... {path[-80:]}"


def at_key(key: Any) -> str:
    return f"[{quote(key) if type(key) is str else brief(key)}]"


def brief(obj: Any) -> str:
    """A short text for a key in a path; a key's own repr may be long, or fail."""
    if type(obj) in (int, bool, float, tuple, type(None)):
        try:
            return repr(obj)[:60]
        except Exception:
            pass
    return classes.describe(type(obj))
