"""A workflow: what `@entrypoint` makes of a function, to be called in code or run by an executor."""

from __future__ import annotations

import asyncio
import contextvars
import dataclasses
import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import timedelta
from functools import cached_property, partial
from hashlib import blake2b
from queue import SimpleQueue
from time import sleep
from typing import TYPE_CHECKING, Any, TypeVar

from hitl import (
    answering,
    calling,
    codec,
    conf,
    forking,
    inputs,
    line,
    pool,
    reading,
    retrying,
    run,
    states,
    timeouts,
    transitions,
    wholes,
)
from hitl import scope as scopes
from hitl.batching import Batches
from hitl.caching import Cache, CachePolicy
from hitl.describing import Described
from hitl.ending import Final, Outcome
from hitl.errors import (
    EmptyInput,
    InvalidUpdateError,
    Misuse,
    NeedsAsyncCall,
    NoCheckpointer,
    NoThreadId,
)
from hitl.facts import Author
from hitl.journal import inline
from hitl.leg import Leg
from hitl.opening import Start, busy, check_workflow
from hitl.retrying import RetryPolicy
from hitl.scope import Scope, Work
from hitl.store import Lease, Store, Unit
from hitl.stream import INTERRUPT, Stream
from hitl.timeouts import TimeoutPolicy
from hitl.types import UNSET, Command, GraphOutput, StateSnapshot

if TYPE_CHECKING:
    Config = Mapping[str, Any]

logger = logging.getLogger(__name__)

T = TypeVar("T")
_END = object()
FOLLOW_SECONDS = 0.05
MAX_VERSION = 40
# By module, workflows that declare a version: of two functions of one name a module keeps only the second.
VERSIONED: dict[str, list[Workflow]] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class _Opening:
    """What a call found or did on the thread before any code runs."""

    lease: Lease | None
    turn: int
    resumed: bool = False
    follow: bool = False


class Workflow(states.States, Batches, Described):
    """A durable workflow.

    name: what threads belong to: the registered name, else `module:qualname` (rule 9).
    version: which of several functions of that name this is; "" where the code declares none (rule 14).
    title, description: for people; the description is the function's docstring.
    input_schema: JSON Schema of the input, from the annotation of the first parameter; {} without one.
    """

    stream_mode = "updates"

    def __init__(
        self,
        function: Callable[..., Any],
        *,
        checkpointer: Store | None = None,
        name: str | None = None,
        version: str | None = None,
        title: str | None = None,
        cache: Cache | None = None,
        context_schema: type[Any] | None = None,
        cache_policy: CachePolicy | None = None,
        retry_policy: RetryPolicy | Sequence[RetryPolicy] | None = None,
        timeout: float | timedelta | TimeoutPolicy | None = None,
        undo_seconds: float | None = None,
    ) -> None:
        calling.check_function(function)
        self.function = function
        self.given_name = name
        self.node: str = getattr(function, "__name__", type(function).__name__)
        self.name = name or f"{function.__module__}:{function.__qualname__}"
        self.version = _version(version)
        called = name if name and version else self.node
        self._undo_seconds = undo_seconds
        self.title = title or called.replace("_", " ").strip().capitalize()
        self.description = inspect.getdoc(function) or ""
        self.is_async = inspect.iscoroutinefunction(function)
        self.cache = cache
        self.retry = retrying.policies(retry_policy)
        self._timeout = timeouts.policy(timeout, is_async=self.is_async, name=self.node)
        self.cached = wholes.Wholes(cache_policy, cache, task=self.name, name=self.node)
        self._context_schema = context_schema
        self._parameters = inputs.Parameters(function)
        self._checkpointer = checkpointer
        self.__name__ = self.node
        self.__doc__ = function.__doc__
        self.__module__ = function.__module__
        self.__wrapped__ = function
        codec.register_annotations(function)
        if self.version:
            VERSIONED.setdefault(function.__module__, []).append(self)

    def __repr__(self) -> str:
        return f"<Workflow {self.name}>"

    # For the registry, the desk and executors

    @cached_property
    def input_schema(self) -> dict[str, Any]:
        return self._parameters.schema

    @property
    def undo_seconds(self) -> float:
        """How long an answer given on the desk can be undone before the run goes on (rule 22)."""
        return conf.settings().undo_seconds if self._undo_seconds is None else self._undo_seconds

    @property
    def code_version(self) -> str:
        """The digest of the workflow's module, or `HITL_CODE_VERSION`."""
        return conf.settings().code_version or self._source_digest

    def check_input(self, value: Any) -> Any:
        """The input as its annotation wants it; InvalidInput with the places that do not fit."""
        return self._parameters.coerce(value)

    def config_of(self, thread: Any) -> dict[str, Any]:
        """The config that code sees when an executor runs this thread."""
        return {"configurable": {"thread_id": thread.id}, "metadata": dict(thread.metadata)}

    def body(self, leg: Leg) -> Any:
        """Call the function with the turn's input and what it asks for by name."""
        leg.emit("called", None)
        value, injected = self._parameters.bind(leg)
        found = self.cached.find(leg, value)
        returned = self.function(value, **injected) if found is None else found
        leg.emit("returned", None)
        return returned

    async def abody(self, leg: Leg) -> Any:
        """The same for an asynchronous function."""
        leg.emit("called", None)
        value, injected = self._parameters.bind(leg)
        work = partial(self.function, value, **injected)
        found = await asyncio.to_thread(self.cached.find, leg, value) if self.cached.policy else None
        if found is not None:
            returned: Any = found
        elif self._timeout is None:
            returned = await work()
        else:
            returned = await timeouts.limited(work, self._timeout, name=self.node, scope=leg.body)
        leg.emit("returned", None)
        return returned

    # Within a run: a child workflow is a call of its parent's, whatever it declares (rule 37)

    def _as_child(self, input: Any) -> Any:
        scope = scopes.require(self.node)
        returned = self.function(input, **self._parameters.injected(scope))
        return returned.value if isinstance(returned, Final) else returned

    async def _as_async_child(self, input: Any) -> Any:
        scope = scopes.require(self.node)
        returned = await self.function(input, **self._parameters.injected(scope))
        return returned.value if isinstance(returned, Final) else returned

    def _called_in(self, scope: Scope, input: Any) -> Any:
        """The future of this workflow, called by the code of another."""
        if input is None or isinstance(input, Command):
            raise Misuse(
                f"{self.node} was called within a run of {scope.leg.turn.workflow}: there it takes an input alone. It "
                "pauses, is answered and retried together with its parent."
            )
        function = self._as_async_child if self.is_async else self._as_child
        work = Work(
            self.node,
            function,
            (input,),
            {},
            self.is_async,
            is_workflow=True,
            retry=self.retry,
            cache=self.cached.policy,
            timeout=self._timeout,
            cache_name=f"child {self.name}",
        )
        return scope.leg.call(scope, work)

    # Calling it

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

    def _begin(self, stream: Stream, store: Store, thread_id: str, opening: _Opening) -> None:
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

    def _open(self, store: Store, thread_id: str, input: Any, config: dict[str, Any]) -> _Opening:
        """Start, answer or go on, and take the lease, in one transaction (rule 36)."""
        if isinstance(input, Command):
            self._check_command(input, thread_id)
        seq = states.checkpoint_of(config)
        at = self._going_back(store, thread_id, seq, answering=isinstance(input, Command))
        if at is not None:
            return store.transact(thread_id, partial(self._go_back, at=at, input=input, config=config))
        if isinstance(input, Command):
            work = partial(self._resume, value=input.resume)
            named = answering.named(input.resume)
            return store.transact(thread_id, work, closed=True, questions=named, turn=True, repeatable=True)
        if input is None:
            if store.thread(thread_id) is None:
                raise EmptyInput(f"Received no input, and there is no thread {thread_id!r} to go on with.")
            return store.transact(thread_id, self._go_on)
        text = codec.encode(input, where="input")
        start = partial(self._start, text=text, metadata=config["metadata"])
        return store.transact(thread_id, start, create=True, repeatable=True)

    def _check_command(self, command: Command, thread_id: str) -> None:
        """There is no graph around, nothing to update and nowhere to go (item 56)."""
        if command.graph is not None:
            raise InvalidUpdateError(
                f"There is no parent graph: {self.node} on thread {thread_id!r} was given Command(graph="
                f"{command.graph!r}). Leave graph out."
            )
        if command.resume is UNSET:
            raise EmptyInput(
                f"The Command for {self.node} on thread {thread_id!r} says nothing to do here. Give it resume=<answer>."
            )
        if command.update or command.goto:
            logger.warning("%s has nothing to update and nowhere to go: only resume= counts.", self.node)

    def _start(self, unit: Unit, *, text: str, metadata: Mapping[str, Any]) -> _Opening:
        asked = Start(self.name, text, Author(), version=self.version, metadata=metadata)
        transitions.start(unit, asked, discard_pending=True)
        return _Opening(self._claim(unit), unit.thread.turn)

    def _resume(self, unit: Unit, *, value: Any) -> _Opening:
        check_workflow(unit, self.name)
        answering.resume(unit, value, author=Author())
        lease = self._claim(unit)
        return _Opening(lease, unit.thread.turn, resumed=lease is not None, follow=lease is None)

    def _go_on(self, unit: Unit) -> _Opening:
        check_workflow(unit, self.name)
        if unit.thread.status == "error":
            transitions.retry(unit, author=Author())
        if unit.thread.status != "busy":
            return _Opening(None, unit.thread.turn, resumed=True)
        lease = self._claim(unit)
        if lease is None:
            raise busy(unit.thread.id)
        return _Opening(lease, unit.thread.turn, resumed=True)

    def _go_back(self, unit: Unit, *, at: forking.Base, input: Any, config: dict[str, Any]) -> _Opening:
        """Fork at a checkpoint (rule 11): go on from it, answer what was open there, or give it a new input."""
        check_workflow(unit, self.name)
        if isinstance(input, Command):
            forking.resume(unit, at, input.resume, author=Author())
        elif input is None and at.value is not None:
            forking.restore(unit, at, author=Author())
            line.go_on(unit)
            return _Opening(None, unit.thread.turn, resumed=True)
        elif input is None:
            forking.fork(unit, at, author=Author())
        else:
            text = codec.encode(input, where="input")
            metadata = config["metadata"]
            forking.restart(
                unit, at, workflow=self.name, version=self.version, text=text, author=Author(), metadata=metadata
            )
        return _Opening(self._claim(unit), unit.thread.turn, resumed=True)

    def _follow(self, store: Store, thread_id: str, turn: int) -> _Opening:
        """Another leg runs the thread: wait for it, or take over when its lease runs out (rule 19)."""
        thread = store.thread(thread_id)
        if thread is None or thread.status != "busy" or thread.turn != turn:
            return _Opening(None, turn)
        if thread.wake_at is not None and thread.wake_at > store.now():
            return _Opening(None, turn, follow=True)

        def take_over(unit: Unit) -> Lease | None:
            return self._claim(unit) if unit.thread.turn == turn else None

        lease = store.transact(thread_id, take_over)
        return _Opening(lease, turn, resumed=lease is not None, follow=lease is None)

    def _claim(self, unit: Unit) -> Lease | None:
        return run.claiming(self.of_version(unit.thread.workflow_version))(unit)

    def of_version(self, version: str) -> Workflow:
        """The function of this name that an open turn of this version needs; UnknownVersion where there is none."""
        if version == self.version:
            return self
        from hitl import registry

        return registry.get(self.name, version=version)

    def store(self) -> Store:
        """Where its journals are kept: what was given, else Django's database."""
        if self._checkpointer is not None:
            return self._checkpointer
        if not conf.has_django():
            raise NoCheckpointer(
                f"{self.node} has no checkpointer, so it keeps its journal in Django's database, and Django is not set "
                "up. Set DJANGO_SETTINGS_MODULE and call django.setup(), or pass checkpointer=InMemorySaver()."
            )
        from hitl.checkpoint.database import saver

        return saver()

    def thread_id(self, config: Config | None) -> str:
        """The thread that a config names; NoThreadId where it names none."""
        calling.check_config(config, node=self.node)
        named = ((config or {}).get("configurable") or {}).get("thread_id")
        if named is None or named == "":
            raise NoThreadId(
                "Checkpointer requires one or more of the following 'configurable' keys: thread_id. "
                f'Call {self.node} with config={{"configurable": {{"thread_id": "…"}}}}.'
            )
        return str(named)

    @cached_property
    def _source_digest(self) -> str:
        try:
            path = inspect.getsourcefile(self.function)
            if path is None:
                return ""
            with open(path, "rb") as source:
                return blake2b(source.read(), digest_size=8).hexdigest()
        except (OSError, TypeError):
            return ""


def _version(given: str | None) -> str:
    if given is None:
        return ""
    if not isinstance(given, str) or not 0 < len(given) <= MAX_VERSION or not given.isprintable():
        raise ValueError(f"A version is text of 1 to {MAX_VERSION} printable characters, not {given!r}.")
    return given


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
