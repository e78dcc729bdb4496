"""Leases: one executor runs a thread; one that dies, goes away or gives it back leaves it to the next."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial

import pytest

from hitl import answering, transitions
from hitl import lease as leases
from hitl.checkpoint.database import saver
from hitl.errors import LeaseLost
from hitl.models import Thread
from hitl.store import Store
from hitl.sweep import tidy
from tests.hitl.journals import ANA, begin, claim, finish, kinds, leased, pause, paused, question, result
from tests.hitl.racing import at_once


def answer(store: Store, question_id: str, value: object = "yes") -> None:
    given = {question_id: answering.Given(value)}
    store.transact("t", partial(answering.answer, given=given, author=ANA), closed=True)


def test_a_held_thread_is_not_claimed(store: Store) -> None:
    leased(store)
    assert claim(store) is None
    assert kinds(store) == ["input", "leg"]


def test_only_a_busy_thread_is_claimed(store: Store) -> None:
    paused(store)
    assert claim(store) is None
    store.transact("t", partial(transitions.cancel, author=ANA))
    assert claim(store) is None


def test_a_lease_that_ran_out_is_taken_over(store: Store) -> None:
    first = leased(store, lease_seconds=-1)
    second = claim(store)
    assert second is not None
    assert second.epoch == first.epoch + 1
    assert second.claims == 2


def test_pause_output_failure_and_cancel_give_the_lease_back(store: Store) -> None:
    def fail(lease: leases.Lease) -> None:
        detail = {"type": "E", "message": "m"}
        store.transact(lease.thread_id, partial(transitions.fail, lease=lease, facts=[], detail=detail))

    ends = {
        "paused": lambda lease: pause(store, lease, question("paused")),
        "done": partial(finish, store),
        "failed": fail,
        "cancelled": lambda lease: store.transact("cancelled", partial(transitions.cancel, author=ANA)),
    }
    for name, end in ends.items():
        end(leased(store, name))
        thread = store.thread(name)
        assert (thread.lease_owner, thread.lease_expires_at, thread.claims) == ("", None, 0), name


def test_a_lease_is_prolonged_while_it_stands(store: Store) -> None:
    lease = leased(store, lease_seconds=1)
    before = store.thread("t").lease_expires_at
    assert store.renew([lease], lease_seconds=60) == []
    assert (store.thread("t").lease_expires_at - before).total_seconds() > 50


def test_a_lease_that_was_lost_is_not_prolonged(store: Store) -> None:
    first = leased(store, lease_seconds=-1)
    claim(store, lease_seconds=10)
    before = store.thread("t").lease_expires_at
    assert store.renew([first], lease_seconds=60) == [first]
    assert store.thread("t").lease_expires_at == before


def test_a_heartbeat_that_comes_late_does_not_hold_a_thread_that_was_given_back(store: Store) -> None:
    """The leg has paused while its process was about to prolong the lease: an answer must run at once."""
    lease = leased(store)
    asked = question()
    pause(store, lease, asked)
    assert store.renew([lease], lease_seconds=60) == [lease]
    answer(store, asked.detail["id"])
    assert claim(store) is not None


def test_the_pause_keeps_the_lease_where_a_run_is_queued(store: Store) -> None:
    """Rule 18: the answer that came while the leg was pausing is taken up by that leg."""
    lease = leased(store)
    first, second = question(place="0"), question(place="1", value="And I?")
    pause(store, lease, first, second)
    answer(store, first.detail["id"])
    lease = claim(store)
    assert lease is not None
    seen = store.thread("t").seq
    answer(store, second.detail["id"])
    assert pause(store, lease, seen=seen) is False
    assert store.thread("t").status == "busy"
    store.append(lease, [result()])


@pytest.mark.race
def test_no_answer_is_slept_through_while_a_leg_pauses(store: Store) -> None:
    """Rule 18, as a race: either the pause sees the queued run, or the answer finds the lease free."""
    for round_ in range(20):
        thread_id = f"t{round_}"
        first, second = question(thread_id, place="0"), question(thread_id, place="1")
        pause(store, leased(store, thread_id), first, second)
        given = partial(answering.answer, author=ANA)
        store.transact(thread_id, partial(given, given={first.detail["id"]: answering.Given(1)}), closed=True)
        lease = claim(store, thread_id)
        assert lease is not None
        work = partial(given, given={second.detail["id"]: answering.Given(2)})
        over, answered = at_once(
            partial(pause, store, lease, seen=store.thread(thread_id).seq),
            partial(store.transact, thread_id, work, closed=True),
        )
        assert over in (True, False) and isinstance(answered, list)
        thread = store.thread(thread_id)
        assert thread.status == "busy"
        assert (thread.lease_expires_at is None) == over
        if over:
            assert claim(store, thread_id) is not None


def test_the_owner_of_a_lease_is_a_process_on_a_machine() -> None:
    where, pid, _ = leases.owner().rsplit(":", 2)
    assert where == leases.host()
    assert int(pid) == os.getpid()
    assert not leases.owner_is_dead(leases.owner())


def test_a_process_that_is_gone_is_known_to_be_dead() -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    assert leases.owner_is_dead(f"{leases.host()}:{gone.stdout.strip()}:0")
    assert not leases.owner_is_dead(f"another-machine:{gone.stdout.strip()}:0")
    assert not leases.owner_is_dead(f"{leases.host()}:{os.getppid()}:0")


@pytest.mark.django_db
def test_the_lease_of_a_dead_process_is_ended_at_the_next_sweep() -> None:
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    store = saver()
    dead, alive = leased(store, "dead"), leased(store, "alive")
    Thread.objects.filter(id="dead").update(lease_owner=f"{leases.host()}:{gone.stdout.strip()}:0")
    assert tidy() == 1
    assert claim(store, "dead") is not None
    assert claim(store, "alive") is None
    with pytest.raises(LeaseLost):
        store.append(dead, [result()])
    store.append(alive, [result()])


def test_a_failed_thread_is_not_claimed_until_somebody_retries_it(store: Store) -> None:
    lease = leased(store)
    detail = {"type": "E", "message": "m"}
    store.transact("t", partial(transitions.fail, lease=lease, facts=[], detail=detail))
    assert claim(store) is None
    store.transact("t", partial(transitions.retry, author=ANA))
    assert claim(store) is not None


def test_a_thread_of_another_workflow_is_not_claimed(store: Store) -> None:
    from hitl.errors import WrongWorkflow

    begin(store)
    with pytest.raises(WrongWorkflow):
        claim(store, workflow="other")
    assert claim(store) is not None


@pytest.mark.django_db
def test_one_that_was_given_back_cannot_be_ended_any_more() -> None:
    """The holder ended well, and died before the sweep that had seen its lease asked whether it lives."""
    lease = leased(saver())
    finish(saver(), lease)
    assert Thread.objects.end_lease("t", epoch=lease.epoch) == 0
    assert Thread.objects.get(pk="t").lease_expires_at is None
