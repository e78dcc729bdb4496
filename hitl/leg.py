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
import contextvars
from collections.abc import Callable
from functools import partial
from threading import Event, RLock
from typing import Any

from hitl import arguments, binding, codec, failures, pool
from hitl.errors import HitlError, Invalid, LeaseLost, NonDeterminism
from hitl.events import Buffer
from hitl.facts import Fact
from hitl.futures import AsyncTaskFuture, TaskFuture
from hitl.scope import Call, Scope, State, Work, current
from hitl.signals import Pause, Signal, Stop
from hitl.slots import Slots
from hitl.store import Lease, Store
from hitl.turn import Turn

Emit = Callable[[str, Any], None]


class Leg:
    """One pass. `run` or `arun` it once; then `asked`, `late` and the outcome say what to write."""

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
    ) -> None:
        self.store = store
        self.lease = lease
        self.turn = turn
        self.emit = emit
        self.code_version = code_version
        self.config = config
        self.body = Scope(self)
        self.stopped: Stop | None = None
        self.buffer = Buffer()
        self.asked: list[Fact] = []
        self.rejected: list[tuple[str, str, str]] = []
        self._blocked: dict[str, Call] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        self._inline = inline
        self._lock = RLock()
        self._moving = 0
        self._paused: list[Call] = []
        self._unresolved: set[Call] = set()
        self._gave_back: list[tuple[Call, BaseException]] = []
        self._slots = Slots(config.get("max_concurrency"))
        self._body_over = False
        self._idle = Event()
        self._idle_async: asyncio.Event | None = None

    # The body

    def run(self, body: Callable[[], Any]) -> tuple[Any, BaseException | None]:
        """Run the body in this thread until nothing is left to run; returns (value, error)."""
        token = current.set(self.body)
        try:
            value, error = self._guarded(body)
        finally:
            current.reset(token)
        self._body_ended()
        self._idle.wait()
        return value, error

    async def arun(self, body: Callable[[], Any]) -> tuple[Any, BaseException | None]:
        """The same for an asynchronous body, on the running loop."""
        self.loop = asyncio.get_running_loop()
        self._idle_async = asyncio.Event()
        token = current.set(self.body)
        value, error = None, None
        try:
            value = await body()
        except Signal:
            pass
        except BaseException as caught:
            if not isinstance(caught, Exception) and not isinstance(caught, BaseExceptionGroup):
                self.stop(LeaseLost(f"The run of thread {self.lease.thread_id!r} was interrupted: {caught!r}."))
                raise
            error = caught
        finally:
            current.reset(token)
        self._body_ended()
        await self._idle_async.wait()
        return value, error

    def _guarded(self, body: Callable[[], Any]) -> tuple[Any, BaseException | None]:
        try:
            return body(), None
        except Signal:
            return None, None
        except (KeyboardInterrupt, SystemExit) as error:
            self.stop(LeaseLost(f"The run of thread {self.lease.thread_id!r} was interrupted: {error!r}."))
            raise
        except BaseException as error:
            return None, error

    def _body_ended(self) -> None:
        with self._lock:
            self._body_over = True
            resolved = self._settled()
            self._wake_if_idle()
        self._raise_in(resolved)

    @property
    def body_over(self) -> bool:
        return self._body_over

    def open_questions(self) -> bool:
        return bool(self.asked or self.turn.open or self.rejected)

    def returned_answers(self, error: BaseException) -> list[tuple[str, str]]:
        """The answers to give back because of how the run failed (rule 21): (question id, fact path)."""
        causes = {id(cause) for cause in failures.chain(error)}
        given_back = list(self.body.received)
        for call, raised in self._gave_back:
            if id(raised) in causes:
                given_back += call.received
        return given_back

    # Signals

    def refuse_if_signalled(self) -> None:
        """Every engine call begins here: after a signal, the same signal again."""
        if self.stopped is not None:
            raise self.stopped
        scope = current.get()
        if scope is not None and scope.leg is self and scope.signal is not None:
            raise scope.signal

    def signalled(self, signal: Signal) -> None:
        """A future handed a signal to the running code."""
        scope = current.get()
        if scope is not None and scope.leg is self:
            scope.signal = signal
            scope.blocked = scope.blocked or isinstance(signal, Pause)

    def stop(self, error: HitlError) -> Stop:
        """End the leg at once."""
        with self._lock:
            if self.stopped is None:
                self.stopped = Stop(error)
            unresolved = list(self._unresolved)
            self._unresolved.clear()
            self._slots.clear()
            self._wake()
        for call in unresolved:
            if call.running is not None and self.loop is not None:
                self.loop.call_soon_threadsafe(call.running.cancel)
            self._deliver(call, None, self.stopped, settle=False)
        return self.stopped

    # Calls

    def call(self, scope: Scope, work: Work) -> TaskFuture | AsyncTaskFuture:
        """A task was called in `scope`: its future, resolved from the journal or started now."""
        self.refuse_if_signalled()
        with self._lock:
            call, record = binding.bind(self, scope, work)
            call.future = self._future(call)
            scope.unobserved += 1
            if record is None or record.kind == "call":
                scope.children += 1
                self._unresolved.add(call)
                self._slots.lend(scope)
                parked = self.turn.parked(call.path)
                start = not parked and self._slots.admit(call)
                self._weigh(call)
                resolved = self._park(call) if parked else []
        if record is not None and record.kind != "call":
            self._replay(call, record)
            return call.future
        self._raise_in(resolved)
        if start:
            self._start(call)
        return call.future

    def _future(self, call: Call) -> TaskFuture | AsyncTaskFuture:
        if self.loop is not None:
            try:
                if asyncio.get_running_loop() is self.loop:
                    return AsyncTaskFuture(call, self.loop)
            except RuntimeError:
                pass
        return TaskFuture(call)

    def _replay(self, call: Call, record: Fact) -> None:
        call.state = State.DONE
        if record.kind == "error":
            self._deliver(call, None, failures.rebuild(record.detail), settle=False)
            return
        try:
            value = codec.decode(record.value or "null")
        except HitlError as error:
            raise self.stop(error) from error
        self._deliver(call, value, None, settle=False)

    def _park(self, call: Call) -> list[Call]:
        call.state = State.PAUSED
        self._weigh(call)
        self._paused.append(call)
        return self._settled()

    # Running

    def _start(self, call: Call) -> None:
        if self.lease.claims > 1:
            self._note_start(call)
        context = contextvars.copy_context()
        if call.work.is_async:
            assert self.loop is not None
            context.run(current.set, call)
            begin = partial(self._start_async, call, context)
            self._on_loop(begin)
        elif self._inline:
            context.run(self._run_sync, call)
        else:
            pool.submit(partial(context.run, self._run_sync, call))

    def _start_async(self, call: Call, context: contextvars.Context) -> None:
        assert self.loop is not None
        call.running = self.loop.create_task(self._run_async(call), context=context)

    def _run_sync(self, call: Call) -> None:
        token = current.set(call)
        try:
            call.value = call.work.function(*call.work.args, **call.work.kwargs)
        except Signal:
            pass
        except BaseException as error:
            call.error = error
        finally:
            current.reset(token)
        self._returned(call)

    async def _run_async(self, call: Call) -> None:
        try:
            call.value = await call.work.function(*call.work.args, **call.work.kwargs)
        except Signal:
            pass
        except BaseException as error:
            call.error = error
        self._returned(call)

    def _note_start(self, call: Call) -> None:
        """After a crash, say beforehand what is under way, so that a deadly call can be named (rule 27)."""
        if call.path not in self.turn.calls:
            fact = self._fact(call, "call")
            self.store.post(self.lease, [fact], self._noted)

    def _noted(self, error: BaseException | None) -> None:
        if isinstance(error, HitlError):
            self.stop(error)

    def _returned(self, call: Call) -> None:
        with self._lock:
            if self.stopped is not None:
                return
            call.state = State.RETURNED
            self._weigh(call)
            record, resolved = self._completed(call)
        self._after(record, resolved)

    def _completed(self, call: Call) -> tuple[Call | None, list[Call]]:
        """A returned call whose own calls are resolved: to be recorded, or paused. With the lock held."""
        if call.children:
            return None, self._settled()
        if call.blocked:
            call.state = State.PAUSED
            self._weigh(call)
            self._paused.append(call)
            self._slots.free(call)
            return None, self._settled()
        call.state = State.RECORDING
        self._weigh(call)
        return call, []

    def _after(self, record: Call | None, resolved: list[Call]) -> None:
        if record is not None:
            self._record(record)
        self._raise_in(resolved)
        self._pump()

    def _record(self, call: Call) -> None:
        fact = self._outcome(call)
        self.store.post(self.lease, [*self.buffer.take(), fact], partial(self._recorded, call, fact))

    def _outcome(self, call: Call) -> Fact:
        if call.error is None:
            try:
                fact = self._fact(call, "task")
                fact.value = codec.encode(call.value, where=f"result of {call.name}()")
                return fact
            except Invalid as error:
                call.error = error
        fact = self._fact(call, "error")
        fact.detail |= failures.describe(call.error)
        return fact

    def _fact(self, call: Call, kind: str) -> Fact:
        return Fact(
            kind,
            self.turn.number,
            path=call.path,
            attempt=self.turn.next_attempt(call.path, kind),
            name=call.name,
            digest=call.digest,
            position=call.position,
            alone=call.alone,
            detail={"args": arguments.kept(call.work.args, call.work.kwargs)},
            started_at=call.started_at,
        )

    def _recorded(self, call: Call, fact: Fact, error: BaseException | None) -> None:
        if error is not None:
            self.stop(error if isinstance(error, HitlError) else _lost(self.lease, error))
            return
        if call.error is not None:
            self._gave_back.append((call, call.error))
            self._hand_over(call, None, call.error)
            return
        self._progress(call)
        try:
            value = codec.decode(fact.value or "null")
        except HitlError as unreadable:
            self.stop(unreadable)
            return
        self._hand_over(call, value, None)

    def _progress(self, call: Call) -> None:
        """Something is recorded: answers that led to it cannot be given back any more (rule 21)."""
        scope: Scope | None = call.parent
        while scope is not None:
            scope.received.clear()
            scope = scope.parent

    def _hand_over(self, call: Call, value: Any, error: BaseException | None) -> None:
        if isinstance(call.future, TaskFuture) and call.future.has_callbacks and not self._inline:
            # Callbacks are the user's code; a journal thread must not run them.
            pool.submit(partial(self._finish, call, value, error))
        else:
            self._finish(call, value, error)

    def _finish(self, call: Call, value: Any, error: BaseException | None) -> None:
        if error is None:
            self.emit("updates", {call.name: value})
        self._deliver(call, value, error, settle=True)

    def _deliver(self, call: Call, value: Any, error: BaseException | None, *, settle: bool) -> None:
        """Resolve the future, then (settle) let the leg know that the call is done."""
        if isinstance(call.future, AsyncTaskFuture):
            self._on_loop(partial(self._deliver_now, call, value, error, settle))
        else:
            self._deliver_now(call, value, error, settle)

    def _deliver_now(self, call: Call, value: Any, error: BaseException | None, settle: bool) -> None:
        future = call.future
        if not future.done():
            if error is None:
                future.set_result(value)
            else:
                future.set_exception(error)
                if isinstance(future, AsyncTaskFuture) and isinstance(error, Signal):
                    future._log_traceback = False
        if settle:
            self._done(call)

    def _done(self, call: Call) -> None:
        with self._lock:
            if self.stopped is not None:
                return
            call.state = State.DONE
            self._unresolved.discard(call)
            self._weigh(call)
            self._slots.free(call)
            record, resolved = self._child_resolved(call.parent)
        self._after(record, resolved)

    def _child_resolved(self, scope: Scope) -> tuple[Call | None, list[Call]]:
        """One of its calls has its future resolved. With the lock held."""
        scope.children -= 1
        if isinstance(scope, Call):
            self._weigh(scope)
            if not scope.children:
                if scope.state is State.RETURNED:
                    return self._completed(scope)
                self._slots.retake(scope)
        resolved = self._settled()
        self._wake_if_idle()
        return None, resolved

    # When nothing moves any more

    def _weigh(self, call: Call) -> None:
        moving = call.children == 0 and call.state in (State.QUEUED, State.RUNNING, State.RECORDING)
        if moving != call.moving:
            call.moving = moving
            self._moving += 1 if moving else -1

    def _settled(self) -> list[Call]:
        """The paused calls, if it is time to raise the signal in those that wait for them."""
        if self._moving or not self._paused or self.stopped is not None:
            return []
        resolved, self._paused = self._paused, []
        return resolved

    def _raise_in(self, calls: list[Call]) -> None:
        for call in calls:
            self._deliver_pause(call)

    def _deliver_pause(self, call: Call) -> None:
        with self._lock:
            call.parent.blocked = True
            self._unresolved.discard(call)
        if isinstance(call.future, AsyncTaskFuture):
            self._on_loop(partial(self._pause_now, call))
        else:
            self._pause_now(call)

    def _pause_now(self, call: Call) -> None:
        self._deliver_now(call, None, Pause(), settle=False)
        with self._lock:
            if self.stopped is not None:
                return
            record, resolved = self._child_resolved(call.parent)
        self._after(record, resolved)

    def _wake_if_idle(self) -> None:
        if self._body_over and not self.body.children:
            self._wake()

    def _wake(self) -> None:
        self._idle.set()
        if self._idle_async is not None and self.loop is not None and not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._idle_async.set)

    def _on_loop(self, work: Callable[[], Any]) -> None:
        assert self.loop is not None
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is self.loop:
            work()
        elif not self.loop.is_closed():
            self.loop.call_soon_threadsafe(work)

    def abandon(self, call: Call) -> None:
        """The caller cancelled the future. A pause that is on its way must not cut a sibling off."""
        with self._lock:
            pausing = self._paused or self.asked or self.body.blocked
        if call.running is not None and not pausing:
            call.running.cancel()

    def _pump(self) -> None:
        """Start what waited for a slot."""
        while True:
            with self._lock:
                call = self._slots.next()
            if call is None:
                return
            self._start(call)

    # Questions

    def pose(self, scope: Scope, question: Fact) -> None:
        """A new question, to be written when the leg pauses, with the unfinished calls above it."""
        with self._lock:
            self.asked.append(question)
            above: Scope | None = scope
            while isinstance(above, Call):
                self._blocked.setdefault(above.path, above)
                above = above.parent

    def reject(self, question_id: str, path: str, problem: str) -> None:
        """An answer failed its check before user code saw it: the question is to be asked again."""
        with self._lock:
            self.rejected.append((question_id, path, problem))

    def diverged(self, what: str) -> Stop:
        """Stop with NonDeterminism, saying what was recorded, what came now, and what to do (rule 14)."""
        return self.stop(
            NonDeterminism(
                f"Thread {self.turn.thread_id!r} ({self.turn.workflow}) cannot be replayed: {what}. The journal is as "
                f"it was. Mend the code (now version {self.code_version or 'unknown'}), then retry the thread."
            )
        )

    # What is left at the end

    def open_calls(self) -> list[Fact]:
        """The unfinished calls above new questions, to be journalled with them so that replay can bind them."""
        unknown = (call for path, call in self._blocked.items() if path not in self.turn.calls)
        return [self._fact(call, "call") for call in unknown]

    def flush(self) -> None:
        """Write what is buffered now."""
        facts = self.buffer.take()
        if facts and self.stopped is None:
            self.store.post(self.lease, facts, self._noted)

    def undelivered(self) -> str:
        """Why a finished body cannot be the end: an answer that reached no question (rule 13)."""
        lost = next(self.turn.undelivered(), None)
        return f"the answer to question {lost.id} reached no question this time" if lost else ""


def _lost(lease: Lease, error: BaseException) -> HitlError:
    return LeaseLost(f"The result of a call on thread {lease.thread_id!r} could not be recorded: {error!r}.")
