"""Doing what a call is to do: from the cache, within its time, in one transaction with its result, or plainly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from hitl import caching, pool, recording, timeouts
from hitl.errors import JournalUnreachable, LeaseLost
from hitl.facts import Fact
from hitl.journal import inline
from hitl.scope import Call


def run(call: Call) -> None:
    """Set the call's value; raises what its function raises."""
    if _from_cache(call):
        return
    if call.work.atomic:
        try:
            call.leg.store.atomically(call.leg.lease, partial(_written, call))
        except (LeaseLost, JournalUnreachable) as error:
            raise call.leg.stop(error) from error
    else:
        call.value = call.work.function(*call.work.args, **call.work.kwargs)


async def arun(call: Call) -> None:
    """The same for a coroutine function."""
    work = call.work
    if work.cache is not None and await asyncio.to_thread(_found_elsewhere, call):
        return
    if work.timeout is None:
        call.value = await work.function(*work.args, **work.kwargs)
    else:
        begin = partial(work.function, *work.args, **work.kwargs)
        call.value = await timeouts.limited(begin, work.timeout, name=call.name, scope=call)


def keep(call: Call, fact: Fact, then: Callable[[], None]) -> None:
    """Put a recorded result into the cache, if it belongs there, and `then` go on."""
    if not call.cache_key or call.cached:
        then()
    elif inline.get():
        _put(call, fact.value, then)
    else:
        # A journal thread must not wait for a cache.
        pool.submit(partial(_put, call, fact.value, then))


def _put(call: Call, text: str | None, then: Callable[[], None]) -> None:
    cache, policy = caching.current(call.leg.cache), call.work.cache
    assert cache is not None and policy is not None and text is not None
    caching.put(cache, call.cache_key, text, ttl=policy.ttl, name=call.name)
    then()


def _written(call: Call) -> list[Fact]:
    """Run within the store's transaction; what is returned is appended in it."""
    call.value = call.work.function(*call.work.args, **call.work.kwargs)
    call.written = recording.result(call)
    return [call.written]


def _from_cache(call: Call) -> bool:
    work = call.work
    cache = caching.current(call.leg.cache) if work.cache is not None else None
    if cache is None or work.cache is None:
        return False
    call.cache_key, found = caching.find(cache, work.cache, work.cache_name, work.args, work.kwargs, name=call.name)
    if found is not None:
        call.value, call.cached = found.value, True
    return call.cached


def _found_elsewhere(call: Call) -> bool:
    """The same in a thread that is not ours to leave a connection in."""
    try:
        return _from_cache(call)
    finally:
        pool.close_connections()
