"""Results shared between threads: `CachePolicy` on Django's cache framework, or in memory (item 23, rule 32).

The cache holds the same text as the journal, under a digest of the task and its key. A hit is recorded as a
fact like any result, so that replay never asks the cache.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Protocol

from hitl import codec, conf
from hitl.facts import new_id

KeyFunc = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class CachePolicy:
    """key_func: what a call is known by, from its arguments (all of them if left out). ttl: seconds, None for ever."""

    key_func: KeyFunc | None = None
    ttl: int | None = None

    def key(self, task: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        known_by = (args, kwargs) if self.key_func is None else self.key_func(*args, **kwargs)
        return f"{prefix(task)}{codec.digest(known_by)}"


class Cache(Protocol):
    """What a cache must do; Django's caches do."""

    def get(self, key: str, /) -> Any: ...

    def set(self, key: str, value: Any, /, timeout: int | None = None) -> None: ...


def current(given: Cache | None) -> Cache | None:
    """The cache that was given to the entrypoint, else Django's, else none."""
    if given is not None or not conf.has_django():
        return given
    from django.core.cache import cache

    found: Cache = cache
    return found


def forget(task: str, cache: Cache | None) -> None:
    """Let no result that is cached for this task be found any more."""
    if cache is not None:
        cache.set(_generation_key(task), new_id(), timeout=None)


def full_key(policy: CachePolicy, task: str, args: tuple[Any, ...], kwargs: dict[str, Any], cache: Cache) -> str:
    """The key of a call's result. It holds the task's generation, which `forget` changes."""
    generation = cache.get(_generation_key(task)) or ""
    return f"{policy.key(task, args, kwargs)}:{generation}"


def _generation_key(task: str) -> str:
    return f"{prefix(task)}generation"


def prefix(task: str) -> str:
    return f"hitl:{codec.digest(task)[:16]}:"
