"""A cache in this process, for scripts and tests: `@entrypoint(cache=InMemoryCache())`."""

from __future__ import annotations

from threading import Lock
from time import monotonic
from typing import Any


class InMemoryCache:
    """Keeps cached results until the process ends, or their time is over."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: dict[str, tuple[Any, float | None]] = {}

    def get(self, key: str, /) -> Any:
        with self._lock:
            value, until = self._kept.get(key, (None, None))
            if until is not None and until < monotonic():
                del self._kept[key]
                return None
            return value

    def set(self, key: str, value: Any, /, timeout: int | None = None) -> None:
        with self._lock:
            self._kept[key] = (value, None if timeout is None else monotonic() + timeout)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
