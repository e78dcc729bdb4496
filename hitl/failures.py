"""Failures of calls as facts, and back (rule 24).

A caught failure must look the same on replay: same class, same message. The class is looked up among
modules already loaded, never imported, and rebuilt without calling its constructor; where it is not
there, the nearest recorded base that is takes its place.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from hitl import codec
from hitl.errors import HitlError, RunFailed

MAX_TRACEBACK = 20_000
MAX_MESSAGE = 10_000
MAX_MEMBERS = 100
# What a call can fail with so that its caller hears the same. sys.exit() in a task ends the task alone.
CATCHABLE = (Exception, asyncio.CancelledError)


def describe(error: BaseException) -> dict[str, Any]:
    """What the journal keeps of an exception: its class and bases by name, arguments, message, traceback."""
    kept: dict[str, Any] = {
        "type": type(error).__name__,
        "message": message(error),
        "classes": [name_of(cls) for cls in type(error).__mro__ if issubclass(cls, CATCHABLE)],
        "traceback": "".join(traceback.format_exception(error))[-MAX_TRACEBACK:],
    }
    if isinstance(error, BaseExceptionGroup):
        kept["group"] = error.message
        kept["members"] = [describe(member) | {"traceback": ""} for member in error.exceptions[:MAX_MEMBERS]]
        return kept
    try:
        kept["error_args"] = codec.encode(list(error.args), limit_bytes=MAX_MESSAGE)
    except (HitlError, RecursionError):
        kept["error_args"] = None
    return kept


def rebuild(detail: dict[str, Any]) -> BaseException:
    """The exception that `describe` kept."""
    text: str = detail["message"]
    for name in detail.get("classes", ()):
        cls = _loaded(name)
        if cls is not None:
            error = _make(cls, detail, text)
            if error is not None:
                return error
    return RunFailed(f"{detail['type']}: {text}")


def as_heard(error: BaseException, detail: dict[str, Any]) -> BaseException:
    """What the caller gets in the leg in which the call failed: the exception itself, if a replay can give it."""
    return error if isinstance(error, CATCHABLE) else rebuild(detail)


def for_coroutine(error: BaseException) -> BaseException:
    """What a coroutine that awaits gets: StopIteration would end it, so it is a RuntimeError, as from any coroutine."""
    if not isinstance(error, StopIteration):
        return error
    told = RuntimeError(f"The task raised {type(error).__name__}: {message(error)}")
    told.__cause__ = error
    return told


def message(error: BaseException) -> str:
    try:
        return str(error)[:MAX_MESSAGE]
    except Exception:
        return f"<{type(error).__name__} without a message>"


def name_of(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, what it was raised from or during, and the members of groups."""
    seen: set[int] = set()
    left = [error]
    while left:
        current = left.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        left += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            left += current.exceptions


def _loaded(name: str) -> type[BaseException] | None:
    module_name, _, qualname = name.partition(":")
    found: Any = sys.modules.get(module_name)
    for part in qualname.split("."):
        found = getattr(found, part, None)
    if isinstance(found, type) and issubclass(found, CATCHABLE):
        return found
    return None


def _make(cls: type[BaseException], detail: dict[str, Any], text: str) -> BaseException | None:
    try:
        if issubclass(cls, BaseExceptionGroup):
            return cls.__new__(cls, detail["group"], [rebuild(member) for member in detail["members"]])
        error = cls.__new__(cls)
        kept = detail.get("error_args")
        error.args = tuple(codec.decode(kept)) if kept else (text,)
        if str(error) != text:
            error.args = (text,)
    except Exception:
        return None
    return error
