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
from datetime import datetime
from functools import partial
from threading import Event, RLock
from time import monotonic
from typing import Any

from hitl import attempts, binding, codec, divergence, failures, recording, telling
from hitl.caching import Cache
from hitl.divergence import Divergence
from hitl.errors import HitlError, LeaseLost
from hitl.events import Buffer
from hitl.facts import Fact
from hitl.futures import AsyncTaskFuture, TaskFuture
from hitl.journal import running_loop
from hitl.lease import Lease
from hitl.retrying import Policies
from hitl.running import Emit, Running, is_cancelled
from hitl.scope import Call, Namespace, Scope, State, Work, current
from hitl.signals import Pause, Signal, Stop
from hitl.slots import Slots
from hitl.stillness import Stillness
from hitl.store import Store
from hitl.turn import Turn

Ended = tuple[Any, BaseException | None]
NOT_YET: Ended = (None, None)


class Leg(Running):
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
        wait = attempts.remaining_seconds(self.turn, "", now=self.lease.now())
        if attempts.is_long(wait):
            self.sleepers.append(self.turn.due[""])
            return False
        return not (wait and self._over.wait(wait))

    async def _when_due(self, body: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """The same on the event loop, and then the body."""
        wait = attempts.remaining_seconds(self.turn, "", now=self.lease.now())
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
            if is_cancelled(error) and (self.stopped is None or self._leaving()):
                raise
            return None, error

    def _interrupted(self, error: BaseException) -> None:
        """Somebody ended this thread of control from outside: the lease runs out, and a sweep takes over."""
        self.stop(LeaseLost(f"The run of thread {self.lease.thread_id!r} was interrupted: {type(error).__name__}."))

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
        if self.loop is not None and running_loop() is self.loop:
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
            again = failures.rebuild(record.detail)
            self._raised.append((call, again))
            if isinstance(call.future, AsyncTaskFuture) and "abandoned" in record.detail:
                call.future.wait_for_cancel(after_seconds=record.detail["abandoned"])
            else:
                self._deliver(call, None, again)
            return
        try:
            value = codec.decode(record.value or "null")
        except HitlError as error:
            raise self.stop(error) from error
        self._deliver(call, value, None)

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
        if self.stopped is not None:
            # The code diverged or a fact cannot be read: nobody's answer was wrong (rule 14).
            return []
        causes = {id(cause) for cause in failures.chain(error)}
        void = self.turn.voided(self.body.last_failures())
        raised = {call.path for call, raised in self._raised if id(raised) in causes}
        return list(self.turn.given_back({self.body.path, *raised & void}, void=void))

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
