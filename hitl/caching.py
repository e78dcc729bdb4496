"""Results shared between threads: `CachePolicy` on Django's cache framework, or in memory (item 23, rule 32).

The cache holds the same text as the journal, under a digest of the task and its key. A hit is recorded as a
fact like any result, so that replay never asks the cache.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any, Protocol

from hitl import codec, conf, discreet
from hitl.facts import new_id

logger = logging.getLogger(__name__)
MAX_KEY_BYTES = 64_000_000
# What an update says beside a value that was not made now.
CACHED = {"__metadata__": {"cached": True}}
KeyFunc = Callable[..., Any]


@dataclasses.dataclass(frozen=True)
class CachePolicy:
    """key_func: what a call is known by, from its arguments (all of them if left out). ttl: seconds, None for ever."""

    key_func: KeyFunc | None = None
    ttl: int | None = None

    def key(self, task: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """UnstorableValue for what has no text: two such values could not be told apart."""
        known_by = (args, kwargs) if self.key_func is None else self.key_func(*args, **kwargs)
        codec.encode(known_by, where="cache key (give CachePolicy a key_func)", limit_bytes=MAX_KEY_BYTES)
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


@dataclasses.dataclass(frozen=True, slots=True)
class Found:
    """A result that was in the cache (it may be None)."""

    value: Any


def find(
    cache: Cache, policy: CachePolicy, task: str, args: tuple[Any, ...], kwargs: dict[str, Any], *, name: str
) -> tuple[str, Found | None]:
    """The key of a call's result, "" where the cache is away, and the result if it is there.

    The key holds the task's generation, which `forget` changes. What the cache holds and we cannot read is not there.
    """
    key = policy.key(task, args, kwargs)
    try:
        key = f"{key}:{cache.get(_generation_key(task)) or ''}"
        text = cache.get(key)
    except Exception as error:
        logger.warning("The cache cannot be asked for the result of %s(): %s", name, discreet.plain(error))
        return "", None
    try:
        return key, Found(codec.decode(text)) if isinstance(text, str) else None
    except Exception as error:
        logger.warning("The cached result of %s() cannot be read: %s", name, discreet.plain(error))
        return key, None


def put(cache: Cache, key: str, text: str, *, ttl: int | None, name: str) -> None:
    """Keep a result. A cache that is away costs a run of the task next time, no more."""
    try:
        cache.set(key, text, timeout=ttl)
    except Exception as error:
        logger.warning("The result of %s() could not be cached: %s", name, discreet.plain(error))


def _generation_key(task: str) -> str:
    return f"{prefix(task)}generation"


def prefix(task: str) -> str:
    return f"hitl:{codec.digest(task)[:16]}:"
