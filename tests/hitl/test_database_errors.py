"""Rule 6: when the database fails, nothing runs again and nothing is written twice; callers are told clearly."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from hitl import transitions, verbs
from hitl.checkpoint.database import saver
from hitl.errors import JournalUnreachable, LeaseLost
from hitl.facts import Fact
from hitl.func import entrypoint, task
from hitl.journal import Entry
from hitl.models import Thread
from hitl.run import run_thread
from hitl.types import interrupt
from hitl.workflow import Workflow
from tests.hitl.cutting import (
    Once,
    cut,
    cut_all,
    end_all_sessions,
    impatience,
    locked,
    lose_connection,
    own_pid,
    renew_connections,
)
from tests.hitl.journals import evidence, gapless, kinds, leased, paused, result
from tests.hitl.racing import at_once, in_background

pytestmark = pytest.mark.usefixtures("engine")
Register = Callable[[Workflow], Workflow]


@pytest.fixture(autouse=True)
def connected(engine: None) -> Iterator[None]:
    """No connection that an earlier test has cut is left, nor one that this test cuts."""
    renew_connections()
    yield
    renew_connections()


@pytest.fixture
def impatient(engine: None) -> Iterator[None]:
    with impatience():
        yield


def append(*entries: Entry) -> None:
    saver().append_group(list(entries))


def group(outcomes: list[Any], *thread_ids: str) -> list[Entry]:
    return [Entry(leased(saver(), name), [result(1), result(2)], outcomes.append) for name in thread_ids]


@pytest.mark.postgres
@pytest.mark.parametrize("names", [["t"], ["t", "u"]], ids=["alone", "in a group"])
def test_an_append_whose_commit_was_not_heard_of_is_not_repeated(names: list[str]) -> None:
    outcomes: list[Any] = []
    entries = group(outcomes, *names)
    trouble = Once("INSERT INTO hitl_checkpoint", after=lambda: transaction.on_commit(lose_connection))
    with connection.execute_wrapper(trouble):
        append(*entries)
    assert trouble.happened
    assert outcomes == [None] * len(names)
    for name in names:
        assert kinds(saver(), name) == ["input", "leg", "task", "task"]
        assert gapless(saver(), name)


@pytest.mark.postgres
@pytest.mark.parametrize("names", [["t"], ["t", "u"]], ids=["alone", "in a group"])
def test_an_append_that_was_cut_off_before_its_commit_is_made_again(names: list[str]) -> None:
    outcomes: list[Any] = []
    entries = group(outcomes, *names)
    pid = own_pid()
    trouble = Once("INSERT INTO hitl_checkpoint", before=partial(cut, pid))
    with connection.execute_wrapper(trouble):
        append(*entries)
    assert trouble.happened
    assert outcomes == [None] * len(names)
    for name in names:
        assert kinds(saver(), name) == ["input", "leg", "task", "task"]
        assert gapless(saver(), name)


@pytest.mark.postgres
def test_an_append_that_was_cut_off_is_not_made_again_once_the_lease_is_lost() -> None:
    outcomes: list[Any] = []
    entries = group(outcomes, "t")
    pid = own_pid()

    def cut_and_cancel() -> None:
        in_background(lambda: verbs.cancel("t")).outcome()
        cut(pid)

    with connection.execute_wrapper(Once("INSERT INTO hitl_checkpoint", before=cut_and_cancel)):
        append(*entries)
    assert [type(outcome) for outcome in outcomes] == [LeaseLost]
    assert kinds(saver()) == ["input", "leg", "cancel"]


@pytest.mark.postgres
@pytest.mark.parametrize("heard", [True, False], ids=["before the commit", "after it"])
def test_the_end_of_a_leg_is_written_once(heard: bool) -> None:
    store = saver()
    lease = leased(store)
    times = 0

    def end(unit: Any) -> bool:
        nonlocal times
        times += 1
        transitions.finish(unit, lease, facts=[result()], text='"bar"', saved='"bar"')
        if times == 1 and heard:
            lose_connection()
        elif times == 1:
            transaction.on_commit(lose_connection)
        return True

    assert store.settle(lease, end, loaded_seq=2) is True
    assert kinds(store) == ["input", "leg", "task", "output"]
    assert times == (2 if heard else 1)


@pytest.mark.postgres
def test_falling_asleep_and_a_failed_attempt_are_written_once_too() -> None:
    store = saver()
    lease = leased(store)
    failed = Fact("attempt", 1, detail={"due": "2030-01-01T00:00:00+00:00", "void": []})

    def unheard(work: Callable[[Any], Any], *, over: bool) -> Callable[[Any], bool]:
        def once(unit: Any) -> bool:
            work(unit)
            transaction.on_commit(lose_connection)
            return over

        return once

    again = partial(transitions.try_again, lease=lease, facts=[failed])
    assert store.settle(lease, unheard(again, over=False), loaded_seq=2) is False
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    facts = [result(kind="call")]
    asleep = partial(transitions.wait, lease=lease, facts=facts, seen=3, until=tomorrow, code_version="1")
    assert store.settle(lease, unheard(asleep, over=True), loaded_seq=3) is True
    assert kinds(store) == ["input", "leg", "attempt", "call", "wait"]


@contextmanager
def said(words: str) -> Iterator[threading.Event]:
    """An event that is set when the store logs this."""
    event = threading.Event()

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if words in record.getMessage():
                event.set()

    logger, handler = logging.getLogger("hitl.checkpoint"), Handler()
    logger.addHandler(handler)
    try:
        yield event
    finally:
        logger.removeHandler(handler)


@pytest.mark.usefixtures("impatient")
def test_a_task_whose_result_cannot_be_written_yet_does_not_run_again(register: Register) -> None:
    """The database is locked just when the result is to be written; it is written when that is over."""
    starts: list[str] = []
    release = threading.Event()
    is_locked = threading.Event()

    def lock() -> None:
        with locked("t"):
            is_locked.set()
            assert release.wait(30)

    @task
    def pay() -> str:
        starts.append("pay")
        lockers.append(in_background(lock))
        assert is_locked.wait(30)
        return "paid"

    lockers: list[Any] = []

    @entrypoint(name="paying")
    def paying(value: str) -> str:
        return str(pay().result())

    register(paying)
    verbs.start("paying", "x", thread_id="t")
    with said("cannot be written yet") as waiting:
        run = in_background(partial(run_thread, "t"))
        assert waiting.wait(30)
        assert kinds(saver()) == ["input", "leg"]
        release.set()
        run.outcome()
    lockers[0].outcome()
    assert starts == ["pay"]
    assert kinds(saver()) == ["input", "leg", "task", "output"]


@pytest.mark.postgres
def test_a_run_outlives_the_loss_of_every_connection(register: Register) -> None:
    starts: list[int] = []

    @task
    def step(number: int) -> int:
        starts.append(number)
        cut_all()
        return number

    @entrypoint(name="stepping")
    def stepping(value: str) -> list[int]:
        return [step(number).result() for number in range(3)]

    register(stepping)
    verbs.start("stepping", "x", thread_id="t")
    assert run_thread("t")
    connection.close()
    assert starts == [0, 1, 2]
    assert kinds(saver()) == ["input", "leg", "task", "task", "task", "output"]


@pytest.mark.postgres
def test_a_journal_thread_that_lost_its_connection_makes_another(register: Register) -> None:
    @entrypoint(name="echo")
    def echo(value: str) -> str:
        return value

    register(echo)
    store = saver()
    verbs.start("echo", "x", thread_id="t")
    store.submit(partial(store.thread, "t"), key="t").result()
    cut_all()
    with pytest.raises(JournalUnreachable):
        store.submit(partial(store.thread, "t"), key="t").result()
    # The one after it is served, though the journal thread was not idle in between.
    assert run_thread("t")
    assert kinds(store) == ["input", "leg", "output"]


@pytest.mark.postgres
def test_a_heartbeat_that_lost_its_connection_goes_on_over_another() -> None:
    store = saver()
    lease = leased(store)
    beat = partial(store.renew, [lease], lease_seconds=60)
    store.submit(beat).result()
    cut_all()
    with pytest.raises(OperationalError):
        store.submit(beat).result()
    assert store.submit(beat).result() == []


@pytest.mark.usefixtures("impatient")
def test_a_database_that_stays_away_ends_the_leg_and_loses_nothing(register: Register, settings: Any) -> None:
    settings.HITL_DATABASE_PATIENCE_SECONDS = 0.01
    starts: list[str] = []
    release = threading.Event()
    is_locked = threading.Event()

    def lock() -> None:
        with locked("t"):
            is_locked.set()
            assert release.wait(30)

    lockers: list[Any] = []

    @task
    def first() -> str:
        starts.append("first")
        return "1"

    @task
    def second() -> str:
        starts.append("second")
        if len(starts) == 2:
            lockers.append(in_background(lock))
            assert is_locked.wait(30)
        return "2"

    @entrypoint(name="two")
    def two(value: str) -> str:
        try:
            return str(first().result() + second().result())
        except Exception:
            starts.append("the body caught it")
            raise

    register(two)
    verbs.start("two", "x", thread_id="t")
    run_thread("t")
    release.set()
    lockers[0].outcome()
    assert kinds(saver()) == ["input", "leg", "task"]
    Thread.objects.end_lease("t", epoch=Thread.objects.get().lease_epoch)
    run_thread("t")
    assert starts == ["first", "second", "second"]
    assert [kind for kind in kinds(saver()) if kind != "call"] == ["input", "leg", "task", "leg", "task", "output"]


@pytest.mark.usefixtures("impatient")
def test_every_verb_says_that_the_database_is_locked_and_writes_nothing(register: Register) -> None:
    @entrypoint(name="w")
    def w(value: str) -> str:
        return str(interrupt("May I?"))

    register(w)
    question_id = paused(saver())
    before = evidence()
    calls: dict[str, Callable[[], Any]] = {
        "start": lambda: verbs.start("w", "x", thread_id="t", discard_pending=True),
        "answer": lambda: verbs.answer(question_id, "yes", version=1),
        "hold": lambda: verbs.answer(question_id, "yes", version=1, hold_seconds=60),
        "assign": lambda: verbs.assign(question_id, to=None),
        "cancel": lambda: verbs.cancel("t"),
        "retry": lambda: verbs.retry("t"),
    }
    with locked("t"):
        for name, call in calls.items():
            with pytest.raises(JournalUnreachable, match="try again") as told:
                call()
            assert told.value.status == 503, name
            assert told.value.exit_code == 6
    connection.close()
    assert evidence() == before
    verbs.answer(question_id, "yes", version=1)


@pytest.mark.postgres
def test_a_verb_whose_connection_is_lost_says_so_and_the_next_one_works(register: Register) -> None:
    question_id = paused(saver())
    before = evidence()
    cut(own_pid())
    with pytest.raises(JournalUnreachable) as told:
        verbs.answer(question_id, "yes", version=1)
    assert told.value.status == 503
    assert evidence() == before
    assert verbs.answer(question_id, "yes", version=1, by="ana").status == "answered"


@pytest.mark.postgres
def test_after_a_restart_of_the_server_one_failure_renews_all_connections(register: Register) -> None:
    """Django's pool would hand out what it keeps, one dead connection after another."""
    together = threading.Barrier(6)

    def read(_: int) -> Any:
        found = saver().thread("t")
        together.wait(30)
        return found

    leased(saver())
    at_once(*[partial(read, number) for number in range(6)])
    connection.close()
    end_all_sessions()
    with pytest.raises(JournalUnreachable):
        saver().thread("t")
    assert [type(found) for found in at_once(*[partial(read, number) for number in range(6)])] == [Thread] * 6


@pytest.mark.postgres
def test_what_code_reads_says_so_too(register: Register) -> None:
    @entrypoint(name="w")
    def w(value: str) -> str:
        return str(interrupt("May I?"))

    paused(saver())
    for read in (lambda: saver().thread("t"), lambda: saver().question("q"), lambda: saver().facts("t")):
        cut(own_pid())
        with pytest.raises(JournalUnreachable):
            read()
    store = saver()
    store.submit(partial(store.thread, "t"), key="").result()
    cut_all()
    with pytest.raises(JournalUnreachable):
        w.get_state({"configurable": {"thread_id": "t"}})
    connection.close()
    assert w.get_state({"configurable": {"thread_id": "t"}}).next == ("w",)
