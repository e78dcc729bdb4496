"""The open turn, indexed for replay: which recorded call is this, and which answer belongs here.

Rule 12: a call is found by its path, which is made of its parent, its task's name, the digest of its
arguments and how many equal ones came before. Only if none matches, and the record at that position was
alone, is it bound by position. Rule 13: an answer is delivered where place and question are the same.
Rule 17: a call is parked iff open questions lie at or below its path and none of these is newly answered.
Rule 24: a failure after which its parent did nothing more is void once the run has failed; the fact of
the failure that it led to names it. Rule 21: a failure that is void does not stand on the answer it came of.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from functools import cached_property

from hitl.facts import Fact, ancestors
from hitl.unit import Opened

RECORDS = ("task", "error", "call")


@dataclasses.dataclass(slots=True)
class Asked:
    """An open question of this turn. met: the code came to its place."""

    id: str
    digest: str
    version: int
    seq: int = 0
    met: bool = False


@dataclasses.dataclass(slots=True)
class Answered:
    """An answer of this turn; `seq` is when it (or the retry that uses it again) was given."""

    id: str
    digest: str
    version: int
    value: str
    seq: int
    delivered: bool = False


class Turn:
    """Built from the journal by one pass over the turn's facts, in order."""

    def __init__(self, opened: Opened) -> None:
        thread = opened.thread
        self.thread_id: str = thread.id
        self.workflow: str = thread.workflow
        self.number: int = thread.turn
        self.loaded_seq: int = thread.seq
        self.previous = opened.previous
        self.metadata = thread.metadata
        self.written = opened.events
        self.input = ""
        self.run_id = ""
        self.calls: dict[str, Fact] = {}
        self.open: dict[str, Asked] = {}
        self.answers: dict[str, Answered] = {}
        self.seen = 0
        # Timers by place; when the next attempt of a call is due, when the first one began, and how many failed.
        self.timers: dict[str, datetime] = {}
        self.due: dict[str, datetime] = {}
        self.began: dict[str, datetime] = {}
        self._tries: dict[str, int] = {}
        # What `changed()` has decided, by place; this leg adds its own decisions.
        self.branches: dict[str, bool] = {}
        self._attempts: dict[tuple[str, str], int] = {}
        self._returned: dict[str, Answered] = {}
        for fact in opened.facts:
            self._read(fact)
        self._place()
        self._open_below = {path for place in self.open for path in ancestors(call_of(place))}
        self._new_below = {
            path
            for place, answer in self.answers.items()
            if answer.seq > self.seen
            for path in ancestors(call_of(place))
        }

    # Questions put to it by the leg

    def at(self, parent_path: str, position: int) -> list[Fact]:
        """The records that stood at this position under this parent."""
        return self._positions.get((parent_path, position), [])

    def holds_more(self, path: str, met: Collection[str]) -> bool:
        """Whether the journal, as it was loaded, has calls, questions or timers of this scope beside those met."""
        standing = (self.calls, self.open, self.answers, self.timers)
        return any(
            place not in met and any(place in kept for kept in standing)
            for place in reversed(self._recorded_in.get(path, ()))
        )

    @cached_property
    def _recorded_in(self) -> dict[str, list[str]]:
        """By scope, the places that were recorded when this was loaded."""
        found: dict[str, list[str]] = {}
        for call in self.calls.values():
            if 0 < call.seq <= self.loaded_seq:
                found.setdefault(parent(call.path), []).append(call.path)
        for place in (*self.answers, *self.open):
            found.setdefault(call_of(place), []).append(place)
        for place in self.timers:
            found.setdefault(place.partition("~")[0], []).append(place)
        return found

    def parked(self, path: str) -> bool:
        return path in self._open_below and path not in self._new_below

    def given_back(self, raised: Collection[str], *, void: Collection[str]) -> Iterator[tuple[str, str]]:
        """Answers that these calls got first in this leg, and on which nothing stands (rule 21): (question, place).

        void: the failures that the next leg does not remember. A task that failed with a wrong answer is one of
        them, so nothing stands on that answer yet.
        """
        for place, answer in self.answers.items():
            path = call_of(place)
            is_first = path in raised and answer.seq > self.seen and self._came_to(path, answer)
            if is_first and not self._stands_below(path, since=answer.seq, void=void):
                yield answer.id, place

    def _came_to(self, path: str, answer: Answered) -> bool:
        """Whether the call had the answer: in this leg, or in one that died after the call's failure was recorded."""
        record = self.calls.get(path)
        return answer.delivered or (record is not None and answer.seq < record.seq <= self.loaded_seq)

    def _stands_below(self, path: str, *, since: int, void: Collection[str]) -> bool:
        begin = f"{path}/" if path else ""
        return any(
            call.kind != "call" and place not in void and place.startswith(begin) and not 0 < call.seq <= since
            for place, call in self.calls.items()
        )

    def voided(self, paths: Iterable[str]) -> set[str]:
        """These failures and those that led to them."""
        found: set[str] = set()
        for path in paths:
            record = self.calls.get(path)
            if record is not None and record.kind == "error":
                found |= {path, *self.voided(record.detail.get("void", ()))}
        return found

    def next_attempt(self, path: str, kind: str) -> int:
        return self._attempts.get((path, kind), 0) + 1

    def tries(self, path: str) -> int:
        """How often the call has been tried and failed since it began afresh."""
        return self._tries.get(path, 0)

    def remember(self, fact: Fact) -> None:
        """A fact of this leg, for a scope that is tried again in it."""
        self._attempts[fact.path, fact.kind] = fact.attempt
        if fact.kind in RECORDS and fact.path not in self.calls:
            self._positions.setdefault((parent(fact.path), fact.position), []).append(fact)
        if fact.kind in RECORDS:
            self.calls[fact.path] = fact

    def void(self, paths: Iterable[str]) -> None:
        """Let these failed calls run again."""
        for path in paths:
            self._void(path)
        self._place()

    @property
    def is_untouched(self) -> bool:
        """Whether nothing has happened in it yet."""
        return not (self.calls or self.open or self.answers or self.timers or self._tries)

    def undelivered(self) -> Iterator[tuple[str, Answered]]:
        """Answers, by place, that code has not been given, though the call they belong to ran."""
        for place, answer in self.answers.items():
            if not answer.delivered and not any(self._finished(path) for path in ancestors(call_of(place))):
                yield place, answer

    def _finished(self, path: str) -> bool:
        record = self.calls.get(path)
        return record is not None and record.kind != "call"

    # Reading

    def _read(self, fact: Fact) -> None:
        if fact.kind in RECORDS:
            self._attempts[fact.path, fact.kind] = fact.attempt
            self.calls[fact.path] = fact
            if fact.kind == "error":
                self._begin_afresh(fact.path)
            return
        read = getattr(self, f"_read_{fact.kind}", None)
        if read is not None:
            read(fact)

    def _read_input(self, fact: Fact) -> None:
        self.input = fact.value or "null"
        self.run_id = fact.detail["run"]

    def _place(self) -> None:
        self._positions: dict[tuple[str, int], list[Fact]] = {}
        for fact in self.calls.values():
            self._positions.setdefault((parent(fact.path), fact.position), []).append(fact)

    def _read_branch(self, fact: Fact) -> None:
        self.branches[fact.path] = True

    def _read_timer(self, fact: Fact) -> None:
        self.timers[fact.path] = datetime.fromisoformat(fact.detail["until"])

    def _read_attempt(self, fact: Fact) -> None:
        self._attempts[fact.path, fact.kind] = fact.attempt
        self._tries[fact.path] = self._tries.get(fact.path, 0) + 1
        self.due[fact.path] = datetime.fromisoformat(fact.detail["due"])
        self.began.setdefault(fact.path, datetime.fromisoformat(fact.detail["began"]))
        for path in fact.detail["void"]:
            self._void(path)

    def _read_wait(self, fact: Fact) -> None:
        self.seen = fact.detail["seen"]

    def _read_fork(self, fact: Fact) -> None:
        """What stood before is the base's; questions that were open there have been asked anew behind this."""
        self.run_id = fact.detail["run"]
        self.open.clear()
        self._returned.clear()

    def _read_question(self, fact: Fact) -> None:
        self.open[fact.path] = Asked(fact.detail["id"], fact.digest, fact.detail["version"], fact.seq)

    def _read_answer(self, fact: Fact) -> None:
        asked = self.open.pop(fact.path, None)
        before = self._returned.pop(fact.path, None)
        digest = asked.digest if asked else (before.digest if before else fact.digest)
        self.answers[fact.path] = Answered(
            fact.detail["id"], digest, fact.detail["version"], fact.value or "null", fact.seq
        )

    _read_release = _read_answer

    def _read_undo(self, fact: Fact) -> None:
        self.open[fact.path].version = fact.detail["version"]

    def _read_reopen(self, fact: Fact) -> None:
        answer = self.answers.pop(fact.path)
        self._returned[fact.path] = answer
        self.open[fact.path] = Asked(answer.id, answer.digest, fact.detail["version"], fact.seq)

    def _read_retry(self, fact: Fact) -> None:
        for path, answer in self._returned.items():
            self.open.pop(path, None)
            self.answers[path] = dataclasses.replace(answer, seq=fact.seq)
        self._returned.clear()

    def _read_pause(self, fact: Fact) -> None:
        self.seen = fact.detail["seen"]

    def _read_failed(self, fact: Fact) -> None:
        for path in list(self._tries):
            self._begin_afresh(path)
        for path in fact.detail.get("void", ()):
            self._void(path)

    def _begin_afresh(self, path: str) -> None:
        """Count the attempts of this call from one again."""
        for known in (self._tries, self.due, self.began):
            known.pop(path, None)

    def _void(self, path: str) -> None:
        """Let the call run again, and with it the calls whose failures led to its own."""
        record = self.calls.get(path)
        if record is None or record.kind != "error":
            return
        for below in record.detail.get("void", ()):
            self._void(below)
        if self._holds_any_below(path):
            # Its calls and questions are known by its path, so it stays bound to it.
            self.calls[path] = dataclasses.replace(record, kind="call")
        else:
            del self.calls[path]

    def _holds_any_below(self, path: str) -> bool:
        asked = any(path in ancestors(call_of(place)) for place in (*self.open, *self.answers))
        return asked or any(other.startswith(f"{path}/") for other in self.calls)


def parent(path: str) -> str:
    return path.rpartition("/")[0]


def call_of(place: str) -> str:
    """The call in which a question stands: its fact's path without what follows the "?"."""
    return place.partition("?")[0]
