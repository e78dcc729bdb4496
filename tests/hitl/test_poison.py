"""Rule 27: a run that kills its executor five times is left to a person."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hitl import errors, verbs
from hitl.checkpoint.database import saver
from hitl.facts import Fact
from hitl.models import Run, Thread
from hitl.store import Store
from tests.hitl import flows
from tests.hitl.journals import begin, claim, finish, kinds, leased, pause, question, result
from tests.hitl.racing import WAIT_SECONDS, database_url


def die(store: Store, *facts: Fact, thread_id: str = "t") -> None:
    """An executor takes the thread, writes these facts, and is gone."""
    lease = claim(store, thread_id, lease_seconds=-1)
    assert lease is not None
    if facts:
        store.append(lease, list(facts))


def test_after_five_claims_without_a_new_fact_the_thread_is_in_error(store: Store) -> None:
    begin(store)
    for _ in range(5):
        die(store)
    assert claim(store) is None
    thread = store.thread("t")
    assert (thread.status, thread.lease_owner, thread.lease_expires_at) == ("error", "", None)
    failed = store.facts("t")[-1]
    assert failed.kind == "failed"
    assert failed.detail["type"] == "ExecutorDied"
    assert "died 5 times outside any call" in failed.detail["message"]


def test_it_says_in_which_call(store: Store) -> None:
    begin(store)
    die(store)
    die(store, result(1, kind="call"), result(2, kind="call"))
    die(store, result(2))
    for _ in range(5):
        die(store)
    assert claim(store) is None
    assert "died 5 times in step()" in store.facts("t")[-1].detail["message"]


def test_a_new_fact_begins_the_count_anew(store: Store) -> None:
    begin(store)
    for number in range(12):
        die(store, result(number))
    assert claim(store) is not None


def test_that_a_call_is_under_way_is_no_new_fact(store: Store) -> None:
    begin(store)
    for number in range(5):
        die(store, result(number, kind="call"))
    assert claim(store) is None
    assert store.thread("t").status == "error"


def test_a_pause_begins_the_count_anew(store: Store) -> None:
    lease = leased(store)
    assert pause(store, lease, question())
    assert store.thread("t").claims == 0


@pytest.mark.django_db
def test_only_a_person_tries_again() -> None:
    store = saver()
    begin(store)
    for _ in range(5):
        die(store)
    claim(store)
    assert claim(store) is None
    assert Thread.objects.get().status == "error"
    assert Run.objects.get().error_type == "ExecutorDied"
    verbs.retry("t", by="ana")
    lease = claim(store)
    assert lease is not None and lease.claims == 1
    finish(store, lease)
    with pytest.raises(errors.NothingToRetry):
        verbs.retry("t")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_call_that_kills_its_process_is_named(register: Any, tmp_path: Path) -> None:
    register(flows.dying)
    verbs.start("dying", "x", thread_id="t")
    notes = tmp_path / "notes"
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        "HITL_WORKFLOWS": "tests.hitl.flows",
        "FLOW_NOTES": str(notes),
    }
    for _ in range(7):
        command = [sys.executable, "-m", "tests.hitl.racing", "run", '{"thread_id": "t"}']
        subprocess.run(command, env=environment, input=b"go\n", capture_output=True, timeout=WAIT_SECONDS)
        Thread.objects.end_lease("t", epoch=Thread.objects.get().lease_epoch)
    thread = Thread.objects.get()
    assert thread.status == "error"
    # The first death followed a new fact, so it does not count.
    assert flows.noted(notes) == ["send x", *["deadly"] * (flows.noted(notes).count("deadly"))]
    assert 5 <= flows.noted(notes).count("deadly") <= 6
    assert "in deadly()" in Run.objects.get().error
    assert kinds(saver()).count("task") == 1
