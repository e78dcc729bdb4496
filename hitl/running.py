"""Running the calls of a pass and recording how they end, one class below the leg.

A call moves from queued over running and returned to being recorded, and is done when its future is resolved. Its
outcome reaches the body only when it is durable (rule 34), a failure with a retry policy is tried again first
(rule 25), and a call that can go no further without an answer is paused until nothing else moves (rule 16).
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import InvalidStateError
from datetime import UTC, datetime
from functools import partial
from threading import Event, RLock
from time import monotonic
from typing import Any

from hitl import attempts, codec, doing, failures, observing, pool, pulse, recording, telling
from hitl.errors import HitlError, LeaseLost
from hitl.events import Buffer
from hitl.facts import Fact
from hitl.futures import AsyncTaskFuture, TaskFuture
from hitl.journal import running_loop
from hitl.lease import Lease
from hitl.observing import Observer
from hitl.scope import Call, Scope, State, current
from hitl.signals import Pause, Signal, Stop
from hitl.slots import Slots
from hitl.stillness import Stillness
from hitl.store import Store
from hitl.turn import Turn

Emit = Callable[..., None]


class Running(ABC):
    """What `hitl.leg.Leg` does with a call from its start to its end. The leg has the body, replay and the end."""

    store: Store
    lease: Lease
    turn: Turn
    emit: Emit
    lock: RLock
    body: Scope
    stopped: Stop | None
    buffer: Buffer
    asked: list[Fact]
    sleepers: list[datetime]
    withheld: list[Fact]
    loop: asyncio.AbstractEventLoop | None
    _tells_tasks: bool
    _inline: bool
    _durability: str
    _over: Event
    _stillness: Stillness
    _slots: Slots
    _unresolved: set[Call]
    _raised: list[tuple[Call, BaseException]]
    _caller: asyncio.Task[Any] | None

    @abstractmethod
    def stop(self, error: HitlError) -> Stop: ...

    @abstractmethod
    def _interrupted(self, error: BaseException) -> None: ...

    @abstractmethod
    def _wake_if_idle(self) -> None: ...

    # Running

    def _start(self, call: Call) -> None:
        if self.lease.claims > 1 and call.path not in self.turn.calls:
            self._note_start(call)
        else:
            self._begin(call)

    def _begin(self, call: Call) -> None:
        wait = attempts.remaining_seconds(self.turn, call.path, now=self.lease.now())
        if attempts.is_long(wait):
            self._sleep_on(call, self.turn.due[call.path])
        else:
            self._after_seconds(wait, call, partial(self._execute, call))

    def _execute(self, call: Call) -> None:
        if monotonic() > self.lease.kept.held_until:
            pulse.prolong_first(self, partial(self._attempt, call))
        else:
            self._attempt(call)

    def _attempt(self, call: Call) -> None:
        if self.stopped is not None:
            return
        call.started_at, call.attempt_began = datetime.now(UTC), monotonic()
        if call.work.is_async:
            call.context.run(current.set, call)
            self._on_loop(partial(self._start_async, call))
        elif self._inline:
            # A copy, since an attempt that is tried again at once is still within its own.
            call.context.copy().run(self._run_sync, call)
        else:
            pool.submit(partial(call.context.run, self._run_sync, call))

    def _start_async(self, call: Call) -> None:
        assert self.loop is not None
        if self.stopped is None:
            call.running = self.loop.create_task(self._run_async(call), context=call.context)

    def _run_sync(self, call: Call) -> None:
        if self.stopped is not None:
            # It waited in the pool for so long that the leg is over: it has not begun, and does not.
            return
        token = current.set(call)
        try:
            doing.run(call)
        except Signal:
            pass
        except BaseException as error:
            call.error = error
        finally:
            current.reset(token)
        self._returned(call)

    async def _run_async(self, call: Call) -> None:
        try:
            await doing.arun(call)
        except Signal:
            pass
        except BaseException as error:
            if is_cancelled(error) and (call.abandoned is None or self._leaving()):
                # The event loop shuts down, or whoever started the run goes away. That is no outcome of the call.
                self._interrupted(error)
            call.error = error
        self._returned(call)

    def _leaving(self) -> bool:
        return self._caller is not None and self._caller.cancelling() > 0

    def _after_seconds(self, wait: float, call: Call, work: Callable[[], Any]) -> None:
        """Do it then, unless the leg is stopped by then; the call holds its slot, and nobody is paused meanwhile."""
        if wait <= 0:
            work()
        elif self.loop is not None and call.work.is_async:
            self._on_loop(partial(self.loop.call_later, wait, work))
        elif self._inline:
            if not self._over.wait(wait):
                work()
        else:
            pool.submit(lambda: self._over.wait(wait) or work())

    def _sleep_on(self, call: Call, until: datetime) -> None:
        """A timer brings the call back: for this leg it is paused."""
        with self.lock:
            self.sleepers.append(until)
            call.blocked = True
            call.state = State.RETURNED
            record, resolved = self._completed(call)
        self._after(record, resolved)

    def sleep(self, scope: Scope, until: datetime) -> None:
        """The scope's code goes on at that time, in another leg."""
        with self.lock:
            self.sleepers.append(until)
            scope.blocked = True

    def abandon(self, call: Call) -> None:
        """The caller cancelled the future. A pause that is on its way must not cut a sibling off."""
        with self.lock:
            pausing = self._stillness.paused or self.asked or self.body.blocked
        if not pausing and call.abandoned is None:
            call.abandoned = (datetime.now(UTC) - call.started_at).total_seconds()
            if call.running is not None:
                call.running.cancel()

    def _note_start(self, call: Call) -> None:
        """After a crash a call is on record before it begins, so that a deadly one can be named (rule 27)."""
        call.noted = True
        # With what is buffered: no call is recorded without the branch that led to it.
        facts = [*self.buffer.take(), recording.fact(call, "call")]
        self.store.post(self.lease, facts, partial(self._begin_noted, call))

    def _begin_noted(self, call: Call, error: BaseException | None) -> None:
        if error is not None:
            self._noted(error)
        elif self.stopped is None:
            self._begin(call)

    def _noted(self, error: BaseException | None) -> None:
        if error is not None:
            self.stop(error if isinstance(error, HitlError) else _lost(self.lease, error))

    def _returned(self, call: Call) -> None:
        with self.lock:
            if self.stopped is not None:
                return
            call.state = State.RETURNED
            self._stillness.weigh(call)
            record, resolved = self._completed(call)
        self._after(record, resolved)

    def _completed(self, call: Call) -> tuple[Call | None, list[Call]]:
        """A returned call whose own calls are resolved: to be recorded, or paused. With the lock held."""
        if call.children:
            return None, self._stillness.settled()
        if call.blocked:
            self._slots.free(call)
            return None, self._stillness.pause(call)
        call.state = State.RECORDING
        self._stillness.weigh(call)
        return call, []

    def _after(self, record: Call | None, resolved: list[Call]) -> None:
        """What is to be done without the lock once the counts have changed."""
        if record is not None:
            self._record(record)
        self._raise_in(resolved)
        self._pump()

    def _pump(self) -> None:
        """Start what waited for a slot."""
        while True:
            with self.lock:
                call = self._slots.next()
            if call is None:
                return
            self._start(call)

    # Outcomes

    def _record(self, call: Call) -> None:
        if call.abandoned is not None and call.written is None:
            # Its caller went on as if it had none, whatever a thread that cannot be cancelled has brought.
            call.error = asyncio.CancelledError()
        wait = attempts.wait_seconds(call)
        if wait is not None:
            self._observe(call, "retried")
            self._note_attempt(call, wait)
            return
        fact = recording.outcome(call)
        self._observe(call, "failed" if call.error else "cached" if call.cached else "succeeded")
        if call.written is not None:
            self._recorded(call, call.written, None)
        elif self._durability == "sync":
            self.store.record(self.lease, [*self.buffer.take(), fact], partial(self._recorded, call, fact))
        else:
            self._write_later([*self.buffer.take(), fact])
            self._recorded(call, fact, None)

    def _observe(self, call: Call, outcome: str) -> None:
        seconds = monotonic() - call.attempt_began
        observing.tell(Observer.task_ended, self.turn.workflow, call.name, outcome, seconds)

    def _write_later(self, facts: list[Fact]) -> None:
        """The next call may start before these are durable (rule 34); a question or the output comes behind them."""
        if self._durability == "exit":
            with self.lock:
                self.withheld += facts
        else:
            self.store.post(self.lease, facts, self._noted)

    def _recorded(self, call: Call, fact: Fact, error: BaseException | None) -> None:
        if error is not None:
            self.stop(error if isinstance(error, HitlError) else _lost(self.lease, error))
            return
        with self.lock:
            self.turn.remember(fact)
        if call.error is not None:
            raised = failures.as_heard(call.error, fact.detail)
            self._raised.append((call, raised))
            if self._tells_tasks:
                self.emit("tasks", telling.ended(call, None, raised), call.namespace)
            self._deliver(call, None, raised, then=self._done)
            return
        try:
            value = codec.decode(fact.value or "null")
        except HitlError as unreadable:
            self.stop(unreadable)
            return
        self.emit("updates", telling.update(call, value), call.namespace)
        if self._tells_tasks and not call.cached:
            self.emit("tasks", telling.ended(call, value, None), call.namespace)
        doing.keep(call, fact, partial(self._deliver, call, value, None, then=self._done))

    def _note_attempt(self, call: Call, wait: float) -> None:
        assert call.error is not None
        failed = attempts.fact(self.turn, call, error=call.error, wait=wait)
        facts = [*self.buffer.take(), failed]
        if self._durability == "exit":
            self._write_later(facts)
            self._try_again(call, failed, wait, None)
        else:
            self.store.post(self.lease, facts, partial(self._try_again, call, failed, wait))

    def _try_again(self, call: Call, failed: Fact, wait: float, error: BaseException | None) -> None:
        if error is not None:
            self._noted(error)
            return
        with self.lock:
            if self.stopped is not None:
                return
            self.turn.remember(failed)
            self.turn.void(failed.detail["void"])
            call.try_again()
            self._slots.retake(call)
            self._stillness.weigh(call)
        if attempts.is_long(wait):
            self._sleep_on(call, datetime.fromisoformat(failed.detail["due"]))
        else:
            self._after_seconds(wait, call, partial(self._execute, call))

    def _deliver(
        self, call: Call, value: Any, error: BaseException | None, *, then: Callable[[Call], None] | None = None
    ) -> None:
        """Resolve the future where its callbacks may run, `then` let the leg know."""
        work = partial(self._resolve, call, value, error, then)
        if isinstance(call.future, AsyncTaskFuture):
            self._on_loop(work)
        elif call.future.resolving() and not self._inline:
            # Callbacks are the user's code; a journal thread must not run them.
            pool.submit(work)
        else:
            work()

    def _resolve(
        self, call: Call, value: Any, error: BaseException | None, then: Callable[[Call], None] | None
    ) -> None:
        if error is not None and not isinstance(error, Signal):
            with self.lock:
                call.failure = True
                call.parent.failed(call.path)
        # A stop may come between, from another thread; the first outcome stays.
        with contextlib.suppress(asyncio.InvalidStateError, InvalidStateError):
            if error is None:
                call.future.set_result(value)
            else:
                call.future.set_exception(
                    error if isinstance(call.future, TaskFuture) else failures.for_coroutine(error)
                )
                if isinstance(call.future, AsyncTaskFuture) and isinstance(error, Signal):
                    call.future.forgive()
        if then is not None:
            then(call)

    def _done(self, call: Call) -> None:
        with self.lock:
            if self.stopped is not None:
                return
            call.state = State.DONE
            self._unresolved.discard(call)
            self._stillness.weigh(call)
            self._slots.free(call)
            record, resolved = self._child_resolved(call.parent)
        self._after(record, resolved)

    def _child_resolved(self, scope: Scope) -> tuple[Call | None, list[Call]]:
        """One of its calls has its future resolved. With the lock held."""
        scope.children -= 1
        if isinstance(scope, Call) and not scope.children:
            if scope.state is State.RETURNED:
                return self._completed(scope)
            self._slots.retake(scope)
            self._stillness.weigh(scope)
        resolved = self._stillness.settled()
        self._wake_if_idle()
        return None, resolved

    # When nothing moves any more

    def _raise_in(self, calls: list[Call]) -> None:
        for call in calls:
            with self.lock:
                call.parent.blocked = True
                self._unresolved.discard(call)
            self._deliver(call, None, Pause(), then=self._passed_on)

    def _passed_on(self, call: Call) -> None:
        with self.lock:
            if self.stopped is not None:
                return
            record, resolved = self._child_resolved(call.parent)
        self._after(record, resolved)

    # The event loop

    def _on_loop(self, work: Callable[[], Any]) -> None:
        if running_loop() is self.loop:
            work()
        else:
            self._soon_on_loop(work)

    def _soon_on_loop(self, work: Callable[[], Any]) -> None:
        assert self.loop is not None
        # A loop that was closed meanwhile has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(work)


def is_cancelled(error: BaseException) -> bool:
    """Whether the running asyncio task was cancelled, and did not only wait for something that was."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _lost(lease: Lease, error: BaseException) -> HitlError:
    return LeaseLost(
        f"The result of a call on thread {lease.thread_id!r} could not be recorded: {type(error).__name__}."
    )
