"""Calling a workflow in code: `invoke`, `stream` and their asynchronous twins."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from queue import SimpleQueue
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar

from hitl import calling, codec, inputs, pool, reading, run
from hitl import scope as scopes
from hitl.batching import Batches
from hitl.ending import Outcome
from hitl.entering import Entering, Opening
from hitl.errors import NeedsAsyncCall
from hitl.journal import inline
from hitl.lease import Lease
from hitl.scope import Scope
from hitl.store import Store
from hitl.stream import INTERRUPT, Stream
from hitl.types import GraphOutput, StateSnapshot

if TYPE_CHECKING:
    Config = Mapping[str, Any]

T = TypeVar("T")
_END = object()
FOLLOW_SECONDS = 0.05


class Invoking(Entering, Batches):
    """How a workflow is called, and how its caller hears of what happens."""

    stream_mode = "updates"
    is_async: bool
    _context_schema: type[Any] | None

    @abstractmethod
    def _called_in(self, scope: Scope, input: Any) -> Any: ...

    def invoke(
        self,
        input: Any,
        config: Config | None = None,
        *,
        stream_mode: str | Sequence[str] = "values",
        subgraphs: bool = False,
        version: str = "v1",
        **options: Any,
    ) -> Any:
        """Run to the end or to a question, and return the value, or `{"__interrupt__": [Interrupt, …]}`.

        input: the first parameter's value; `Command(resume=…)` to answer; None to go on after a failure or
            a crash (repeats the questions of a paused thread, returns the last value of a finished one).
        config: `{"configurable": {"thread_id": …}, "metadata": {…}, "max_concurrency": n}`.
        stream_mode: other than "values", the list of chunks that `stream` would yield.
        version: "v2" returns a GraphOutput of value and interrupts. context: what `runtime.context` shall be.
        durability: "sync" (each result durable before it is used), "async" (the next call may start first), "exit"
            (all at the end, in one transaction).

        Raises what the body raised, and the HitlErrors of `hitl.errors`. As LangGraph's, but where
        docs/engine.md says otherwise.
        """
        chunks: list[Any] = []
        stream = Stream(_told(stream_mode), chunks.append, subgraphs=subgraphs, version=version)
        outcome = self._run(input, config, stream, **options)
        if stream_mode != "values":
            return chunks
        before = self._before(config).result() if outcome.interrupts and outcome.has_before else None
        return _result(outcome, version, before)

    def stream(
        self,
        input: Any,
        config: Config | None = None,
        *,
        stream_mode: str | Sequence[str] | None = None,
        subgraphs: bool = False,
        version: str = "v1",
        **options: Any,
    ) -> Iterator[Any]:
        """Yield chunks as they become durable: `updates` (the default), `values`, `custom`, `tasks`, `checkpoints`.

        stream_mode: one yields payloads, a list of them pairs of mode and payload.
        subgraphs: tell of child workflows too; each chunk begins with its namespace.
        version: "v2" makes each chunk a dict of type, ns and data.
        Leaving early does not stop the run. The other options are `invoke`'s.
        """
        mode = stream_mode or self.stream_mode
        if inline.get() or scopes.current.get() is not None:
            chunks: list[Any] = []
            self._run(input, config, Stream(mode, chunks.append, subgraphs=subgraphs, version=version), **options)
            yield from chunks
            return
        queue: SimpleQueue[Any] = SimpleQueue()
        stream = Stream(mode, queue.put, subgraphs=subgraphs, version=version)
        store = self.store()
        store.check_usable()
        context = contextvars.copy_context()

        def produce() -> None:
            try:
                self._run(input, config, stream, **options)
                queue.put((_END, None))
            except BaseException as error:
                queue.put((_END, error))

        pool.submit(partial(context.run, produce))
        while True:
            chunk = queue.get()
            if isinstance(chunk, tuple) and chunk and chunk[0] is _END:
                if chunk[1] is not None:
                    raise chunk[1]
                return
            yield chunk

    async def ainvoke(
        self,
        input: Any,
        config: Config | None = None,
        *,
        stream_mode: str | Sequence[str] = "values",
        subgraphs: bool = False,
        version: str = "v1",
        **options: Any,
    ) -> Any:
        """`invoke` for asynchronous code; the event loop is never blocked by the database."""
        chunks: list[Any] = []
        stream = Stream(_told(stream_mode), chunks.append, subgraphs=subgraphs, version=version)
        outcome = await self._arun(input, config, stream, **options)
        if stream_mode != "values":
            return chunks
        wanted = outcome.interrupts and outcome.has_before
        before = await asyncio.wrap_future(self._before(config)) if wanted else None
        return _result(outcome, version, before)

    async def astream(
        self,
        input: Any,
        config: Config | None = None,
        *,
        stream_mode: str | Sequence[str] | None = None,
        subgraphs: bool = False,
        version: str = "v1",
        **options: Any,
    ) -> AsyncIterator[Any]:
        """`stream` for asynchronous code."""
        queue: asyncio.Queue[Any] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def put(chunk: Any) -> None:
            loop.call_soon_threadsafe(queue.put_nowait, chunk)

        stream = Stream(stream_mode or self.stream_mode, put, subgraphs=subgraphs, version=version)
        task = asyncio.ensure_future(self._arun(input, config, stream, **options))
        task.add_done_callback(lambda _: put(_END))
        while (chunk := await queue.get()) is not _END:
            yield chunk
        task.result()

    # Running

    def _run(self, input: Any, config: Config | None, stream: Stream, **options: Any) -> Outcome:
        if self.is_async:
            raise NeedsAsyncCall(
                f'No synchronous function provided to "{self.node}". Either initialize with a synchronous function '
                f"or invoke via the async API (ainvoke, astream, etc.). Nothing ran on {calling.named(config)}."
            )
        if (scope := scopes.current.get()) is not None:
            return self._ended(Outcome(self._called_in(scope, input).result()), stream)
        store, thread_id, full = self._prepared(config, options)
        opening = store.call(partial(self._open, store, thread_id, input, full))
        while True:
            self._begin(stream, store, thread_id, opening)
            if opening.lease is not None:
                outcome = self._perform(self._setting(store, opening.lease, full, stream, options))
                if outcome.until is None or outcome.interrupts:
                    break
                opening = dataclasses.replace(opening, lease=None, follow=True)
            elif not opening.follow:
                outcome = store.call(partial(reading.outcome, store, thread_id))
                if opening.resumed and not outcome.interrupts and outcome.error is None:
                    return outcome  # nothing ran, so there is nothing to tell
                break
            sleep(FOLLOW_SECONDS)
            opening = store.call(partial(self._follow, store, thread_id, opening.turn))
        return self._ended(outcome, stream, store, thread_id)

    async def _arun(self, input: Any, config: Config | None, stream: Stream, **options: Any) -> Outcome:
        if (scope := scopes.current.get()) is not None:
            return self._ended(Outcome(await self._called_in(scope, input)), stream)
        if not self.is_async:
            # A synchronous body would block the event loop.
            return await _in_a_thread(partial(self._run, input, config, stream, **options))
        store, thread_id, full = self._prepared(config, options)
        opening = await asyncio.wrap_future(store.submit(partial(self._open, store, thread_id, input, full)))
        while True:
            if stream.tells_of_the_thread():
                await asyncio.to_thread(self._begin, stream, store, thread_id, opening)
            if opening.lease is not None:
                outcome = await self._aperform(self._setting(store, opening.lease, full, stream, options))
                if outcome.until is None or outcome.interrupts:
                    break
                opening = dataclasses.replace(opening, lease=None, follow=True)
            elif not opening.follow:
                outcome = await asyncio.wrap_future(store.submit(partial(reading.outcome, store, thread_id)))
                if opening.resumed and not outcome.interrupts and outcome.error is None:
                    return outcome
                break
            await asyncio.sleep(FOLLOW_SECONDS)
            opening = await asyncio.wrap_future(store.submit(partial(self._follow, store, thread_id, opening.turn)))
        if stream.tells("checkpoints") or stream.tells("tasks"):
            return await asyncio.to_thread(self._ended, outcome, stream, store, thread_id)
        return self._ended(outcome, stream)

    @staticmethod
    def _perform(setting: run.Setting) -> Outcome:
        """Run it here; in another thread where it is asynchronous (an older version may be) and a loop runs here."""
        if not setting.workflow.is_async or not _has_loop():
            return run.perform(setting)
        future: Future[Outcome] = Future()
        pool.submit(partial(_settle_future, future, partial(run.perform, setting)))
        return future.result()

    @staticmethod
    async def _aperform(setting: run.Setting) -> Outcome:
        if setting.workflow.is_async:
            return await run.aexecute(setting)
        return await _in_a_thread(partial(run.execute, setting))

    def _before(self, config: Config | None) -> Future[Any]:
        """What the last finished turn returned."""
        store, thread_id = self.store(), self.thread_id(config)
        return store.submit(partial(reading.current, store, thread_id), key=thread_id)

    def _setting(
        self,
        store: Store,
        lease: Lease,
        config: dict[str, Any],
        stream: Stream,
        options: Mapping[str, Any],
    ) -> run.Setting:
        workflow = self.of_version(lease.version)
        context = inputs.coerced_context(workflow._context_schema, options.get("context"))
        durability = options.get("durability") or "sync"
        tells_tasks = stream.tells("tasks")
        return run.Setting(workflow, store, lease, config, stream.emit, context, durability, tells_tasks)

    def _begin(self, stream: Stream, store: Store, thread_id: str, opening: Opening) -> None:
        """What a stream hears before any code runs."""
        if opening.resumed and stream.tells("values"):
            stream.resumed(store.call(partial(reading.current, store, thread_id), key=thread_id))
        if opening.lease is None or not (stream.tells("checkpoints") or stream.tells("tasks")):
            return
        found = store.call(partial(store.load, thread_id), key=thread_id)
        if stream.tells("checkpoints"):
            stream.checkpoint(self._reading_at(store, thread_id, found.thread.turn_seq))
        task_id = reading.task_id(found.thread)
        stream.begin(self.node, task_id, codec.decode(found.facts[0].value or "null"))

    def _ended(self, outcome: Outcome, stream: Stream, store: Store | None = None, thread_id: str = "") -> Outcome:
        """What a stream hears at last; raises the run's error."""
        task_id = ""
        if store is not None and (stream.tells("checkpoints") or stream.tells("tasks")):
            thread = store.call(partial(store.thread, thread_id), key=thread_id)
            task_id = reading.task_id(thread)
            if stream.tells("checkpoints") and not outcome.interrupts and outcome.error is None:
                stream.checkpoint(self._reading_at(store, thread_id, thread.output_seq))
        stream.end(self.node, outcome, task_id=task_id)
        if outcome.error is not None:
            raise outcome.error
        return outcome

    def _reading_at(self, store: Store, thread_id: str, seq: int) -> StateSnapshot:
        return store.call(partial(self._get_state, store, thread_id, seq), key=thread_id)

    def _prepared(self, config: Config | None, options: dict[str, Any]) -> tuple[Store, str, dict[str, Any]]:
        calling.check(config, options, node=self.node)
        # One that does not fit is told of before anything is written.
        inputs.coerced_context(self._context_schema, options.get("context"))
        store = self.store()
        store.check_usable()
        thread_id = self.thread_id(config)
        full = dict(config or {})
        full["configurable"] = dict(full.get("configurable") or {}) | {"thread_id": thread_id}
        full.setdefault("metadata", {})
        return store, thread_id, full


def _has_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _in_a_thread(work: Callable[[], T]) -> asyncio.Future[T]:
    future: Future[T] = Future()
    context = contextvars.copy_context()
    pool.submit(partial(_settle_future, future, partial(context.run, work)))
    return asyncio.wrap_future(future)


def _settle_future(future: Future[T], work: Callable[[], T]) -> None:
    future.set_running_or_notify_cancel()
    try:
        future.set_result(work())
    except BaseException as error:
        future.set_exception(error)


def _told(stream_mode: str | Sequence[str]) -> str | Sequence[str]:
    """What a call has to be told: one that returns the value needs no stream of it."""
    return () if stream_mode == "values" else stream_mode


def _result(outcome: Outcome, version: str, before: Any) -> Any:
    if version == "v2":
        return GraphOutput({} if outcome.interrupts else outcome.value, outcome.interrupts)
    if not outcome.interrupts:
        return outcome.value
    return (before if isinstance(before, dict) else {}) | {INTERRUPT: list(outcome.interrupts)}
