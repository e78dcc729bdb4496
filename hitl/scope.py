"""Where code runs within a leg: the body, or one call of a task. Bookkeeping only; `hitl.leg` decides.

`current` is the scope that the running code belongs to; calls and questions are counted per scope.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from datetime import UTC, datetime
from enum import Enum, auto
from time import monotonic
from typing import TYPE_CHECKING, Any

from hitl.caching import CachePolicy
from hitl.errors import Misuse, NotInRun
from hitl.facts import Fact
from hitl.retrying import Policies
from hitl.signals import Signal
from hitl.timeouts import TimeoutPolicy

if TYPE_CHECKING:
    from asyncio import Task

    from hitl.futures import AsyncTaskFuture, TaskFuture
    from hitl.leg import Leg

Namespace = tuple[str, ...]

current: ContextVar[Scope | None] = ContextVar("hitl_scope", default=None)


def require(what: str) -> Scope:
    """The scope of the running code; NotInRun where there is none."""
    scope = current.get()
    if scope is None:
        raise NotInRun(
            f"{what} was called outside a run (Called get_config outside of a runnable context). Call it from an "
            "@entrypoint body or a @task that runs within one."
        )
    return scope


@dataclasses.dataclass(frozen=True, slots=True)
class Work:
    """What a call is to do: a task's function with its arguments, and how it is named.

    is_workflow: a child workflow; what happens in it has a namespace of its own.
    retry, cache, timeout: the task's policies. atomic: its own ORM writes and its result are one transaction.
    cache_name: what its results are cached under, with their key.
    """

    name: str
    function: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    is_async: bool = False
    is_workflow: bool = False
    retry: Policies = ()
    cache: CachePolicy | None = None
    timeout: TimeoutPolicy | None = None
    atomic: bool = False
    cache_name: str = ""


class State(Enum):
    QUEUED = auto()
    RUNNING = auto()
    RETURNED = auto()
    RECORDING = auto()
    PAUSED = auto()
    DONE = auto()


class Scope:
    """The body of a workflow, and what body and calls have in common."""

    parent: Scope | None = None

    def __init__(self, leg: Leg, path: str = "", attempt: int = 1) -> None:
        self.leg = leg
        self.path = path
        self.attempt = attempt
        self.name = ""
        # Which try of this scope's code runs, and when the first of them began.
        self.tries = leg.turn.tries(path) + 1
        self.began = leg.turn.began.get(path) or datetime.now(UTC)
        # When it last gave a sign of life, and when it last did anything that shows (monotonic seconds).
        self.last_beat = 0.0
        self.last_deed = 0.0
        self.begin()
        # Calls whose future is unresolved, and calls whose outcome has not been looked at.
        self.children = 0
        self.unobserved = 0
        # How much of its code was told of a pause and waits until nothing moves (hitl.stillness).
        self.waiting = 0
        # A signal went through here: every further engine call raises it again.
        self.signal: Signal | None = None
        # A question of this scope, or below it, has no answer: whatever the code returns, it is not done.
        self.blocked = False

    def begin(self) -> None:
        """Count from the start: its code runs for the first time, or is tried again."""
        self.calls = 0
        self._counts: dict[tuple[str, str], int] = {}
        # The records that its code has met: calls, questions and timers.
        self.taken: set[str] = set()
        self._questions = 0
        self._keys: dict[str, int] = {}
        self.events = 0
        self.timers = 0
        # Failures that reached this scope, by the call's path: how much it had issued by then (rule 24).
        self._failures: dict[str, int] = {}

    def beat(self) -> None:
        """A sign of life, for an idle timeout."""
        self.last_beat = monotonic()

    def refuse_if_atomic(self) -> None:
        """Within an atomic task nothing else can be recorded: it would wait for the task's own transaction."""

    def count(self, name: str, digest: str) -> int:
        """How many equal calls came before this one."""
        nth = self._counts.get((name, digest), 0)
        self._counts[name, digest] = nth + 1
        return nth

    @property
    def issued(self) -> int:
        """How many calls and questions it has issued."""
        return self.calls + self._questions + sum(self._keys.values())

    def failed(self, path: str) -> None:
        """A failure of this call reached the scope."""
        self._failures[path] = self.issued

    def last_failures(self) -> list[str]:
        """The calls whose failure was the last that happened here: nothing was issued after it (rule 24)."""
        return [path for path, issued in self._failures.items() if issued == self.issued]

    def where(self, key: str) -> str:
        """The place of the next question here: its number, or "=" and its author's key (numbered if repeated)."""
        if not key:
            self._questions += 1
            return str(self._questions - 1)
        nth = self._keys[key] = self._keys.get(key, 0) + 1
        return f"={key}" if nth == 1 else f"={key}~{nth}"


class Call(Scope):
    """One call of a task that is not in the journal yet, or a stand-in for one that is."""

    parent: Scope

    def __init__(self, parent: Scope, work: Work, *, path: str, digest: str, position: int, alone: bool) -> None:
        turn = parent.leg.turn
        super().__init__(parent.leg, path, turn.next_attempt(path, "error") + turn.next_attempt(path, "attempt") - 1)
        self.parent = parent
        self.work = work
        self.name = work.name
        self.context = copy_context()
        self.digest = digest
        self.position = position
        self.alone = alone
        self.state = State.QUEUED
        self.moving = False
        self.holds_slot = False
        self.observed = False
        self.started_at = datetime.now(UTC)
        # The same of this attempt, in monotonic seconds: clocks may be set while it runs.
        self.attempt_began = 0.0
        self.value: Any = None
        self.error: BaseException | None = None
        self.future: TaskFuture | AsyncTaskFuture
        self.running: Task[Any] | None = None
        # The child workflows that it is part of, from outside to inside, each named for who called it.
        around: Namespace = parent.namespace if isinstance(parent, Call) else ()
        caller = f"{parent.name or parent.leg.node}:{path.replace('/', '.')}"
        self.namespace: Namespace = (*around, caller) if work.is_workflow else around
        self.noted = False
        self.cached = False
        self.cache_key = ""
        # The fact of an atomic task, written together with its effects.
        self.written: Fact | None = None
        # How many seconds after its start its caller cancelled the future; None: it did not.
        self.abandoned: float | None = None
        self.failure = False

    def try_again(self) -> None:
        """Forget what the failed attempt did; what it finished is recorded."""
        self.tries += 1
        self.attempt += 1
        self.begin()
        self.value, self.error = None, None
        self.unobserved = 0
        self.state = State.RUNNING

    def refuse_if_atomic(self) -> None:
        if self.work.atomic:
            raise Misuse(
                f"The atomic task {self.name}() called another task, asked a question or slept: its transaction stays "
                "open meanwhile. Do that in the body or in a task around it."
            )

    def observe(self) -> None:
        """Its outcome reached the caller."""
        with self.leg.lock:
            if self.failure:
                self.parent.failed(self.path)
            if not self.observed:
                self.observed = True
                self.parent.unobserved -= 1

    def cancel(self) -> None:
        """The caller does not want it any more (asynchronous code only)."""
        self.leg.abandon(self)
