"""Playing a program by a schedule: legs, crashes, answers and retries, and what has to hold after each of them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future, wait
from contextvars import copy_context
from functools import partial
from itertools import count
from threading import Thread
from typing import Any, Literal, get_args

from hypothesis import strategies as st

from hitl import answering, codec, errors, run, transitions
from hitl import scope as scopes
from hitl.answering import Given
from hitl.facts import Author
from hitl.testing import in_callers_thread
from hitl.turn import call_of
from tests.hitl.model import live, program, rows
from tests.hitl.model.faults import Crash, Fault
from tests.hitl.model.pushes import Anew, Pushes
from tests.hitl.model.straight import Straight

ANA = Author(None, "ana", "web")
MAX_STEPS = 300
HANG_SECONDS = 60
Manner = Literal["one", "map", "scalar", "twice", "stale", "ahead", "token", "undo", "hold", "cancel", "retry"] | Anew


@dataclasses.dataclass(repr=False, kw_only=True)
class Reply(program.Node):
    """What happens at a pause or a failure. pick: which question, counted round; bad: what picky ones refuse."""

    manner: Manner = "one"
    pick: int = 0
    bad: bool = False


@dataclasses.dataclass(repr=False, kw_only=True)
class Schedule(program.Node):
    """faults: at which write of a leg what happens. retries: how many failures are tried again. turns: how many."""

    faults: dict[int, Fault] = dataclasses.field(default_factory=dict)
    replies: list[Reply] = dataclasses.field(default_factory=list)
    retries: int = 0
    turns: int = 1


def schedules(faults: list[Fault]) -> st.SearchStrategy[Schedule]:
    replies = st.builds(
        Reply,
        manner=st.sampled_from([manner for each in get_args(Manner) for manner in get_args(each)]),
        pick=st.integers(0, 3),
        bad=st.booleans(),
    )
    return st.builds(
        Schedule,
        faults=st.dictionaries(st.integers(1, 20), st.sampled_from(faults), max_size=3),
        replies=st.lists(replies, max_size=6),
        retries=st.integers(0, 3),
        turns=st.integers(1, 2),
    )


class Play:
    """One thread and all that happens to it. inline: in this thread; else tasks run on threads of their own."""

    numbers = count()

    def __init__(self, store: Any, body: list[Any], schedule: Schedule, *, inline: bool = True) -> None:
        self.store: Any = store
        self.body, self.schedule, self.inline = body, schedule, inline
        self.thread_id = f"model-{next(self.numbers)}"
        self.workflow = live.workflow(store)
        self.replies = list(schedule.replies)
        self.tokens = count(1)
        self.nested = False
        self.pushes = Pushes(self)

    def play(self) -> None:
        self.store.plan(self.schedule.faults, self.happen)
        for _ in range(self.schedule.turns):
            self.turn()
            self.check()

    # A turn

    def turn(self) -> None:
        self.pushes.start(discard_pending=True)
        self.open()
        retries = self.schedule.retries
        for _ in range(MAX_STEPS):
            status = self.thread.status
            if status == "busy":
                self.leg()
            elif status == "interrupted":
                self.reply(self.next_reply())
            elif status == "error" and retries:
                retries -= 1
                self.try_again(self.next_reply())
            else:
                return
            self.look()
            if self.thread.turn != self.ledger.turn:
                # It has ended, or was given up, and another start's turn has begun.
                self.open()
        raise AssertionError(f"no end after {MAX_STEPS} steps")

    def open(self) -> None:
        """A turn has begun."""
        self.pushes.check_previous()
        self.ledger = live.Ledger(self.store, self.thread_id, self.thread.turn)
        self.live = live.Live(self.body, self.ledger, shuffled=self.inline)
        self.straight = Straight(self.body)
        self.seen_failures = 0

    @property
    def thread(self) -> Any:
        return self.store.thread(self.thread_id)

    def next_reply(self) -> Reply:
        return self.replies.pop(0) if self.replies else Reply()

    # Legs

    def leg(self) -> None:
        """Claim and run, as an executor does; a leg may be cut off only by what was planned."""
        self.transact(self._expire)
        lease = self.transact(run.claiming(self.workflow))
        assert lease is not None, "nobody has the lease, and it could not be taken"
        config = {"configurable": {"thread_id": self.thread_id}, "metadata": {}}
        setting = run.Setting(self.workflow, self.store, lease, config, lambda *told: None)
        token = live.LIVE.set(self.live)
        try:
            self.execute(setting)
            assert lease.epoch not in self.store.dead, "a dead process came to an end"
        except (errors.RunStopped, Crash) as error:
            assert lease.epoch in self.store.dead or self.thread.lease_epoch != lease.epoch, error
            self.ledger.lost.add(lease.epoch)
        finally:
            live.LIVE.reset(token)

    def execute(self, setting: run.Setting) -> None:
        if self.inline:
            with in_callers_thread():
                run.execute(setting)
            return
        # In the background, so that a leg that hangs is a failure like any other, and shrinks.
        ended: Future[Any] = Future()
        context = copy_context()

        def work() -> None:
            try:
                ended.set_result(context.run(run.execute, setting))
            except BaseException as error:
                ended.set_exception(error)

        Thread(target=work, daemon=True).start()
        assert wait([ended], HANG_SECONDS).done, "the leg hangs"
        ended.result()

    @staticmethod
    def _expire(unit: Any) -> None:
        """Nobody runs this thread any more: what lease there is has run out."""
        if unit.thread.lease_owner:
            unit.thread.lease_expires_at = unit.now

    def happen(self, fault: Fault) -> None:
        """What others do in the middle of a leg."""
        if fault == "cancelled":
            self.transact(partial(transitions.cancel, author=ANA), closed=True)
        elif fault == "usurped" and self.inline:
            self.ledger.lost.add(self.thread.lease_epoch)
            copy_context().run(self._usurp)
        elif fault in ("interrupting", "rolling", "lining"):
            self.pushes.push(fault)
        elif fault == "answered" and (pending := self.pending()):
            self.answer(pending[0], Reply())

    def _usurp(self) -> None:
        scopes.current.set(None)
        self.leg()

    # Answers

    def pending(self) -> list[Any]:
        rows = [row for row in self.store.open_questions(self.thread_id) if row.status == "pending"]
        for row in rows:
            assert row.problem or _place(row) not in self.ledger.accepted, "an answer was taken, and thrown away"
        return rows

    def token(self, reply: Reply) -> str:
        return f"{next(self.tokens)} {'bad' if reply.bad else 'good'}"

    def transact(self, work: Any, **options: Any) -> Any:
        return self.store.transact(self.thread_id, work, **options)

    def answer(self, row: Any, reply: Reply, *, version: int | None = None, **options: Any) -> str:
        """Answer this question, as it was when the row was read; returns the answer."""
        token = self.token(reply)
        given = {row.id: Given(token, row.version if version is None else version)}
        work = partial(answering.answer, given=given, author=ANA, **options)
        self.transact(work, closed=True, questions=[row.id])
        self.taken(row, token)
        return token

    def taken(self, row: Any, token: str) -> None:
        self.ledger.accepted[_place(row)] = token

    def try_again(self, reply: Reply) -> None:
        """After a failure: answer what was given back, or retry with what stands."""
        if reply.manner not in ("retry", "cancel") and self.pending():
            self.reply(reply)
        elif reply.manner == "cancel":
            self.transact(partial(transitions.cancel, author=ANA), closed=True)
        else:
            self.transact(partial(transitions.retry, author=ANA))

    def reply(self, reply: Reply) -> None:
        pending = self.pending()
        assert pending, "a thread waits, and nothing is asked"
        row = pending[reply.pick % len(pending)]
        if reply.manner not in get_args(Anew):
            getattr(self, f"_{reply.manner}")(row, pending, reply)
            return
        self.pushes.anew(reply.manner, reply.pick)  # type: ignore[arg-type]
        if self.thread.turn == self.ledger.turn:
            self.answer(row, reply)

    def _one(self, row: Any, pending: list[Any], reply: Reply) -> None:
        self.answer(row, reply)

    _retry = _one

    def _map(self, row: Any, pending: list[Any], reply: Reply) -> None:
        """All but some of the open questions at once."""
        some = pending[reply.pick % len(pending) :]
        tokens = {row.id: self.token(reply) for row in some}
        self.transact(partial(answering.resume, value=tokens, author=ANA), closed=True)
        for row in some:
            self.taken(row, tokens[row.id])

    def _scalar(self, row: Any, pending: list[Any], reply: Reply) -> None:
        token = self.token(reply)
        resume = partial(answering.resume, value=token, author=ANA)
        if len(pending) > 1:
            with self.refused(errors.AmbiguousAnswer):
                self.transact(resume, closed=True)
            self.answer(row, reply)
            return
        self.transact(resume, closed=True)
        self.taken(row, token)

    def _twice(self, row: Any, pending: list[Any], reply: Reply) -> None:
        self.answer(row, reply)
        with self.refused(errors.AlreadyAnswered):
            self.answer(row, reply)

    def _stale(self, row: Any, pending: list[Any], reply: Reply) -> None:
        with self.refused(errors.StaleAnswer):
            self.answer(row, reply, version=row.version - 1)
        self.answer(row, reply)

    def _ahead(self, row: Any, pending: list[Any], reply: Reply) -> None:
        with self.refused(errors.StaleAnswer):
            self.answer(row, reply, version=row.version + 1)
        self.answer(row, reply)

    def _token(self, row: Any, pending: list[Any], reply: Reply) -> None:
        """The same form, submitted twice."""
        token = self.answer(row, reply, token="submit")
        with self.unchanged():
            self.answer(row, reply, token="submit")
        self.taken(row, token)

    def _undo(self, row: Any, pending: list[Any], reply: Reply) -> None:
        self.answer(row, reply, hold_seconds=60)
        undo = partial(answering.undo, question_id=row.id, version=row.version, author=ANA)
        self.transact(undo, closed=True)
        del self.ledger.accepted[_place(row)]
        with self.refused(errors.StaleAnswer):
            self.answer(row, reply)
        again = next(there for there in self.pending() if there.id == row.id)
        self.answer(again, reply)

    def _hold(self, row: Any, pending: list[Any], reply: Reply) -> None:
        self.answer(row, reply, hold_seconds=1e-6)
        with self.refused(errors.QuestionHeld):
            self.answer(row, reply)
        assert self.transact(partial(answering.release, question_id=row.id), closed=True)

    def _cancel(self, row: Any, pending: list[Any], reply: Reply) -> None:
        self.transact(partial(transitions.cancel, author=ANA), closed=True)
        with self.refused(errors.QuestionClosed):
            self.answer(row, reply)

    def refused(self, error: type[Exception]) -> Any:
        """Within, it is refused with this error, and nothing is written."""
        return _Refused(self, error)

    def unchanged(self) -> Any:
        return _Refused(self, None)

    # What has to hold

    def look(self) -> None:
        """After each step: no rule was broken, and a turn that came to an end came to the right one."""
        assert not self.ledger.wrong, self.ledger.wrong
        facts = [fact for fact in self.store.facts(self.thread_id) if fact.turn == self.ledger.turn]
        # Of a turn that another one has followed nothing is open.
        ended = self.thread.status if self.thread.turn == self.ledger.turn else "idle"
        if (ended == "idle" and facts[-1].kind == "output") or (ended == "interrupted" and self.inline):
            left = set(self.ledger.accepted.values()) - self.ledger.delivered
            assert not left, f"taken, and given to nobody: {left}"
        failures = [fact for fact in facts if fact.kind == "failed"]
        if len(failures) > self.seen_failures:
            self.seen_failures += 1
            assert len(failures) == self.seen_failures, "failed twice in one step"
            self.compare("error", failures[-1].detail["message"], failures[-1].detail["type"])
            self.given_back(facts, failures[-1])
        outputs = [fact for fact in facts if fact.kind == "output"]
        if outputs and ended == "idle":
            self.compare("value", codec.decode(outputs[0].value or "null"), "")

    def given_back(self, facts: list[Any], failed: Any) -> None:
        """Rule 21: a question whose fresh answer made the run fail is pending again, one version on."""
        _, refused, token = failed.detail["message"].partition(" refused ")
        taken = [fact for fact in facts if fact.kind in ("answer", "release") and fact.value == codec.encode(token)]
        if not refused or not taken:
            return
        since = [fact for fact in facts if taken[0].seq < fact.seq < failed.seq]
        below = [fact for fact in since if fact.kind in ("task", "error") and fact.path.startswith(_below(taken[0]))]
        void = _void(facts, failed.detail["void"])
        if any(fact.path not in void for fact in below) or [
            fact.kind for fact in since if fact.kind in ("leg", "pause", "failed")
        ] != ["leg"]:
            return
        row = self.store.question(taken[0].detail["id"])
        assert (row.status, row.version) == ("pending", taken[0].detail["version"] + 1), "was not given back"

    def compare(self, kind: str, value: Any, of: str) -> None:
        expected = self.straight.attempt(self.ledger.answers())
        assert not self.straight.missing, f"was never asked: {self.straight.missing}"
        assert (kind, value) == expected, of
        assert of in ("", "Boom")
        if self.inline:
            self.ledger.remembered = set(self.straight.memo)

    def check(self) -> None:
        """At the end of a turn."""
        rows.check_journal(self.store, self.thread_id)
        rows.check_projections(self.store, self.thread_id)
        thread = self.thread
        assert thread.status in ("idle", "error")
        assert (thread.lease_owner, thread.lease_expires_at) == ("", None), "a lease is held"
        for question in self.store.open_questions(self.thread_id):
            assert thread.status == "error" and question.problem, f"{question.id} is open"
        runs = Counter(row.status for row in rows.runs(self.store, self.thread_id))
        assert not runs["queued"] and not runs["running"], runs
        self.pushes.check()


def _place(row: Any) -> live.Place:
    return row.path, row.key or str(row.position)


def _void(facts: list[Any], paths: Iterable[str]) -> set[str]:
    """These failures and those that led to them."""
    errors = {fact.path: fact for fact in facts if fact.kind == "error"}
    found = set(paths) & set(errors)
    return found.union(*(_void(facts, errors[path].detail["void"]) for path in found))


def _below(answer: Any) -> str:
    """What the paths of calls under the one that asked begin with."""
    call = call_of(answer.path)
    return f"{call}/" if call else ""


class _Refused:
    def __init__(self, play: Play, error: type[Exception] | None) -> None:
        self._play, self._error = play, error

    def __enter__(self) -> None:
        self._seq, self._accepted = self._play.thread.seq, dict(self._play.ledger.accepted)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if self._error is not None:
            assert kind is self._error, f"{self._error.__name__} was due, not {error!r}"
        self._play.ledger.accepted = self._accepted
        assert self._play.thread.seq == self._seq, "something was written"
        return self._error is not None
