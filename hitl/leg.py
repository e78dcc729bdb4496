"""One pass over a workflow's body: replay what is recorded, run what is not, stop at a question.

The body runs as plain code; the leg stands behind every engine call it makes.

Replay. A call that the journal holds is answered from there; any other runs, and its outcome reaches the
body only after it is durable, decoded from what was stored, so that the first leg and a replay cannot
differ (rules 12, 30, 34).

Pausing. A question without an answer raises a signal in its scope, and every engine call there raises it
again. The future of a paused call stays unresolved until nothing else moves: no task that has no
unresolved child of its own is queued, running or being recorded. Then the paused futures raise the signal
in whoever waits for them, which may pause those, and so on up to the body (rule 16). A task that has
returned is done only when its own calls are, and paused if one of them is.

The record decides. What the body returned or swallowed counts only if no question is open and every
started task is recorded.

Stopping. Cancel, a lost lease, divergence and an unreachable journal end the leg at once: every
unresolved future raises, and what still runs runs out unrecorded (rule 28).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import InvalidStateError
from datetime import UTC, datetime
from functools import partial
from threading import Event, RLock
from time import monotonic
from typing import Any

from hitl import attempts, binding, codec, divergence, doing, failures, pool, recording, telling
from hitl.caching import Cache
from hitl.divergence import Divergence
from hitl.errors import HitlError, LeaseLost
from hitl.events import Buffer
from hitl.facts import Fact
from hitl.futures import AsyncTaskFuture, TaskFuture
from hitl.retrying import Policies
from hitl.scope import Call, Namespace, Scope, State, Work, current
from hitl.signals import Pause, Signal, Stop
from hitl.slots import Slots
from hitl.stillness import Stillness
from hitl.store import Lease, Store
from hitl.turn import Turn

Emit = Callable[..., None]
Ended = tuple[Any, BaseException | None]
NOT_YET: Ended = (None, None)


class Leg:
    """One pass. `run` or `arun` it once; then `asked`, `undelivered` and the outcome say what to write."""

    def __init__(
        self,
        store: Store,
        lease: Lease,
        turn: Turn,
        *,
        config: dict[str, Any],
        emit: Emit,
        inline: bool = False,
        code_version: str = "",
        context: Any = None,
        durability: str = "sync",
        cache: Cache | None = None,
        retry: Policies = (),
        tells_tasks: bool = False,
        node: str = "",
    ) -> None:
        self.store = store
        self.lease = lease
        self.turn = turn
        self.emit = emit
        self.code_version = code_version
        self.config = config
        self.context = context
        self.cache = cache
        self.retry = retry
        self._tells_tasks = tells_tasks
        self.node = node
        self.lock = RLock()
        self.body = Scope(self)
        self.stopped: Stop | None = None
        self.buffer = Buffer()
        self.asked: list[Fact] = []
        self.rejected: list[tuple[str, str, str]] = []
        self.sleepers: list[datetime] = []
        # What `exit` durability holds back until the pass ends.
        self.withheld: list[Fact] = []
        # Under which the whole run's value is cached, and whether it comes from there.
        self.cache_key = ""
        self.cached = False
        self.loop: asyncio.AbstractEventLoop | None = None
        self._inline = inline
        self._durability = durability
        self._over = Event()
        self._stillness = Stillness()
        self._slots = Slots(config.get("max_concurrency"))
        self._unresolved: set[Call] = set()
        self._blocked: dict[str, Call] = {}
        self._raised: list[tuple[Call, BaseException]] = []
        self._body_over = False
        self._caller: asyncio.Task[Any] | None = None
        self._body_task: asyncio.Task[Ended] | None = None
        self._idle = Event()
        self._idle_async: asyncio.Event | None = None

    # The body

    def run(self, body: Callable[[], Any]) -> Ended:
        """Run the body in this thread until nothing is left to run; returns (value, error)."""
        token = current.set(self.body)
        try:
            ended = self._guarded(body) if self._is_due() else NOT_YET
            self._body_ended()
            self._idle.wait()
        except BaseException as error:
            self._interrupted(error)
            raise
        finally:
            current.reset(token)
        return ended

    async def arun(self, body: Callable[[], Coroutine[Any, Any, Any]]) -> Ended:
        """The same for an asynchronous body, on the running loop."""
        self.loop = asyncio.get_running_loop()
        self._idle_async = asyncio.Event()
        token = current.set(self.body)
        try:
            self._caller = asyncio.current_task()
            self._body_task = self.loop.create_task(self._guarded_async(partial(self._when_due, body)))
            ended = await self._body_task
            self._body_ended()
            await self._idle_async.wait()
        except BaseException as error:
            self._interrupted(error)
            raise
        finally:
            current.reset(token)
        return ended

    def _is_due(self) -> bool:
        """Wait out what is left of the body's back-off; False where it is long, or the leg was stopped."""
        wait = attempts.remaining_seconds(self, "")
        if attempts.is_long(wait):
            self.sleepers.append(self.turn.due[""])
            return False
        return not (wait and self._over.wait(wait))

    async def _when_due(self, body: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """The same on the event loop, and then the body."""
        wait = attempts.remaining_seconds(self, "")
        if attempts.is_long(wait):
            self.sleepers.append(self.turn.due[""])
            return None
        if wait:
            await asyncio.sleep(wait)
        return await body()

    @staticmethod
    def _guarded(body: Callable[[], Any]) -> Ended:
        try:
            return body(), None
        except Signal:
            return None, None
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return None, error

    async def _guarded_async(self, body: Callable[[], Coroutine[Any, Any, Any]]) -> Ended:
        try:
            return await body(), None
        except Signal:
            return None, None
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            if _is_cancelled(error) and (self.stopped is None or self._leaving()):
                raise
            return None, error

    def _interrupted(self, error: BaseException) -> None:
        """Somebody ended this thread of control from outside: the lease runs out, and a sweep takes over."""
        self.stop(LeaseLost(f"The run of thread {self.lease.thread_id!r} was interrupted: {error!r}."))

    def _body_ended(self) -> None:
        with self.lock:
            self._body_over = True
            resolved = self._stillness.settled()
            self._wake_if_idle()
        self._raise_in(resolved)

    def _wake_if_idle(self) -> None:
        if self._body_over and not self.body.children:
            self._wake()

    def _wake(self) -> None:
        self._idle.set()
        if self._idle_async is not None:
            self._on_loop(self._idle_async.set)

    # Signals

    def refuse_if_signalled(self) -> None:
        """Every engine call begins here: after a signal, the same signal again."""
        if self.stopped is not None:
            raise self.stopped
        scope = self._here()
        if scope is not None and scope.signal is not None:
            raise scope.signal

    def signalled(self, signal: Signal) -> None:
        """A future handed a signal to the running code."""
        scope = self._here()
        if scope is not None:
            scope.signal = signal
            scope.blocked = scope.blocked or isinstance(signal, Pause)

    def wait_until_still(self, signal: Signal, timeout: float | None) -> bool:
        """Before a pause is raised in the running code: let the siblings finish. False: it took too long."""
        scope = self._here()
        if scope is None or not isinstance(signal, Pause):
            return True
        still = Event()
        with self._waiting(scope, still.set):
            return still.wait(timeout)

    async def until_still(self, signal: Signal) -> None:
        """The same on the event loop."""
        scope = self._here()
        if scope is None or not isinstance(signal, Pause):
            return
        still = asyncio.Event()
        with self._waiting(scope, partial(self._on_loop, still.set)):
            await still.wait()

    @contextlib.contextmanager
    def _waiting(self, scope: Scope, wake: Callable[[], None]) -> Iterator[None]:
        with self.lock:
            self._stillness.wait(scope, wake)
            if isinstance(scope, Call):
                self._slots.free(scope)
            if self.stopped is not None:
                self._stillness.wake()
            resolved = self._stillness.settled()
        self._after(None, resolved)
        try:
            yield
        finally:
            with self.lock:
                self._stillness.resume(scope)
                if isinstance(scope, Call):
                    self._slots.retake(scope)

    def _here(self) -> Scope | None:
        scope = current.get()
        return scope if scope is not None and scope.leg is self else None

    def stop(self, error: HitlError) -> Stop:
        """End the leg at once."""
        with self.lock:
            if self.stopped is not None:
                return self.stopped
            stopped = self.stopped = Stop(error)
            self._over.set()
            unresolved = list(self._unresolved)
            self._unresolved.clear()
            self._slots.clear()
            self._stillness.wake()
            self._wake()
        for running in (self._body_task, *(call.running for call in unresolved)):
            if running is not None:
                self._soon_on_loop(running.cancel)
        for call in unresolved:
            self._deliver(call, None, stopped)
        return stopped

    def diverged(self, found: Divergence) -> Stop:
        """Stop with NonDeterminism (rule 14)."""
        return self.stop(divergence.error(self, found))

    # Calls

    def call(self, scope: Scope, work: Work) -> TaskFuture | AsyncTaskFuture:
        """A task was called in `scope`: its future, resolved from the journal or started now."""
        self.refuse_if_signalled()
        scope.refuse_if_atomic()
        scope.last_deed = monotonic()
        start, resolved = False, list[Call]()
        try:
            with self.lock:
                if self.stopped is not None:
                    raise self.stopped
                call, record = binding.bind(self, scope, work)
                call.future = self._future(call)
                scope.unobserved += 1
                if record is None or record.kind == "call":
                    record = None
                    start, resolved = self._issue(call)
        except binding.Mismatch as mismatch:
            raise self.diverged(mismatch.divergence) from None
        if self._tells_tasks:
            self.emit("tasks", telling.started(call), call.namespace)
        if record is not None:
            self._replay(call, record)
        elif start:
            self._start(call)
        else:
            self._after(None, resolved)
        return call.future

    def _future(self, call: Call) -> TaskFuture | AsyncTaskFuture:
        if self.loop is not None and _running_loop() is self.loop:
            return AsyncTaskFuture(call, self.loop)
        return TaskFuture(call)

    def _issue(self, call: Call) -> tuple[bool, list[Call]]:
        """Count the call in: whether it starts now, and the paused calls whose time has come."""
        scope = call.parent
        scope.children += 1
        self._unresolved.add(call)
        if isinstance(scope, Call):
            self._slots.free(scope)
            self._stillness.weigh(scope)
        if not self.may_run(call):
            return False, self._stillness.pause(call)
        start = self._slots.admit(call)
        self._stillness.weigh(call)
        return start, []

    def may_run(self, call: Call) -> bool:
        """Whether a call without a recorded outcome runs in this leg, or is parked (rule 17)."""
        return not self.turn.parked(call.path)

    def _replay(self, call: Call, record: Fact) -> None:
        call.state = State.DONE
        if record.kind == "error":
            self._deliver(call, None, failures.rebuild(record.detail))
            return
        try:
            value = codec.decode(record.value or "null")
        except HitlError as error:
            raise self.stop(error) from error
        self._deliver(call, value, None)

    # Running

    def _start(self, call: Call) -> None:
        if self.lease.claims > 1 and call.path not in self.turn.calls:
            self._note_start(call)
        else:
            self._begin(call)

    def _begin(self, call: Call) -> None:
        wait = attempts.remaining_seconds(self, call.path)
        if attempts.is_long(wait):
            self._sleep_on(call, self.turn.due[call.path])
        else:
            self._after_seconds(wait, call, partial(self._execute, call))

    def _execute(self, call: Call) -> None:
        if self.stopped is not None:
            return
        call.started_at = datetime.now(UTC)
        if call.work.is_async:
            call.context.run(current.set, call)
            self._on_loop(partial(self._start_async, call))
        elif self._inline:
            call.context.run(self._run_sync, call)
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
            if _is_cancelled(error) and (not call.abandoned or self._leaving()):
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
        if call.running is not None and not pausing:
            call.abandoned = True
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
        wait = attempts.wait_seconds(call)
        if wait is not None:
            self._note_attempt(call, wait)
            return
        fact = recording.outcome(call)
        if call.written is not None:
            self._recorded(call, call.written, None)
        elif self._durability == "sync":
            self.store.post(self.lease, [*self.buffer.take(), fact], partial(self._recorded, call, fact))
        else:
            self._write_later([*self.buffer.take(), fact])
            self._recorded(call, fact, None)

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
        self._progress(call)
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
        failed = attempts.fact(self, call, error=call.error, wait=wait)
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

    def _progress(self, call: Call) -> None:
        """Something is recorded: answers that calls above got before cannot be given back any more (rule 21)."""
        scope: Scope | None = call.parent
        while scope is not None:
            scope.received.clear()
            scope = scope.parent

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
                call.future.set_exception(error)
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
        if _running_loop() is self.loop:
            work()
        else:
            self._soon_on_loop(work)

    def _soon_on_loop(self, work: Callable[[], Any]) -> None:
        assert self.loop is not None
        # A loop that was closed meanwhile has nobody left who waits.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(work)

    # Questions

    def pose(self, scope: Scope, question: Fact) -> None:
        """A new question, to be written when the leg pauses, with the unfinished calls above it."""
        with self.lock:
            self.asked.append(question)
            above: Scope | None = scope
            while isinstance(above, Call):
                self._blocked.setdefault(above.path, above)
                above = above.parent

    def reject(self, question_id: str, path: str, problem: str) -> None:
        """An answer failed its check before user code saw it: the question is to be asked again."""
        with self.lock:
            self.rejected.append((question_id, path, problem))

    # What is left at the end

    def open_questions(self) -> bool:
        return bool(self.asked or self.turn.open or self.rejected)

    def open_calls(self) -> list[Fact]:
        """The unfinished calls above new questions, to be journalled with them so that replay can bind them."""
        unknown = (call for path, call in self._blocked.items() if path not in self.turn.calls and not call.noted)
        return [recording.fact(call, "call") for call in unknown]

    def nested(self, path: str) -> Namespace:
        """The child workflow that a question of this leg was asked in; () where none was."""
        call = self._blocked.get(path)
        return call.namespace if call is not None else ()

    def returned_answers(self, error: BaseException) -> list[tuple[str, str]]:
        """The answers to give back because of how the run failed (rule 21): (question id, fact path)."""
        causes = {id(cause) for cause in failures.chain(error)}
        given_back = list(self.body.received)
        for call, raised in self._raised:
            if id(raised) in causes:
                given_back += call.received
        return given_back

    def undelivered(self) -> Divergence | None:
        """Why a finished body cannot be the end: an answer that reached no question (rule 13)."""
        lost = next(self.turn.undelivered(), None)
        return divergence.of_answer(self, *lost) if lost else None

    def previous(self) -> Any:
        """What the last finished turn saved."""
        return codec.decode(self.turn.previous) if self.turn.previous is not None else None

    def flush(self) -> None:
        """Write what is buffered now."""
        if self._durability != "exit" and self.stopped is None:
            facts = self.buffer.take()
            if facts:
                self.store.post(self.lease, facts, self._noted)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _is_cancelled(error: BaseException) -> bool:
    """Whether the running asyncio task was cancelled, and did not only wait for something that was."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


def _lost(lease: Lease, error: BaseException) -> HitlError:
    return LeaseLost(f"The result of a call on thread {lease.thread_id!r} could not be recorded: {error!r}.")
