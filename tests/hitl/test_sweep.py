"""Rules 22, 38 and 40: what a lost nudge, a dead executor or a timer left behind is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from hitl import sweep as sweeps
from hitl import transitions, verbs
from hitl.checkpoint.database import saver
from hitl.facts import Fact
from hitl.lease import Lease
from hitl.models import Thread
from hitl.run import run_thread
from hitl.store import Store
from hitl.sweep import sweep
from tests.hitl import flows
from tests.hitl.journals import begin, claim, kinds, leased, paused, question
from tests.hitl.nudges import Recorder

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def recorder(settings: Any, register: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.HITL_EXECUTOR = "tests.hitl.nudges.Recorder"
    monkeypatch.setattr(Recorder, "nudges", [])
    register(flows.echo)
    yield


def wait_of(thread_id: str = "t") -> float:
    """Seconds until the sweep comes back to it."""
    due = Thread.objects.get(pk=thread_id).nudge_at
    assert due is not None
    return (due - timezone.now()).total_seconds()


def time_passes() -> None:
    Thread.objects.update(nudge_at=timezone.now() - timedelta(seconds=1))


def test_a_thread_that_was_just_nudged_is_left_alone() -> None:
    verbs.start("echo", 1, thread_id="t")
    assert 25 < wait_of() <= 30
    assert sweep() == 0


def test_a_lost_nudge_is_sent_again_with_doubling_back_off() -> None:
    verbs.start("echo", 1, thread_id="t")
    waits = []
    for _ in range(9):
        time_passes()
        assert sweep() == 1
        waits.append(round(wait_of()))
        assert sweep() == 0
    assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    assert Recorder.nudges == [("t", "echo")] * 9


def test_a_thread_that_was_nudged_for_months_does_not_stop_the_sweep() -> None:
    verbs.start("echo", 1, thread_id="t")
    Thread.objects.update(nudges=5000)
    time_passes()
    assert sweep() == 1
    assert 3500 < wait_of() <= 3600


def test_an_answer_that_came_while_a_leg_fell_asleep_keeps_it_awake() -> None:
    """Its nudge met the lease and was for nothing: the leg itself goes on with it (as rule 18 says of a pause)."""
    store = saver()
    tomorrow = timezone.now() + timedelta(days=1)
    assert fall_asleep(store, leased(store), question(), until=tomorrow)
    second = claim(store)
    assert second is not None
    seen = store.thread("t").seq
    verbs.answer(str(question().detail["id"]), "yes", version=1)
    assert sweep() == 0
    assert not fall_asleep(store, second, seen=seen, until=tomorrow)
    thread = store.thread("t")
    assert (thread.lease_owner, thread.wake_at) == (second.owner, None)


def fall_asleep(store: Store, lease: Lease, *facts: Fact, until: datetime, seen: int | None = None) -> bool:
    seen = store.thread(lease.thread_id).seq if seen is None else seen
    work = partial(transitions.wait, lease=lease, facts=facts, seen=seen, until=until, code_version="1")
    return store.transact(lease.thread_id, work, closed=True)


def test_a_claim_begins_the_back_off_anew() -> None:
    verbs.start("echo", 1, thread_id="t")
    time_passes()
    sweep()
    claim(saver(), workflow="echo", lease_seconds=-1)
    assert sweep() == 1
    assert round(wait_of()) == 30


def test_an_expired_lease_is_found_and_a_standing_one_is_not() -> None:
    store = saver()
    leased(store, "dead", lease_seconds=-1)
    leased(store, "alive")
    assert sweep() == 1
    assert Recorder.nudges == [("dead", "w")]


def test_threads_that_wait_for_people_are_not_nudged() -> None:
    paused(saver())
    assert sweep() == 0


def test_a_new_server_nudges_what_the_one_before_it_took_along() -> None:
    verbs.start("echo", 1, thread_id="t")
    Thread.objects.update(nudges=20)
    assert sweep(at_start=True) == 1
    # Those that were lost before it say nothing of the next one.
    assert Thread.objects.get().nudges == 1


def test_at_most_so_many_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeps, "BATCH", 3)
    store = saver()
    for number in range(5):
        begin(store, f"t{number}")
    assert (sweep(), sweep(), sweep()) == (3, 2, 0)
    assert sorted(thread_id for thread_id, _ in Recorder.nudges) == ["t0", "t1", "t2", "t3", "t4"]


def test_the_batch_is_five_hundred() -> None:
    assert sweeps.BATCH == 500


def test_workflows_that_this_process_does_not_know_are_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither failed nor put off: the process that knows them finds them at its next sweep."""
    monkeypatch.setattr(Recorder, "knows", ["echo"])
    store = saver()
    begin(store, "theirs", workflow="elsewhere")
    begin(store, "ours", workflow="echo")
    assert sweep() == 1
    assert Recorder.nudges == [("ours", "echo")]
    theirs = Thread.objects.get(pk="theirs")
    assert (theirs.status, theirs.nudges, theirs.nudge_at) == ("busy", 0, None)


def test_a_run_of_an_unknown_workflow_is_left_alone() -> None:
    begin(saver(), workflow="elsewhere")
    assert run_thread("t") is False
    assert kinds(saver()) == ["input"]
    assert Thread.objects.get().status == "busy"


def test_a_verb_on_an_unknown_workflow_leaves_the_nudge_to_the_next_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    question_id = paused(saver())
    monkeypatch.setattr(Recorder, "knows", ["echo"])
    verbs.answer(question_id, "yes", version=1)
    assert Thread.objects.get().nudge_at is None


def test_a_process_without_an_executor_does_not_keep_a_server_from_nudging(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 40: what a command starts is due at once for the server's sweep, also if the command sweeps."""
    monkeypatch.setattr(Recorder, "here", False)
    verbs.start("echo", 1, thread_id="t")
    assert Thread.objects.get().nudge_at is None
    assert sweep() == 0
    monkeypatch.setattr(Recorder, "here", True)
    assert sweep() == 1
