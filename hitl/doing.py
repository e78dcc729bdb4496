"""Doing what a call is to do: from the cache, within its time, in one transaction with its result, or plainly."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from hitl import caching, codec, pool, recording, timeouts
from hitl.errors import JournalUnreachable, LeaseLost
from hitl.facts import Fact
from hitl.journal import inline
from hitl.scope import Call

logger = logging.getLogger(__name__)


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
    if work.cache is not None and await asyncio.to_thread(_from_cache, call):
        return
    call.beat()
    if work.timeout is None:
        call.value = await work.function(*work.args, **work.kwargs)
    else:
        begin = partial(work.function, *work.args, **work.kwargs)
        thread_id = call.leg.turn.thread_id
        call.value = await timeouts.limited(
            begin, work.timeout, name=call.name, thread_id=thread_id, last_beat=lambda: call.last_beat
        )


def keep(call: Call, fact: Fact) -> None:
    """Put a recorded result into the cache."""
    if call.cache_key and not call.cached:
        put = partial(_put, call, fact.value)
        if inline.get():
            put()
        else:
            pool.submit(put)


def _put(call: Call, text: str | None) -> None:
    cache, policy = caching.current(call.leg.cache), call.work.cache
    assert cache is not None and policy is not None
    try:
        cache.set(call.cache_key, text, timeout=policy.ttl)
    except Exception as error:
        # A cache that is away costs a run of the task next time, no more.
        logger.warning("The result of %s() could not be cached: %s", call.name, error)


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
    call.cache_key = caching.full_key(work.cache, work.cache_name, work.args, work.kwargs, cache)
    text = cache.get(call.cache_key)
    if text is None:
        return False
    call.value, call.cached = codec.decode(text), True
    return True
