"""The pulse of a process: prolongs the leases of running legs and flushes their buffered events.

One thread, started with the first leg. A lease that no longer stands ends its leg at once (rule 28). A process that was
stopped for longer than its leases last has had no pulse either, and others may have gone on in its place: so a call
does not begin on a lease whose time has passed before that was prolonged (`prolong_first`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from threading import Condition, Thread
from time import monotonic
from typing import TYPE_CHECKING

from hitl import conf, discreet, forked
from hitl.errors import HandedBack, HitlError
from hitl.lease import Lease, lost
from hitl.store import Store

if TYPE_CHECKING:
    from hitl.leg import Leg
    from hitl.running import Running

FLUSH_SECONDS = 0.25

logger = logging.getLogger(__name__)
_condition = Condition()
_legs: set[Leg] = set()
_thread: Thread | None = None


def attach(leg: Leg) -> None:
    """Keep this leg's lease until `detach`."""
    global _thread
    with _condition:
        _legs.add(leg)
        if _thread is None or not _thread.is_alive():
            _thread = Thread(target=_beat, name="hitl-pulse", daemon=True)
            _thread.start()
        elif len(_legs) == 1:
            _condition.notify()


def detach(leg: Leg) -> None:
    with _condition:
        _legs.discard(leg)


@forked.in_child
def _begin_anew() -> None:
    """The legs are the parent's: if it dies, nobody is to keep their leases."""
    global _condition, _legs, _thread
    _condition, _legs, _thread = Condition(), set(), None


def hand_back() -> None:
    """Stop every leg of this process and give its lease to whoever comes next."""
    with _condition:
        legs = list(_legs)
    for leg in legs:
        lease = leg.lease
        leg.stop(
            HandedBack(
                f"This process stops: the run of thread {lease.thread_id!r} was handed back. Another executor goes on "
                "from its last recorded fact."
            )
        )
        try:
            leg.store.submit(partial(leg.store.hand_back, lease)).result()
        except Exception as error:
            logger.warning(
                "Thread %s could not be handed back; its lease will run out: %s", lease.thread_id, discreet.plain(error)
            )


def _beat() -> None:
    renewed = monotonic()
    while True:
        with _condition:
            while not _legs:
                _condition.wait()
                renewed = monotonic()
            legs = list(_legs)
        for leg in legs:
            if leg.buffer:
                leg.flush()
        if monotonic() - renewed >= conf.settings().lease_seconds / 3:
            renewed = monotonic()
            _renew(legs)
        with _condition:
            _condition.wait(FLUSH_SECONDS)


def _renew(legs: list[Leg]) -> None:
    by_store: dict[Store, dict[Lease, Leg]] = {}
    for leg in legs:
        by_store.setdefault(leg.store, {})[leg.lease] = leg
    for store, held in by_store.items():
        future = store.submit(partial(_prolong, store, list(held)))
        try:
            gone = future.result()
        except Exception as error:
            # The database is away; the lease may run out meanwhile, and the fence will say so.
            logger.warning("Leases could not be prolonged: %s", discreet.plain(error))
            continue
        for lease in gone:
            error_: HitlError = lost(lease)
            held[lease].stop(error_)


def _prolong(store: Store, leases: list[Lease]) -> list[Lease]:
    """Returns those that no longer stand."""
    began, seconds = monotonic(), conf.settings().lease_seconds
    gone = store.renew(leases, lease_seconds=seconds)
    for lease in leases:
        lease.kept.held_until = began + seconds
    return gone


def prolong_first(leg: Running, work: Callable[[], None]) -> None:
    """Prolong the leg's lease, or stop the leg where others have it; then do the work, which looks which it was.

    Where the database cannot be asked, the work is done all the same: nothing of it is recorded without the lease.
    """

    def prolonged(future: Future[list[Lease]]) -> None:
        if future.exception() is None and future.result():
            leg.stop(lost(leg.lease))
        work()

    leg.store.submit(partial(_prolong, leg.store, [leg.lease])).add_done_callback(prolonged)
