"""How a pass over a body ends: the engine's record decides, not what the body returned or raised (rule 16)."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, TypeVar

from hitl import answers, attempts, codec, failures, retrying, transitions
from hitl.errors import Invalid, JournalUnreachable, RunStopped
from hitl.facts import Fact
from hitl.leg import Leg
from hitl.scope import Namespace
from hitl.types import Interrupt
from hitl.unit import Unit

V = TypeVar("V")
S = TypeVar("S")


@dataclasses.dataclass(slots=True)
class Outcome:
    """How a run left the thread: with a value, with questions, asleep until a time, or with an error.

    nested: the questions that were asked in child workflows, with where.
    has_before: an earlier turn returned something.
    goes_on: a start that waited for this turn has opened the next one, which nobody runs yet.
    """

    value: Any = None
    interrupts: tuple[Interrupt, ...] = ()
    nested: list[tuple[Namespace, Interrupt]] = dataclasses.field(default_factory=list)
    until: datetime | None = None
    error: BaseException | None = None
    cached: bool = False
    goes_on: bool = False
    run_id: str = ""
    has_before: bool = True

    @property
    def kind(self) -> str:
        """One word: failed, asleep (until a time), interrupted or succeeded."""
        if self.error is not None:
            return "failed"
        if self.until is not None:
            return "asleep"
        return "interrupted" if self.interrupts else "succeeded"


@dataclasses.dataclass(frozen=True)
class Final(Generic[V, S]):
    """What `entrypoint.final` carries: `value` for the caller, `save` for the next turn's `previous`."""

    value: V
    save: S


class Ending:
    """Decides once what a pass comes to, and writes it as one transition on the thread's locked row.

    Of a leg that was taken away there is nothing to write; the caller finds its `stopped` error.
    """

    def __init__(self, leg: Leg, value: Any, error: BaseException | None) -> None:
        self.outcome = Outcome(run_id=leg.turn.run_id)
        self._leg = leg
        self._facts: list[Fact] = [*leg.withheld, *leg.buffer.take()]
        self._write: Callable[[Unit], bool]
        stopped = leg.stopped.error if leg.stopped else None
        if isinstance(stopped, (RunStopped, JournalUnreachable)):
            self._write = _nothing
        elif stopped is not None:
            self._fail(stopped)
        elif leg.sleepers:
            self._write = self._wait
        elif leg.open_questions():
            self._write = self._pause
        elif error is not None:
            self._try_again_or_fail(error)
        elif missed := leg.undelivered():
            self._fail(leg.diverged(missed).error)
        else:
            self._finish(value)

    def write(self, unit: Unit) -> bool:
        """Add the facts. Returns whether the leg is over; False: another run came in, go on."""
        return self._write(unit)

    def _pause(self, unit: Unit) -> bool:
        leg = self._leg
        over = transitions.pause(
            unit,
            leg.lease,
            [*self._facts, *leg.open_calls(), *leg.asked],
            seen=leg.turn.loaded_seq,
            code_version=leg.code_version,
            rejected=leg.rejected,
        )
        self._tell_questions(unit)
        return over

    def _tell_questions(self, unit: Unit) -> None:
        rows = {row.id: row for row in unit.questions.values()}
        self.outcome.interrupts = interrupts(rows.values())
        self.outcome.has_before = unit.thread.output_seq is not None
        self.outcome.nested.clear()
        for asked in self.outcome.interrupts:
            ns = self._leg.nested(rows[asked.id].path)
            if ns:
                self.outcome.nested.append((ns, asked))

    def _wait(self, unit: Unit) -> bool:
        leg = self._leg
        until = min(leg.sleepers)
        over = transitions.wait(
            unit,
            leg.lease,
            [*self._facts, *leg.open_calls(), *leg.asked],
            seen=leg.turn.loaded_seq,
            until=until,
            code_version=leg.code_version,
            rejected=leg.rejected,
        )
        self._tell_questions(unit)
        self.outcome.until = until
        return over

    def _try_again_or_fail(self, error: BaseException) -> None:
        """An entrypoint's retry is another pass: finished tasks are kept (departure f)."""
        leg = self._leg
        try:
            wait = retrying.next_wait_seconds(leg.retry, leg.body.tries, error)
        except Exception as broken:
            wait, error = None, broken
        if wait is None:
            self._fail(error)
            return
        failed = attempts.fact(leg.turn, leg.body, error=error, wait=wait)
        self._facts.append(failed)
        if attempts.is_long(wait):
            leg.sleepers.append(datetime.fromisoformat(failed.detail["due"]))
            self._write = self._wait
        else:
            self._write = self._again

    def _again(self, unit: Unit) -> bool:
        transitions.try_again(unit, self._leg.lease, self._facts)
        return False

    def _fail(self, error: BaseException) -> None:
        self.outcome.error = error
        self._write = self._failed

    def _failed(self, unit: Unit) -> bool:
        error = self.outcome.error
        assert error is not None
        transitions.fail(
            unit,
            self._leg.lease,
            facts=self._facts,
            detail=failures.describe(error) | {"void": self._leg.body.last_failures()},
            reopen=self._leg.returned_answers(error),
        )
        return True

    def _finish(self, value: Any) -> None:
        final = value if isinstance(value, Final) else Final(value, value)
        name = self._leg.turn.workflow
        try:
            self._text = codec.encode(final.value, where=f"result of {name}")
            same = final.save is final.value
            self._saved = self._text if same else codec.encode(final.save, where=f"saved value of {name}")
        except Invalid as error:
            self._fail(error)
            return
        self.outcome.value, self.outcome.cached = codec.decode(self._text), self._leg.cached
        self._write = self._finished

    def _finished(self, unit: Unit) -> bool:
        leg = self._leg
        transitions.finish(unit, leg.lease, facts=self._facts, text=self._text, saved=self._saved, cached=leg.cached)
        self.outcome.goes_on = unit.thread.status == "busy"
        return True

    @property
    def result(self) -> tuple[str, str] | None:
        """Of a finished turn, what it returned and what it saved, as texts."""
        return (self._text, self._saved) if self._write == self._finished else None


def _nothing(unit: Unit) -> bool:
    raise AssertionError("A leg that was taken away writes nothing.")


def interrupts(questions: Any) -> tuple[Interrupt, ...]:
    """Open questions among these rows as `Interrupt`s, in the order they were asked."""
    rows = [row for row in questions if row.status in ("pending", "held")]
    rows.sort(key=lambda row: row.asked_seq)
    return tuple(Interrupt(answers.asked(row), row.id, answers.schema_of(row)) for row in rows)
