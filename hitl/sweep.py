"""The sweep: finds what a lost nudge, a dead executor or a timer left to do (rules 22, 38, 40)."""

from __future__ import annotations

import logging

from hitl import conf, discreet, executors, observing, pool, presence, retention, schedules, verbs
from hitl.checkpoint.database import saver
from hitl.errors import HitlError
from hitl.executors.base import RETRY_SECONDS
from hitl.lease import owner_is_dead
from hitl.models import Interrupt, Run, Thread
from hitl.observing import Observer

BATCH = 500
MAX_BACK_OFF_SECONDS = 3600.0
# More of them say nothing, and a float cannot hold a thousand.
MOST_DOUBLINGS = 20

logger = logging.getLogger(__name__)
housekeeping = retention.Housekeeping()


def sweep(*, at_start: bool = False) -> int:
    """Release held answers whose window is over and nudge threads that are due. Returns how many were found.

    at_start: this process has just started, or its broker: nudges that were taken along then are sent again,
        and the wait for the next ones begins anew.
    A thread that keeps being due is nudged after 30 s, then after twice as long each time.
    """
    found = tidy() + _nudge(at_start=at_start)
    presence.swept()
    housekeeping.do_some()
    return found


def safely(*, at_start: bool = False) -> bool:
    """`sweep` for whoever does it again soon: what fails is logged. Returns whether it came to its end."""
    try:
        sweep(at_start=at_start)
    except Exception as error:
        logger.warning("The sweep failed and will be tried again: %s", discreet.plain(error))
        saver().renew_connection()
        return False
    finally:
        pool.close_connections()
    return True


def tidy() -> int:
    """The part of it that needs no executor: release held answers, end the leases of dead processes,
    begin starts whose time has come, and fire schedules."""
    released, freed, begun = _release(), _free_dead_leases(), _begin_due() + schedules.fire_due()
    observing.tell(Observer.swept, released=released, freed=freed, begun=begun)
    return released + freed + begun


def _release() -> int:
    alias = conf.settings().database
    held = Interrupt.objects.using(alias).releasable().values_list("id", flat=True)[:BATCH]
    count = 0
    for question_id in list(held):
        try:
            count += verbs.release(question_id)
        except HitlError:
            continue
    return count


def _begin_due() -> int:
    """Begin starts that waited for their time (hitl.line)."""
    due = Run.objects.using(conf.settings().database).startable().values_list("thread_id", flat=True)[:BATCH]
    count = 0
    for thread_id in dict.fromkeys(due):
        try:
            count += verbs.begin_due(thread_id)
        except HitlError:
            continue
    return count


def _free_dead_leases() -> int:
    """End leases whose process is known to be gone, so that nobody waits for them to run out."""
    alias = conf.settings().database
    leased = Thread.objects.using(alias).leased().values_list("id", "lease_owner", "lease_epoch")[:BATCH]
    count = 0
    for thread_id, owner, epoch in list(leased):
        if owner_is_dead(owner):
            count += Thread.objects.using(alias).end_lease(thread_id, epoch=epoch)
    return count


def _nudge(*, at_start: bool) -> int:
    executor = executors.current()
    if not executor.nudges_here():
        # A nudge that reaches nobody must not keep a sweep elsewhere from sending one that does.
        return 0
    threads = Thread.objects.using(conf.settings().database)
    due = threads.unclaimed() if at_start else threads.due()
    known = executor.known()
    if known is not None:
        due = due.of_any(known)
    found = list(due.values_list("id", "workflow", "nudges")[:BATCH])
    for thread_id, workflow, nudges in found:
        doublings = 0 if at_start else min(nudges, MOST_DOUBLINGS)
        wait = min(RETRY_SECONDS * 2**doublings, MAX_BACK_OFF_SECONDS)
        if threads.nudged(thread_id, retry_seconds=wait, is_first=at_start):
            executor.nudge(thread_id, workflow=workflow)
    observing.tell(Observer.nudged, len(found))
    return len(found)
