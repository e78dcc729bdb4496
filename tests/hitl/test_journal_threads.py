"""Rule 35: threads with connections of their own write the journal, in order, together where they can."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from hitl import announce, verbs
from hitl.checkpoint.database import saver
from hitl.errors import LeaseLost
from hitl.facts import Fact
from hitl.func import entrypoint, task
from hitl.journal import Entry
from hitl.run import run_thread
from tests.hitl.cutting import locked
from tests.hitl.journals import gapless, kinds, leased, result
from tests.hitl.racing import in_background

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("engine")]
WAIT_SECONDS = 30


class Heard:
    """What the journal said of some entries, and when it has said all of it."""

    def __init__(self, count: int) -> None:
        self.said: list[tuple[int, BaseException | None, str]] = []
        self._left = threading.Semaphore(0)
        self._count = count

    def of(self, number: int) -> Callable[[BaseException | None], None]:
        def done(error: BaseException | None) -> None:
            self.said.append((number, error, threading.current_thread().name))
            self._left.release()

        return done

    def wait(self) -> list[tuple[int, BaseException | None, str]]:
        for _ in range(self._count):
            assert self._left.acquire(timeout=WAIT_SECONDS)
        return self.said


def test_facts_of_one_thread_keep_their_order() -> None:
    store = saver()
    lease = leased(store)
    heard = Heard(50)
    for number in range(50):
        store.post(lease, [result(number)], heard.of(number))
    assert [number for number, _, _ in heard.wait()] == list(range(50))
    assert [fact.position for fact in store.facts("t", after=2)] == list(range(50))
    assert gapless(store)


def test_it_is_not_the_callers_thread_that_writes() -> None:
    store = saver()
    heard = Heard(1)
    store.post(leased(store), [result()], heard.of(0))
    ((_, error, thread),) = heard.wait()
    assert error is None
    assert thread.startswith("hitl-journal-")
    assert thread != threading.current_thread().name


def test_a_thread_that_has_to_wait_writes_itself_where_nobody_else_does() -> None:
    store = saver()
    heard = Heard(1)
    store.record(leased(store), [result()], heard.of(0))
    assert heard.wait() == [(0, None, threading.current_thread().name)]
    assert store.call(threading.current_thread, key="t") is threading.current_thread()


def test_it_does_not_overtake_what_was_posted_before() -> None:
    store = saver()
    lease = leased(store)
    heard = Heard(21)
    for number in range(20):
        store.post(lease, [result(number)], heard.of(number))
    store.record(lease, [result(20)], heard.of(20))
    assert store.call(partial(kinds, store), key="t").count("task") == 21
    assert [number for number, _, _ in heard.wait()] == list(range(21))


async def test_an_event_loop_never_writes_itself() -> None:
    store = saver()
    lease = await asyncio.wrap_future(store.submit(partial(leased, store)))
    heard = Heard(1)
    store.record(lease, [result()], heard.of(0))
    ((_, error, thread),) = await asyncio.to_thread(heard.wait)
    assert error is None
    assert thread.startswith("hitl-journal-")


def test_a_lane_is_free_again_when_work_in_it_fails() -> None:
    store = saver()
    with pytest.raises(ZeroDivisionError):
        store.call(lambda: 1 / 0, key="t")
    assert store.call(threading.current_thread, key="t") is threading.current_thread()


def test_what_is_submitted_for_a_thread_comes_after_what_was_posted_for_it() -> None:
    store = saver()
    for name in ("a", "b", "c", "d", "e"):
        lease = leased(store, name)
        store.post(lease, [result()], lambda error: None)
        assert store.submit(partial(kinds, store, name), key=name).result(WAIT_SECONDS)[-1] == "task"


def test_who_lost_the_lease_hears_it_and_the_others_are_written() -> None:
    store = saver()
    leases = [leased(store, f"t{number}") for number in range(6)]
    verbs.cancel("t3")
    heard = Heard(6)
    for number, lease in enumerate(leases):
        store.post(lease, [result()], heard.of(number))
    said = {number: type(error) for number, error, _ in heard.wait()}
    assert said == {number: LeaseLost if number == 3 else type(None) for number in range(6)}


def test_a_fact_that_cannot_be_written_fails_alone() -> None:
    store = saver()
    leases = [leased(store, name) for name in ("good", "bad")]
    outcomes: dict[str, BaseException | None] = {}
    broken = Fact("task", 1, path="x", name=None)  # type: ignore[arg-type]
    store.append_group(
        [
            Entry(leases[0], [result()], partial(outcomes.__setitem__, "good")),
            Entry(leases[1], [broken], partial(outcomes.__setitem__, "bad")),
        ]
    )
    assert outcomes["good"] is None
    assert outcomes["bad"] is not None
    assert kinds(store, "good") == ["input", "leg", "task"]
    assert kinds(store, "bad") == ["input", "leg"]


def test_a_listener_that_fails_does_not_take_the_others_along() -> None:
    store = saver()
    lease = leased(store)
    heard = Heard(1)

    def fail(error: BaseException | None) -> None:
        raise RuntimeError("deaf")

    def post() -> None:
        """Both are there before the journal looks."""
        store.post(lease, [result(1)], fail)
        store.post(lease, [result(2)], heard.of(2))

    store.submit(post, key="t").result(WAIT_SECONDS)
    heard.wait()
    assert kinds(store) == ["input", "leg", "task", "task"]


def test_more_facts_at_once_than_a_statement_takes_parameters() -> None:
    store = saver()
    lease = leased(store)
    facts = [Fact("event", 1, path=f"!1.{number}", value="1") for number in range(6000)]
    heard = Heard(1)
    store.post(lease, facts, heard.of(0))
    assert [error for _, error, _ in heard.wait()] == [None]
    assert gapless(store)
    assert len(store.facts("t")) == 6002


def test_an_event_loop_goes_on_while_the_database_is_locked() -> None:
    started, is_locked, release = threading.Event(), threading.Event(), threading.Event()
    ticks_while_locked: list[int] = []

    @task
    async def step() -> str:
        started.set()
        await asyncio.to_thread(is_locked.wait, WAIT_SECONDS)
        return "done"

    @entrypoint(name="busy")
    async def busy(value: int) -> str:
        future = step()
        await asyncio.to_thread(is_locked.wait, WAIT_SECONDS)
        for tick in range(100):
            await asyncio.sleep(0)
            ticks_while_locked.append(tick)
        assert not future.done()
        release.set()
        return str(await future)

    def lock() -> None:
        assert started.wait(WAIT_SECONDS)
        with locked("t"):
            is_locked.set()
            assert release.wait(WAIT_SECONDS)

    locker = in_background(lock)
    assert asyncio.run(busy.ainvoke(1, {"configurable": {"thread_id": "t"}})) == "done"
    locker.outcome()
    assert len(ticks_while_locked) == 100


def test_close_ends_the_threads_and_their_connections_and_they_come_back() -> None:
    store = saver()
    lease = leased(store)
    store.submit(partial(store.thread, "t"), key="t").result(WAIT_SECONDS)
    assert any(thread.name.startswith("hitl-journal-") for thread in threading.enumerate())
    store.journal.close()
    assert not any(thread.name.startswith("hitl-journal-") for thread in threading.enumerate())
    heard = Heard(1)
    store.post(lease, [result()], heard.of(0))
    assert [error for _, error, _ in heard.wait()] == [None]


@pytest.mark.postgres
def test_no_connection_is_left_behind(register: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 29: threads close their database connections when done."""
    monkeypatch.setattr(announce, "_listeners", [])  # the desk's keeps one for what it tells
    from django.contrib.auth.models import User

    from hitl import testing

    @task
    def look(number: int) -> int:
        return User.objects.count() + number

    @entrypoint(name="looking")
    def looking(value: str) -> int:
        return sum(future.result() for future in [look(number) for number in range(10)])

    register(looking)
    verbs.start("looking", "x", thread_id="t")
    in_background(partial(run_thread, "t")).outcome()
    testing.close()
    connection.ensure_connection()
    pool = connection.pool
    assert pool is not None
    stats = pool.get_stats()
    assert stats["pool_size"] - stats["pool_available"] == 1  # this test's own


def test_whoever_gives_up_waiting_leaves_the_journal_as_it_is() -> None:
    """A call that is cancelled (asyncio cancels the future it waits for) must not end the journal's thread."""
    store = saver()
    go_on = threading.Event()
    first = store.submit(partial(go_on.wait, WAIT_SECONDS), key="t")
    given_up = store.submit(partial(store.thread, "t"), key="t")
    name = store.journal._lanes[0].thread
    assert given_up.cancel()
    go_on.set()
    assert first.result(WAIT_SECONDS) is True
    assert store.submit(partial(store.thread, "t"), key="t").result(WAIT_SECONDS) is None
    assert store.journal._lanes[0].thread is name
