"""Rules 1 and 8: facts are numbered per thread, in commit order, without gaps; a fact is there once."""

from __future__ import annotations

import threading
from functools import partial

import pytest
from django.db import IntegrityError, connection, transaction

from hitl import transitions
from hitl.checkpoint.database import DatabaseSaver, saver
from hitl.facts import Author
from hitl.models import Checkpoint
from hitl.store import Store
from tests.hitl.journals import ANA, begin, claim, finish, gapless, kinds, leased, pause, question, result, seqs
from tests.hitl.racing import at_once, in_background


def test_every_writer_numbers_in_one_row(store: Store) -> None:
    lease = leased(store)
    store.append(lease, [result(1), result(2)])
    pause(store, lease, question())
    store.transact("t", partial(transitions.cancel, author=ANA))
    assert kinds(store) == ["input", "leg", "task", "task", "question", "pause", "cancel"]
    assert seqs(store) == [1, 2, 3, 4, 5, 6, 7]
    assert store.thread("t").seq == 7


def test_a_refused_transition_uses_no_number(store: Store) -> None:
    begin(store)
    with pytest.raises(Exception, match="busy"):
        begin(store)
    assert store.thread("t").seq == 1
    assert seqs(store) == [1]


def test_threads_are_numbered_apart(store: Store) -> None:
    begin(store, "one")
    store.append(leased(store, "two"), [result()])
    assert seqs(store, "one") == [1]
    assert seqs(store, "two") == [1, 2, 3]


def test_a_turn_runs_from_its_input_to_its_output(store: Store) -> None:
    lease = leased(store)
    store.append(lease, [result(1)])
    finish(store, lease)
    begin(store, value="again")
    opened = store.load("t")
    assert [fact.kind for fact in opened.facts] == ["input"]
    assert opened.thread.turn == 2
    assert opened.previous == '"bar"'


@pytest.mark.django_db
def test_one_fact_of_a_kind_for_a_call_and_an_attempt() -> None:
    lease = leased(saver())
    saver().append(lease, [result(1)])
    with pytest.raises(IntegrityError), transaction.atomic():
        saver().append(lease, [result(1, "another")])
    assert kinds(saver()) == ["input", "leg", "task"]


@pytest.mark.race
def test_eight_writers_leave_no_gap(store: Store) -> None:
    lease = leased(store)

    def append(worker: int) -> None:
        for number in range(10):
            store.append(lease, [result(worker * 100 + number * 2), result(worker * 100 + number * 2 + 1)])

    assert at_once(*[partial(append, worker) for worker in range(8)]) == [None] * 8
    assert gapless(store)
    assert len(store.facts("t")) == 2 + 8 * 20


@pytest.mark.race
def test_a_reader_that_follows_the_seq_misses_nothing(engine: None) -> None:
    """Seq order is commit order: whoever has seen n has been able to see all that is below."""
    store = saver()
    lease = leased(store)
    over = threading.Event()

    def follow() -> list[int]:
        seen: list[int] = []
        while True:
            last = over.is_set()
            after = seen[-1] if seen else 0
            seen += Checkpoint.objects.of("t", after=after).values_list("seq", flat=True)
            if last:
                return seen

    def write(worker: int) -> None:
        for number in range(20):
            store.append(lease, [result(worker * 100 + number)])

    reader = in_background(follow)
    assert at_once(*[partial(write, worker) for worker in range(4)]) == [None] * 4
    over.set()
    assert reader.outcome() == list(range(1, 83))


@pytest.mark.race
def test_verbs_and_an_executor_write_side_by_side(engine: None) -> None:
    store = saver()
    lease = leased(store)

    def append() -> None:
        for number in range(20):
            store.append(lease, [result(number)])

    def touch(name: str) -> None:
        """A verb's way to write: lock, look, add (here a fact that changes no row)."""
        for _ in range(10):
            store.transact("t", lambda unit: unit.add(_remark(unit.thread.seq + 1)))

    assert at_once(append, partial(touch, "a"), partial(touch, "b")) == [None] * 3
    assert gapless(store)
    assert len(store.facts("t")) == 42


def _remark(attempt: int):  # type: ignore[no-untyped-def]
    from hitl.facts import Fact

    return Fact("remark", 1, attempt=attempt, detail=Author().detail())


@pytest.mark.race
@pytest.mark.postgres
def test_a_second_writer_waits_for_the_first_ones_commit(engine: None) -> None:
    store: DatabaseSaver = saver()
    lease = leased(store)
    with transaction.atomic():
        store.append(lease, [result(1)])
        second = in_background(lambda: store.append(lease, [result(2)]))
        _until_somebody_waits()
        assert [fact.position for fact in store.facts("t", after=2)] == [1]
    second.outcome()
    assert [fact.position for fact in store.facts("t", after=2)] == [1, 2]


def _until_somebody_waits() -> None:
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT 1 FROM pg_locks WHERE NOT granted")
            if cursor.fetchone():
                return


@pytest.mark.race
def test_two_claims_of_one_thread_one_lease(store: Store) -> None:
    begin(store)
    leases = [lease for lease in at_once(*[partial(claim, store)] * 4) if lease is not None]
    assert len(leases) == 1
    assert kinds(store) == ["input", "leg"]
