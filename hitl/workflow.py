"""A workflow: what `@entrypoint` makes of a function, to be called in code or run by an executor."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import cached_property, partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from hitl import calling, codec, conf, inputs, retrying, timeouts, wholes
from hitl import scope as scopes
from hitl.caching import Cache, CachePolicy
from hitl.describing import Described
from hitl.ending import Final
from hitl.errors import Misuse, NoCheckpointer, NoThreadId
from hitl.invoking import Invoking
from hitl.leg import Leg
from hitl.retrying import RetryPolicy
from hitl.scope import Scope, Work
from hitl.store import Store
from hitl.timeouts import TimeoutPolicy
from hitl.types import Command

if TYPE_CHECKING:
    Config = Mapping[str, Any]

MAX_VERSION = 40
# By module, workflows that declare a version: of two functions of one name a module keeps only the second.
VERSIONED: dict[str, list[Workflow]] = {}


class Workflow(Invoking, Described):
    """A durable workflow.

    name: what threads belong to: the registered name, else `module:qualname` (rule 9).
    version: which of several functions of that name this is; "" where the code declares none (rule 14).
    title, description: for people; the description is the function's docstring.
    input_schema: JSON Schema of the input, from the annotation of the first parameter; {} without one.
    """

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
