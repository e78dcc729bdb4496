"""Rules 2 and 3: whoever has lost the lease writes nothing more."""

from __future__ import annotations

import threading
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from hitl import transitions
from hitl.checkpoint.database import saver
from hitl.errors import LeaseLost
from hitl.journal import Entry
from hitl.models import Thread
from hitl.store import Store
from tests.hitl.journals import ANA, begin, claim, finish, gapless, kinds, leased, pause, paused, question, result
from tests.hitl.racing import at_once, in_background


def cancel(store: Store, thread_id: str = "t") -> None:
    store.transact(thread_id, partial(transitions.cancel, author=ANA))


def test_claim_and_cancel_raise_the_epoch(store: Store) -> None:
    begin(store)
    first = store.thread("t").lease_epoch
    claim(store)
    assert store.thread("t").lease_epoch == first + 1
    cancel(store)
    assert store.thread("t").lease_epoch == first + 2


def test_discarding_an_open_turn_raises_the_epoch(store: Store) -> None:
    paused(store)
    before = store.thread("t").lease_epoch
    begin(store, value="other", discard_pending=True)
    assert store.thread("t").lease_epoch == before + 1


def test_who_ran_a_deleted_thread_writes_nothing_into_another_of_its_id(store: Store) -> None:
    first = leased(store)
    store.delete_thread("t")
    second = leased(store)
    for write in (
        lambda: store.append(first, [result(1)]),
        lambda: pause(store, first, question()),
        lambda: finish(store, first),
    ):
        with pytest.raises(LeaseLost):
            write()
    store.append(second, [result(2)])
    assert kinds(store) == ["input", "leg", "task"]


def test_after_a_cancel_the_executor_writes_nothing(store: Store) -> None:
    lease = leased(store)
    cancel(store)
    for write in (
        lambda: store.append(lease, [result()]),
        lambda: pause(store, lease, question()),
        lambda: finish(store, lease),
    ):
        with pytest.raises(LeaseLost, match=r"'t' is no longer held"):
            write()
    assert kinds(store) == ["input", "leg", "cancel"]
    assert gapless(store)


def test_after_another_claim_the_first_executor_writes_nothing(store: Store) -> None:
    first = leased(store, lease_seconds=-1)
    second = claim(store)
    assert second is not None
    with pytest.raises(LeaseLost):
        store.append(first, [result(1)])
    store.append(second, [result(2)])
    assert [fact.position for fact in store.facts("t") if fact.kind == "task"] == [2]
    assert gapless(store)


def test_a_fact_bears_the_epoch_of_its_writer(store: Store) -> None:
    lease = leased(store, lease_seconds=-1)
    store.append(lease, [result(1)])
    again = claim(store)
    assert again is not None
    store.append(again, [result(2)])
    assert [fact.epoch - lease.epoch for fact in store.facts("t")] == [-1, 0, 0, 1, 1]


def test_no_append_to_a_thread_that_is_not_there(store: Store) -> None:
    lease = leased(store)
    with pytest.raises(LeaseLost):
        store.append(type(lease)("elsewhere", 1, lease.owner), [result()])


@pytest.mark.django_db
def test_an_append_is_one_round_trip() -> None:
    """PostgreSQL: one statement. SQLite, which has no network: a short transaction."""
    lease = leased(saver())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        saver().append(lease, [result(1), result(2), result(3)])
    if connection.vendor == "postgresql":
        assert len(queries) == 1
    assert [fact.seq for fact in saver().facts("t", after=2)] == [3, 4, 5]


@pytest.mark.django_db
def test_the_lease_is_timed_by_the_databases_clock() -> None:
    leased(saver(), lease_seconds=30)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT now()" if connection.vendor == "postgresql" else "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')"
        )
        (now,) = cursor.fetchone()
    if isinstance(now, str):
        from datetime import UTC, datetime

        now = datetime.fromisoformat(now).replace(tzinfo=UTC)
    expires = Thread.objects.get().lease_expires_at
    assert expires is not None
    assert abs(expires - now - timedelta(seconds=30)) < timedelta(seconds=5)


@pytest.mark.django_db(transaction=True)
def test_in_a_group_only_the_one_that_lost_its_lease_is_refused() -> None:
    store = saver()
    one, two, three = (leased(store, name) for name in ("one", "two", "three"))
    cancel(store, "two")
    outcomes: list[BaseException | None] = []
    store.append_group([Entry(lease, [result()], outcomes.append) for lease in (three, two, one)])
    assert [type(outcome) for outcome in outcomes] == [type(None), LeaseLost, type(None)]
    assert kinds(store, "one") == kinds(store, "three") == ["input", "leg", "task"]
    assert kinds(store, "two") == ["input", "leg", "cancel"]
    assert all(gapless(store, name) for name in ("one", "two", "three"))


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_an_append_that_waited_for_a_cancel_is_refused() -> None:
    """An INSERT guarded by EXISTS(lease = mine) would leak here: it looked before it waited."""
    store = saver()
    lease = leased(store)
    begun = threading.Event()

    def append() -> None:
        begun.set()
        store.append(lease, [result()])

    with transaction.atomic():
        cancel(store)
        late = in_background(append)
        begun.wait()
        if connection.vendor == "postgresql":
            until_somebody_waits()
    with pytest.raises(LeaseLost):
        late.outcome()
    assert kinds(store) == ["input", "leg", "cancel"]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_thread_is_deleted_behind_what_is_being_written() -> None:
    """Its facts first and its row last, as a cascade goes: a foreign key would be violated, or two wait in a circle."""
    store = saver()
    lease = leased(store)
    with transaction.atomic():
        store.append(lease, [result()])
        deleting = in_background(partial(store.delete_thread, "t"))
        if connection.vendor == "postgresql":
            until_somebody_waits()
    deleting.outcome()
    assert not Thread.objects.exists()


def until_somebody_waits() -> None:
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
            if cursor.fetchone():
                return


@pytest.mark.race
def test_what_is_appended_while_it_is_cancelled_lies_before_the_cancel(store: Store) -> None:
    for round_ in range(10):
        thread_id = f"t{round_}"
        lease = leased(store, thread_id)

        def append(thread_id: str = thread_id, lease: object = lease) -> int:
            for number in range(1000):
                try:
                    store.append(lease, [result(number)])  # type: ignore[arg-type]
                except LeaseLost:
                    return number
            return 1000

        written, cancelled = at_once(append, partial(cancel, store, thread_id))
        assert not isinstance(cancelled, Exception), cancelled
        assert kinds(store, thread_id) == ["input", "leg"] + ["task"] * written + ["cancel"]
        assert gapless(store, thread_id)
