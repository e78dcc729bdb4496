"""Whole runs from the cache: `@entrypoint(cache_policy=…)`. What a run returned and saved, under its input."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from hitl import caching, codec, pool
from hitl.caching import Cache, CachePolicy
from hitl.ending import Final

if TYPE_CHECKING:
    from hitl.leg import Leg


@dataclasses.dataclass(frozen=True, slots=True)
class Wholes:
    """One workflow's; `task` is what its entries are known by, `name` what the log calls it."""

    policy: CachePolicy | None
    cache: Cache | None
    task: str
    name: str

    def find(self, leg: Leg, value: Any) -> Final[Any, Any] | None:
        """What a run with this input came to; None where there is none, or this one is under way."""
        cache = caching.current(self.cache) if self.policy else None
        if cache is None or self.policy is None or not leg.turn.is_untouched:
            return None
        leg.cache_key, found = caching.find(cache, self.policy, self.task, (value,), {}, name=self.name)
        if found is None:
            return None
        leg.cached = True
        text, saved = found.value
        returned = codec.decode(text)
        return Final(returned, returned if saved == text else codec.decode(saved))

    def keep(self, leg: Leg, result: tuple[str, str] | None) -> None:
        """Put a finished run's result there."""
        cache = caching.current(self.cache)
        if cache is None or self.policy is None or not leg.cache_key or leg.cached or result is None:
            return
        caching.put(cache, leg.cache_key, codec.encode(result), ttl=self.policy.ttl, name=self.name)
        pool.close_connections()
