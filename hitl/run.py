"""Running a thread: claim, pass after pass over the body, and the transaction that ends each pass.

`run_thread` is what executors call; a graph called in code uses `execute` with a lease of its own. Either
way the journal says what is left to do, and the lease who does it.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from hitl import conf, divergence, logs, observing, pulse, transitions
from hitl.ending import Ending, Outcome
from hitl.errors import HitlError, JournalUnreachable, LeaseLost, RunCancelled, RunStopped
from hitl.journal import inline
from hitl.lease import Lease, lost
from hitl.leg import Leg
from hitl.running import Emit
from hitl.store import Store
from hitl.turn import Turn

if TYPE_CHECKING:
    from hitl.workflow import Workflow

logger = logging.getLogger(__name__)


# How a turn is ended under whoever runs it, and what that one is told.
STOPS = {
    "cancel": "The run of thread {} was cancelled. What it had finished is kept.",
    "discard": "The run of thread {} was given up for new input. What it had finished is kept.",
    "rollback": "The run of thread {} was rolled back for new input. What it had finished counts no more.",
}
LOOK_BACK = 20


@dataclasses.dataclass(frozen=True, slots=True)
class Setting:
    """What stays the same over the passes of a run."""

    workflow: Workflow
    store: Store
    lease: Lease
    config: dict[str, Any]
    emit: Emit
    context: Any = None
    durability: str = "sync"
    tells_tasks: bool = False
    leg_type: type[Leg] = Leg

    def leg(self, turn: Turn) -> Leg:
        return self.leg_type(
            self.store,
            self.lease,
            turn,
            config=self.config,
            emit=self.emit,
            inline=inline.get(),
            code_version=self.workflow.code_version,
            context=self.context,
            durability=self.durability,
            cache=self.workflow.cache,
            retry=self.workflow.retry,
            tells_tasks=self.tells_tasks,
            node=self.workflow.node,
        )


def run_thread(thread_id: str) -> bool:
    """Run a thread if it has something to run and nobody else does. Returns whether this process ran it.

    Never raises for what the workflow does: its failure is recorded. Threads of workflows, or of their
    versions, that this process does not know are left alone (rules 14 and 38).
    """
    return _run(thread_id) or (_begin_due(thread_id) and _run(thread_id))


def _begin_due(thread_id: str) -> bool:
    """A nudge for a start whose time has come (hitl.line) finds it still in line."""
    from hitl import verbs
    from hitl.checkpoint.database import saver
    from hitl.models import Run

    def begin() -> bool:
        return Run.objects.using(store.alias).of(thread_id).startable().exists() and verbs.begin_due(thread_id)

    store = saver()
    return store.submit(begin, key=thread_id).result()


def _run(thread_id: str) -> bool:
    from hitl import executors, registry
    from hitl.checkpoint.database import saver

    store = saver()
    thread = store.call(partial(store.thread, thread_id), key=thread_id)
    workflow = registry.find(thread.workflow, version=thread.workflow_version) if thread is not None else None
    if thread is None or workflow is None or thread.status != "busy":
        return False
    lease = store.call(
        partial(store.transact, thread_id, claiming(workflow), closed=True, turn=True, repeatable=True), key=thread_id
    )
    if lease is None:
        return False
    setting = Setting(workflow, store, lease, workflow.config_of(thread), tell_nobody)
    with logs.about(thread_id=thread_id, workflow=workflow.name):
        try:
            outcome = perform(setting)
            tell_log(outcome)
            if outcome.goes_on:
                executors.current().nudge(thread_id, workflow=workflow.name)
        except (RunStopped, JournalUnreachable) as error:
            logger.warning("%s", error)
    return True


def tell_log(outcome: Outcome) -> None:
    """A line on how the run left its thread; of a failure the class alone, since messages quote values."""
    run = {"run_id": outcome.run_id}
    if outcome.error is not None:
        logger.warning("The run failed with %s; its page has the rest.", type(outcome.error).__name__, extra=run)
    else:
        logger.info("The run ended: %s.", outcome.kind, extra=run)


def tell_nobody(mode: str, payload: Any, ns: tuple[str, ...] = ()) -> None:
    """An executor's runs are watched through the journal."""


def claiming(workflow: Workflow) -> Callable[[Any], Lease | None]:
    """The transition that claims a thread for this workflow in this process."""
    return partial(
        transitions.claim,
        workflow=workflow.name,
        version=workflow.version,
        lease_seconds=conf.settings().lease_seconds,
        code_version=workflow.code_version,
    )


def perform(setting: Setting) -> Outcome:
    """`execute` from synchronous code, whichever kind of function it is."""
    return asyncio.run(aexecute(setting)) if setting.workflow.is_async else execute(setting)


def execute(setting: Setting) -> Outcome:
    """Run the thread under this lease until it is finished, paused or failed.

    Raises LeaseLost, RunCancelled or JournalUnreachable when it was taken away; the outcome has the rest.
    """
    with observing.Leg(setting.workflow.name) as observed:
        outcome = _passes(setting)
        observed.outcome = outcome.kind
    return outcome


async def aexecute(setting: Setting) -> Outcome:
    """The same on the running event loop, which never waits for the database."""
    with observing.Leg(setting.workflow.name) as observed:
        outcome = await _apasses(setting)
        observed.outcome = outcome.kind
    return outcome


def _passes(setting: Setting) -> Outcome:
    store, thread_id = setting.store, setting.lease.thread_id
    while True:
        leg = setting.leg(_known_turn(setting) or store.call(partial(_turn, setting), key=thread_id))
        with _kept(leg):
            ending = Ending(leg, *leg.run(partial(setting.workflow.body, leg)))
            if store.call(partial(_settle, setting, leg, ending), key=thread_id):
                setting.workflow.cached.keep(leg, ending.result)
                return ending.outcome


async def _apasses(setting: Setting) -> Outcome:
    store, thread_id = setting.store, setting.lease.thread_id
    while True:
        leg = setting.leg(await asyncio.wrap_future(store.submit(partial(_turn, setting), key=thread_id)))
        with _kept(leg):
            ending = Ending(leg, *await leg.arun(partial(setting.workflow.abody, leg)))
            if await asyncio.wrap_future(store.submit(partial(_settle, setting, leg, ending), key=thread_id)):
                if leg.cache_key:
                    await asyncio.to_thread(setting.workflow.cached.keep, leg, ending.result)
                return ending.outcome


def _known_turn(setting: Setting) -> Turn | None:
    """The open turn as it was when the lease was taken, where that is known."""
    opened = setting.lease.kept.take_turn()
    return Turn(opened) if opened else None


def _turn(setting: Setting) -> Turn:
    """The open turn. Raises what took the run away, if something did: between two passes nobody else would notice."""
    if known := _known_turn(setting):
        return known
    store, lease = setting.store, setting.lease
    opened = store.load(lease.thread_id)
    if opened.thread.lease_epoch != lease.epoch:
        raise _why_lost(store, lost(lease), lease)
    return Turn(opened)


def _settle(setting: Setting, leg: Leg, ending: Ending) -> bool:
    """Write how the pass ended; whether the leg is over. Raises what took the run away, if something did."""
    store = setting.store
    try:
        # What was posted before is written by now, or has stopped the leg.
        stopped = leg.stopped.error if leg.stopped else None
        if isinstance(stopped, (RunStopped, JournalUnreachable)):
            raise stopped
        divergence.explain(store, ending.outcome.error)
        return store.settle(setting.lease, ending.write, loaded_seq=leg.turn.loaded_seq)
    except LeaseLost as error:
        raise _why_lost(store, error, setting.lease) from None


def _why_lost(store: Store, error: LeaseLost, lease: Lease) -> HitlError:
    """Whether somebody ended the turn; what is told is the last that may have followed."""
    thread = store.thread(lease.thread_id)
    since = store.facts(lease.thread_id, after=max(0, thread.seq - LOOK_BACK)) if thread is not None else []
    ended = next((fact.kind for fact in since if fact.epoch == lease.epoch + 1 and fact.kind in STOPS), None)
    return RunCancelled(STOPS[ended].format(repr(lease.thread_id))) if ended else error


@contextlib.contextmanager
def _kept(leg: Leg) -> Iterator[None]:
    """The lease is prolonged for as long as the pass takes, its last transaction included."""
    if inline.get():
        yield
        return
    pulse.attach(leg)
    try:
        yield
    finally:
        pulse.detach(leg)
