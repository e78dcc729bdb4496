"""`@entrypoint` and `@task`: workflows as plain Python. The names are LangGraph's functional API's."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar, overload

from hitl import codec
from hitl import scope as scopes
from hitl.ending import Final
from hitl.scope import Work
from hitl.store import Store
from hitl.workflow import Workflow

P = ParamSpec("P")
R = TypeVar("R")


class entrypoint:
    """Make a workflow of a function whose first parameter is the input.

    checkpointer: where the journal is kept: `InMemorySaver()`, or nothing for Django's database.
    name: under which it is registered; else the function's name.
    title: for people; else made from the name. The docstring is the description.

    The function runs again from its start whenever the run goes on, so effects belong in tasks. Parameters
    named `config`, `previous` and `writer` are injected. Raises ValueError without a parameter,
    NotImplementedError for generators (items 2 to 4).
    """

    final = Final

    def __init__(self, checkpointer: Store | None = None, *, name: str | None = None, title: str | None = None) -> None:
        self._options = {"checkpointer": checkpointer, "name": name, "title": title}

    def __call__(self, function: Callable[..., Any]) -> Workflow:
        return Workflow(function, **self._options)  # type: ignore[arg-type]


class Task(Generic[P, R]):
    """A function whose calls within a run are recorded: each returns a future, and runs once."""

    def __init__(self, function: Callable[P, R], *, name: str | None = None) -> None:
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
        codec.register_annotations(plain)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Any:
        scope = scopes.require(f"task {self.name}()")
        if self._is_async and scope.leg.loop is None:
            raise RuntimeError("In an sync context async tasks cannot be called")
        return scope.leg.call(scope, Work(self.name, self.function, args, kwargs, self._is_async))

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
def task(*, name: str | None = None) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(function: Callable[..., Any] | None = None, /, *, name: str | None = None) -> Any:
    """Make a task of a function, method or callable object: `@task` or `@task(name="…")`.

    A call within a run returns at once with a future (`concurrent.futures`, or asyncio's in asynchronous
    code) and runs in parallel. Its result is durable before anybody sees it, and the call never runs again.
    name: what the journal, streams and pages call it; renaming it makes it another call.
    """
    if function is None:
        return functools.partial(Task, name=name)
    return Task(function, name=name)
