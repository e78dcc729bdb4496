"""New starts on a thread while a program runs in it: refused, in line, in the place of the open turn, later, withdrawn.

Every start has a number, which is its input: by it one sees which turns began, and in which order.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any, Literal, get_args

from hitl import codec, errors, line, transitions
from hitl.facts import Author
from hitl.opening import PUSHING, STRATEGIES, Start
from tests.hitl.model.faults import Push

BEN = Author(None, "ben", "web")
Anew = Literal["refused", "lining", "interrupting", "rolling", "later", "withdrawn"]
STRATEGY: dict[Push, str] = {"interrupting": "interrupt", "rolling": "rollback", "lining": "enqueue"}
assert STRATEGY.keys() == set(get_args(Push))


class Pushes:
    """What `Play` does with starts: `play` is the thread's, and makes its transitions."""

    def __init__(self, play: Any) -> None:
        self.play = play
        self.numbers = count(1)
        self.line: list[int] = []
        self.taken: set[int] = set()

    def start(self, strategy: str = "reject", *, later: bool = False, **options: Any) -> tuple[int, Any]:
        """A start with the next number; later: for a time that has come as soon as it is looked at."""
        number = next(self.numbers)

        def work(unit: Any) -> Any:
            run_at = unit.now + timedelta(microseconds=1) if later else None
            asked = Start("model", codec.encode(number), BEN, strategy=strategy, run_at=run_at)
            return transitions.start(unit, asked, **options)

        run = self.play.transact(work, create=True)
        self.taken.add(number)
        if run.status == "waiting":
            self.line.append(number)
        else:
            assert self.begun()[-1] == number, "a start was taken, and another one began"
        return number, run

    def push(self, how: Push) -> None:
        self.start(STRATEGY[how])

    def anew(self, manner: Anew, pick: int) -> None:
        """At a pause or a failure."""
        if manner == "later":
            self.later(STRATEGIES[1 + pick % 3])
        elif manner in ("refused", "withdrawn"):
            getattr(self, manner)()
        else:
            self.push(manner)  # type: ignore[arg-type]

    def refused(self) -> None:
        """To a thread that waits."""
        error = errors.ThreadInError if self.play.thread.status == "error" else errors.ThreadInterrupted
        with self.play.refused(error):
            self.start()

    def later(self, strategy: str) -> None:
        """For a time that comes; then it waits on for the open turn, or ends it."""
        number, _ = self.start(strategy, later=True)
        run = self.play.transact(line.begin_due)
        if strategy in PUSHING:
            assert run is not None and self.begun()[-1] == number
            self.line.remove(number)
        else:
            assert run is None, "an open turn was not waited for"

    def withdrawn(self) -> None:
        number, run = self.start("enqueue")
        withdraw = partial(line.withdraw, run_id=run.id, author=BEN)
        self.play.transact(withdraw)
        with self.play.refused(errors.NothingToCancel):
            self.play.transact(withdraw)
        self.line.remove(number)
        self.taken.remove(number)

    # What has to hold

    def begun(self) -> list[int]:
        """The starts whose turns have begun, in order."""
        facts = self.play.store.facts(self.play.thread_id)
        return [codec.decode(fact.value) for fact in facts if fact.kind == "input"]

    def check(self) -> None:
        """Whoever was taken begins once, in the order of the line, and nobody else; unless a failed turn keeps them."""
        begun = self.begun()
        assert max(Counter(begun).values()) == 1, "a start began twice"
        assert set(begun) <= self.taken, "a start began that was refused or withdrawn"
        if self.play.thread.status == "idle":
            assert set(begun) == self.taken, "a start was taken, and never began"
        assert [number for number in begun if number in self.line] == self.line[: len(set(begun) & set(self.line))]

    def check_previous(self) -> None:
        """A turn builds on the last one that came to its end, whatever was given up since."""
        facts = self.play.store.facts(self.play.thread_id)
        outputs = [fact.value for fact in facts if fact.kind == "output" and fact.turn < self.play.thread.turn]
        assert self.play.store.load(self.play.thread_id).previous == (outputs[-1] if outputs else None)
