"""`@entrypoint` and `@task`: workflows as plain Python. The names are LangGraph's functional API's."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, Generic, ParamSpec, TypeVar, overload

from hitl import caching, calling, codec, inputs, retrying, timeouts
from hitl import scope as scopes
from hitl.branching import changed
from hitl.caching import Cache, CachePolicy
from hitl.ending import Final
from hitl.errors import InvalidOption, NeedsEventLoop
from hitl.retrying import RetryPolicy
from hitl.scope import Work
from hitl.sleeping import sleep_for, sleep_until
from hitl.store import Store
from hitl.timeouts import TimeoutPolicy
from hitl.workflow import Workflow

P = ParamSpec("P")
R = TypeVar("R")


class entrypoint:
    """Make a workflow of a function whose first parameter is the input.

    checkpointer: where the journal is kept: `InMemorySaver()`, or nothing for Django's database.
    cache: for tasks with a `cache_policy`: `InMemoryCache()`, or nothing for Django's cache.
    cache_policy: share the whole run's value between threads; a run that finds it there does not call the body.
    context_schema: a dataclass or model that a dict given as `context=` becomes.
    retry_policy: run the body again when it fails; finished tasks are kept.
    timeout: of an asynchronous body: seconds, timedelta or TimeoutPolicy.
    name: under which it is registered; else the function's name.
    version: of the code, where several functions are registered under one name, as text: "2". New turns run the
        newest ("10" comes after "9"), an open turn goes on with the version that it began with (rule 14).
    title: for people; else made from the name. The docstring is the description.
    undo_seconds: how long an answer given on the desk can be undone before the run goes on, 0 for not at all; left out,
        what `HITL_UNDO_SECONDS` says (rule 22).

    The function runs again from its start whenever the run goes on, so effects belong in tasks. Parameters named
    `config`, `previous`, `writer`, `runtime` and `store` are injected. Raises ValueError without a parameter or for a
    timeout on a synchronous function, NotImplementedError for generators (items 1 to 6, 24).
    """

    final = Final

    def __init__(
        self,
        checkpointer: Store | None = None,
        *,
        store: Any = None,
        cache: Cache | None = None,
        context_schema: type[Any] | None = None,
        cache_policy: CachePolicy | None = None,
        retry_policy: RetryPolicy | Sequence[RetryPolicy] | None = None,
        timeout: float | timedelta | TimeoutPolicy | None = None,
        name: str | None = None,
        version: str | None = None,
        title: str | None = None,
        undo_seconds: float | None = None,
    ) -> None:
        calling.check_checkpointer(checkpointer)
        self._options: dict[str, Any] = {
            "checkpointer": checkpointer,
            "cache": cache,
            "context_schema": context_schema,
            "cache_policy": cache_policy,
            "retry_policy": retry_policy,
            "timeout": timeout,
            "name": name,
            "version": version,
            "title": title,
            "undo_seconds": undo_seconds,
        }

    def __call__(self, function: Callable[..., Any]) -> Workflow:
        return Workflow(function, **self._options)


class Task(Generic[P, R]):
    """A function whose calls within a run are recorded: each returns a future, and runs once."""

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None = None,
        retry_policy: RetryPolicy | Sequence[RetryPolicy] | None = None,
        cache_policy: CachePolicy | None = None,
        timeout: float | timedelta | TimeoutPolicy | None = None,
        atomic: bool = False,
        effects: Sequence[str] = (),
    ) -> None:
        calling.check_task(function)
        functools.update_wrapper(self, function)
        plain = function
        while isinstance(plain, functools.partial):
            plain = plain.func
        self.name: str = name or str(getattr(plain, "__name__", type(plain).__name__))
        self.__name__ = self.name
        self.function = function
        self._is_async = inspect.iscoroutinefunction(plain) or inspect.iscoroutinefunction(
            getattr(plain, "__call__", None)  # noqa: B004 - asked for what it is, not whether it is there
        )
        if atomic and self._is_async:
            raise InvalidOption(
                f"{self.name}() is asynchronous, and Django's transactions are not; make it a plain function."
            )
        self._retry = retrying.policies(retry_policy)
        self._cache = cache_policy
        self._cache_name = f"{getattr(plain, '__module__', '')}.{getattr(plain, '__qualname__', self.name)}"
        self._timeout = timeouts.policy(timeout, is_async=self._is_async, name=self.name)
        self._atomic = atomic
        self.effects = _words(effects, self.name)
        self._injectable = inputs.injectable(function)
        codec.register_annotations(plain)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        scope = scopes.require(f"task {self.name}()")
        if self._is_async and scope.leg.loop is None:
            raise NeedsEventLoop(
                f"In an sync context async tasks cannot be called: {self.name}() is asynchronous, and was called on "
                f"thread {scope.leg.turn.thread_id!r} by synchronous code. Make the caller `async def` and use "
                "ainvoke() or astream(), or make the task a plain function."
            )
        return scope.leg.call(scope, self._work(args, kwargs))

    def _work(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Work:
        function: Callable[..., Any] = self.function
        names = [name for index, name in self._injectable if name not in kwargs and index >= len(args)]
        if names:
            function = inputs.injecting(function, names, is_async=self._is_async)
        return Work(
            self.name,
            function,
            args,
            kwargs,
            self._is_async,
            retry=self._retry,
            cache=self._cache,
            timeout=self._timeout,
            atomic=self._atomic,
            cache_name=self._cache_name,
        )

    def clear_cache(self, cache: Cache | None = None) -> None:
        """Forget every cached result of this task, in the cache that is given, else Django's."""
        caching.forget(self._cache_name, caching.current(cache))

    async def aclear_cache(self, cache: Cache | None = None) -> None:
        """`clear_cache` for asynchronous code."""
        await asyncio.to_thread(self.clear_cache, cache)

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Tasks work as methods; `self` is not among the recorded arguments."""
        if instance is None:
            return self
        bound: Task[..., R] = Task.__new__(Task)
        bound.__dict__.update(self.__dict__)
        bound.function = self.function.__get__(instance, owner)
        return bound


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    retry_policy: RetryPolicy | Sequence[RetryPolicy] | None = None,
    cache_policy: CachePolicy | None = None,
    timeout: float | timedelta | TimeoutPolicy | None = None,
    atomic: bool = False,
    effects: Sequence[str] = (),
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(function: Callable[..., Any] | None = None, /, **options: Any) -> Any:
    """Make a task of a function, method or callable object: `@task` or `@task(name="…")`.

    A call within a run returns at once with a future (`concurrent.futures`, or asyncio's in asynchronous
    code) and runs in parallel. Its result is durable before anybody sees it, and the call never runs again.

    name: what the journal, streams and pages call it; renaming it makes it another call.
    retry_policy: one, or several of which the first that matches decides. Attempts are durable, and a wait over
        ten seconds holds neither thread nor lease.
    cache_policy: share results between threads.
    timeout: of an asynchronous task: seconds, timedelta or TimeoutPolicy; ValueError on a synchronous one.
    atomic: commit the task's own ORM writes and its result in one transaction: exactly once. Such a task calls no
        other task and asks no question.
    effects: what it does to the world, a few words each, as `["email", "payment"]`: the desk shows them to who decides.
        Nothing else follows from them. InvalidOption where they are not texts.
    """
    if function is None:
        return functools.partial(Task, **options)
    return Task(function, **options)


def _words(effects: Sequence[str], name: str) -> tuple[str, ...]:
    if isinstance(effects, str) or not all(isinstance(effect, str) and effect.strip() for effect in effects):
        raise InvalidOption(f'effects= of {name}() is {effects!r}; give a list of words: effects=["email"].')
    return tuple(effects)


__all__ = ["Task", "changed", "entrypoint", "sleep_for", "sleep_until", "task"]
