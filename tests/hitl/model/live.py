"""Running a program on the engine: one workflow and two tasks for all programs, and a ledger of what they did.

The ledger is told what the engine does not decide: which call of the program started, and which question got
which answer. What may not be goes to `wrong`; it is not raised there, since programs swallow exceptions.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from concurrent.futures import as_completed
from contextvars import ContextVar
from typing import Any

from hitl import scope as scopes
from hitl.checkpoint.memory import InMemorySaver
from hitl.func import entrypoint, task
from hitl.leg import Leg
from hitl.signals import Pause
from hitl.store import Store
from hitl.turn import call_of
from hitl.types import interrupt
from hitl.workflow import Workflow
from tests.hitl.model import program
from tests.hitl.model.program import Ask
from tests.hitl.model.walk import Walk

Place = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Start:
    """A run of a task began."""

    leg: Leg
    path: str
    failures: int


class Ledger:
    """What the code of one turn has done. Places are the engine's names for questions, `at` the program's."""

    def __init__(self, store: Store, thread_id: str, turn: int) -> None:
        self.store, self.thread_id, self.turn = store, thread_id, turn
        self.starts: dict[str, list[Start]] = {}
        self.lost: set[int] = set()
        self.remembered: set[str] | None = None
        self.asked: dict[Place, str] = {}
        self.accepted: dict[Place, str] = {}
        self.delivered: set[str] = set()
        self.wrong: list[str] = []

    def answers(self) -> dict[str, str]:
        """The answers that were taken, by the program's names of their questions."""
        return {at: self.accepted[place] for place, at in self.asked.items() if place in self.accepted}

    def failures(self, at: str) -> int:
        paths = {start.path for start in self.starts.get(at, ())}
        return sum(fact.kind == "error" and fact.path in paths for fact in self._facts())

    def begin(self, at: str, *, varies: bool) -> None:
        """A task starts: was it allowed to?"""
        scope = scopes.current.get()
        assert scope is not None
        before = self.starts.setdefault(at, [])
        now = Start(scope.leg, scope.path, self.failures(at))
        if before:
            problem = self._problem(at, before[-1], now, varies)
            if problem:
                self.wrong.append(f"{at} started again {problem}")
        before.append(now)

    def _problem(self, at: str, before: Start, now: Start, varies: bool) -> str:
        if now.path != before.path and not varies:
            # An answer that was given back comes as another one, and so does what is called with it.
            return "" if self._given_back(after=before.leg.turn.loaded_seq) else "as another call"
        if now.leg is before.leg:
            return "in the same pass"
        facts = [fact for fact in self._facts() if fact.kind in ("task", "error") and fact.path == before.path]
        if any(fact.kind == "task" for fact in facts):
            return "after its result was committed"
        if now.failures > before.failures:
            again = any(fact.kind == "failed" and fact.seq > facts[-1].seq for fact in self._facts())
            remembered = self.remembered is not None and at in self.remembered
            return "" if again and not remembered else "though its failure stands"
        if before.leg.lease.epoch in self.lost or self._answered_below(now.path, after=before.leg.turn.loaded_seq):
            return ""
        return "though nothing had happened to it"

    def _given_back(self, *, after: int) -> bool:
        return any(fact.kind == "reopen" and fact.seq > after for fact in self._facts())

    def _answered_below(self, path: str, *, after: int) -> bool:
        answered = [fact for fact in self._facts() if fact.kind in ("answer", "release") and fact.seq > after]
        return any(f"{call_of(fact.path)}/".startswith(f"{path}/") for fact in answered)

    def _facts(self) -> list[Any]:
        return [fact for fact in self.store.facts(self.thread_id) if fact.turn == self.turn]

    def asking(self, place: Place, at: str) -> None:
        if self.asked.setdefault(place, at) != at:
            self.wrong.append(f"{at} was asked in the place of {self.asked[place]}")

    def used(self, place: Place, at: str, answer: str) -> None:
        self.delivered.add(answer)
        if self.accepted.get(place) != answer:
            self.wrong.append(f"{at} got {answer}, it had been given {self.accepted.get(place)}")


class Live:
    """The engine, as programs see it. shuffled: look at finished calls in another order in every other pass."""

    def __init__(self, body: list[Any], ledger: Ledger, *, shuffled: bool) -> None:
        self.body, self.ledger, self.shuffled = body, ledger, shuffled
        self.passes = 0

    def run(self) -> Any:
        self.passes += 1
        return self._walk("").scope(self.body)

    def _walk(self, at: str) -> Walk:
        walk = Walk(self, at)
        walk.notes = Counter[str]()
        return walk

    def issue(self, walk: Walk, task: program.T, arg: Any, at: str) -> Any:
        token = RUNNING.set((self, task, at))
        try:
            return TASKS[task.name](arg)
        finally:
            RUNNING.reset(token)

    def perform(self, task: program.T, arg: Any, at: str) -> Any:
        self.ledger.begin(at, varies=task.arg == program.VARIES)
        return self._walk(at).task(task, arg)

    def ask(self, walk: Walk, question: Ask, at: str) -> str:
        scope = scopes.current.get()
        assert scope is not None
        # Where a signal was swallowed before, this is no question any more.
        scope.leg.refuse_if_signalled()
        number = walk.notes[question.key]
        walk.notes[question.key] += 1
        where = str(number) if not question.key else f"={question.key}" + (f"~{number + 1}" if number else "")
        place = (scope.path, where)
        self.ledger.asking(place, at)
        text = f"{question.text} {self.passes}" if question.varies else question.text
        answer: str = interrupt(text, key=question.key)
        self.ledger.used(place, at, answer)
        return answer

    def as_done(self, futures: list[Any]) -> list[int]:
        if not self.shuffled:
            return [futures.index(future) for future in as_completed(futures)]
        order = list(range(len(futures)))[:: 1 if self.passes % 2 else -1]
        # Those that pause come last, as they do where time passes.
        return sorted(order, key=lambda number: isinstance(futures[number]._exception, Pause))

    def recorded_failures(self, walk: Walk) -> int:
        return self.ledger.failures(walk.at)

    def varying(self) -> Any:
        return f"pass {self.passes}"


RUNNING: ContextVar[tuple[Live, program.T, str]] = ContextVar("running")
LIVE: ContextVar[Live] = ContextVar("live")


@task(name="a")
def a(arg: Any) -> Any:
    return _perform(arg)


@task(name="b")
def b(arg: Any) -> Any:
    return _perform(arg)


TASKS = {"a": a, "b": b}


def _perform(arg: Any) -> Any:
    live, task, at = RUNNING.get()
    return live.perform(task, arg, at)


def _body(value: Any) -> Any:
    return LIVE.get().run()


def workflow(store: Store | None = None) -> Workflow:
    """The workflow of all programs."""
    return entrypoint(checkpointer=store or InMemorySaver(), name="model")(_body)
