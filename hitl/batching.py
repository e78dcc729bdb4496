"""Many inputs at once: each is a call of its own, on its own thread; calls on one thread follow each other."""

from __future__ import annotations

import asyncio
import contextvars
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from hitl import calling, pool
from hitl import scope as scopes
from hitl.errors import InvalidOption
from hitl.journal import inline

Config = Mapping[str, Any]
AT_ONCE = 32


class Batches(ABC):
    """`batch` and `abatch` for whatever can be invoked."""

    @abstractmethod
    def invoke(self, input: Any, config: Config | None = None, **options: Any) -> Any: ...

    @abstractmethod
    async def ainvoke(self, input: Any, config: Config | None = None, **options: Any) -> Any: ...

    def batch(
        self,
        inputs: Sequence[Any],
        config: Config | Sequence[Config] | None = None,
        *,
        return_exceptions: bool = False,
        **options: Any,
    ) -> list[Any]:
        """`invoke` for each input, in parallel; the results in the order of the inputs.

        config: one for each input, or one for all. return_exceptions: have errors among the results; otherwise the
            first is raised when all are done. `max_concurrency` in the (first) config limits how many run at once.
        """
        given = _paired(inputs, config)
        lanes = _lanes(given)
        found: dict[int, Any] = {}

        def work(lane: Sequence[int]) -> None:
            for index in lane:
                found[index] = _outcome(partial(self.invoke, *given[index], **options))

        if inline.get() or scopes.current.get() is not None:
            work(range(len(given)))
        else:
            _each(work, lanes, at_once=_at_once(given))
        return _results(found, return_exceptions=return_exceptions)

    async def abatch(
        self,
        inputs: Sequence[Any],
        config: Config | Sequence[Config] | None = None,
        *,
        return_exceptions: bool = False,
        **options: Any,
    ) -> list[Any]:
        """`batch` for asynchronous code."""
        given = _paired(inputs, config)
        slots = asyncio.Semaphore(_at_once(given))
        found: dict[int, Any] = {}

        async def work(lane: Sequence[int]) -> None:
            async with slots:
                for index in lane:
                    found[index] = await _aoutcome(partial(self.ainvoke, *given[index], **options))

        await asyncio.gather(*map(work, _lanes(given)))
        return _results(found, return_exceptions=return_exceptions)


def _paired(inputs: Sequence[Any], config: Config | Sequence[Config] | None) -> list[tuple[Any, Config | None]]:
    if config is None or isinstance(config, Mapping):
        return [(one, config) for one in inputs]
    if len(config) != len(inputs):
        raise InvalidOption(
            f"config must be a list of the same length as inputs, but got {len(config)} configs for {len(inputs)} "
            "inputs. Give one for each, or one for all."
        )
    return list(zip(inputs, config, strict=True))


def _lanes(given: Sequence[tuple[Any, Config | None]]) -> list[list[int]]:
    """The calls that may run at once; those on one thread are in one lane."""
    lanes: dict[str, list[int]] = {}
    for index, (_, config) in enumerate(given):
        lanes.setdefault(str(((config or {}).get("configurable") or {}).get("thread_id")), []).append(index)
    return list(lanes.values())


def _at_once(given: Sequence[tuple[Any, Config | None]]) -> int:
    first = given[0][1] if given else None
    limit = (first or {}).get("max_concurrency")
    calling.check_limit("max_concurrency", limit)
    return limit or AT_ONCE


def _each(work: Callable[[list[int]], None], lanes: Sequence[list[int]], *, at_once: int) -> None:
    if not lanes:
        return
    with ThreadPoolExecutor(min(at_once, len(lanes)), thread_name_prefix="hitl-batch") as threads:
        context = contextvars.copy_context
        for future in [threads.submit(context().run, partial(_quietly, work, lane)) for lane in lanes]:
            future.result()


def _quietly(work: Callable[[list[int]], None], lane: list[int]) -> None:
    try:
        work(lane)
    finally:
        pool.close_connections()


def _outcome(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        return _Raised(error)


async def _aoutcome(call: Callable[[], Awaitable[Any]]) -> Any:
    try:
        return await call()
    except Exception as error:
        return _Raised(error)


class _Raised:
    def __init__(self, error: Exception) -> None:
        self.error = error


def _results(found: Mapping[int, Any], *, return_exceptions: bool) -> list[Any]:
    results = [found[index] for index in sorted(found)]
    for one in results:
        if isinstance(one, _Raised) and not return_exceptions:
            raise one.error
    return [one.error if isinstance(one, _Raised) else one for one in results]
