"""The reference: a program run straight through, all answers known, with nothing but memory.

Only failing is more than running: a task's outcome is remembered over attempts, and when the whole program
has failed, the failures after which their caller did nothing more are forgotten (rule 24).
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

from tests.hitl.model.program import Ask, Boom, T
from tests.hitl.model.walk import Walk


class Unanswered(BaseException):
    """The program asks what nobody has answered."""


@dataclasses.dataclass
class Scope:
    """What a scope has done: how many calls and questions, and how many by the time a failure reached it."""

    issued: int = 0
    failures: dict[str, int] = dataclasses.field(default_factory=dict)

    def last_failures(self) -> list[str]:
        return [at for at, issued in self.failures.items() if issued == self.issued]


@dataclasses.dataclass
class Done:
    """A future that has its outcome. void: the failures below that led to this one."""

    value: Any = None
    error: Boom | None = None
    void: list[str] = dataclasses.field(default_factory=list)


class Seen:
    """A future, as one scope holds it."""

    def __init__(self, done: Done, at: str, scope: Scope) -> None:
        self._done, self._at, self._scope = done, at, scope
        self._look()

    def _look(self) -> None:
        if self._done.error is not None:
            self._scope.failures[self._at] = self._scope.issued

    def exception(self) -> Boom | None:
        self._look()
        return self._done.error

    def result(self) -> Any:
        self._look()
        if self._done.error is not None:
            raise Boom(*self._done.error.args)
        return self._done.value


class Straight:
    """One program on one input. `missing`: what it asked in vain."""

    def __init__(self, program: list[Any]) -> None:
        self.program = program
        self.memo: dict[str, Done] = {}
        self.missing: list[str] = []
        self._failed: Counter[str] = Counter()
        self._answers: dict[str, str] = {}

    def attempt(self, answers: dict[str, str]) -> tuple[str, Any]:
        """Run it; ("value", …) or ("error", message). After an error the next attempt may come out otherwise."""
        self._answers, self.missing = answers, []
        walk = self._walk("")
        try:
            return "value", walk.scope(self.program)
        except Unanswered as error:
            return "unanswered", str(error)
        except Boom as error:
            for at in walk.notes.last_failures():
                self._forget(at)
            return "error", str(error)

    def _walk(self, at: str) -> Walk:
        walk = Walk(self, at)
        walk.notes = Scope()
        return walk

    def _forget(self, at: str) -> None:
        done = self.memo.get(at)
        if done is not None and done.error is not None:
            for below in done.void:
                self._forget(below)
            del self.memo[at]

    def issue(self, walk: Walk, task: T, arg: Any, at: str) -> Seen:
        walk.notes.issued += 1
        if at not in self.memo:
            self.memo[at] = self._run(task, arg, at)
        return Seen(self.memo[at], at, walk.notes)

    def _run(self, task: T, arg: Any, at: str) -> Done:
        walk = self._walk(at)
        try:
            return Done(value=walk.task(task, arg))
        except Boom as error:
            self._failed[at] += 1
            return Done(error=error, void=walk.notes.last_failures())

    def ask(self, walk: Walk, question: Ask, at: str) -> str:
        walk.notes.issued += 1
        if at not in self._answers:
            self.missing.append(at)
            raise Unanswered(at)
        return self._answers[at]

    def as_done(self, futures: list[Any]) -> list[int]:
        return list(range(len(futures)))

    def varying(self) -> Any:
        return None

    def recorded_failures(self, walk: Walk) -> int:
        return self._failed[walk.at]
