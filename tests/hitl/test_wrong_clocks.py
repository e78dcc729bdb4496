"""A process whose clock is wrong, or jumps, neither sleeps too long nor spins: timers go by the database's clock.

Rule 3 says so of leases; the moment a sleep ends, and that of the next attempt, are found due by the same clock.
On SQLite the database has no other clock than the process.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from hitl import verbs
from hitl.checkpoint.database import saver
from hitl.func import entrypoint, sleep_for, task
from hitl.models import Checkpoint, Thread
from hitl.retrying import RetryPolicy
from hitl.run import run_thread
from hitl.verbs import start
from tests.hitl.clock import pass_by, wait_until
from tests.hitl.racing import in_background

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("engine")]

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@task(retry_policy=RetryPolicy(initial_interval=60, jitter=False, retry_on=ConnectionError))
def flaky() -> None:
    raise ConnectionError("away")


@entrypoint()
def napper(value):
    sleep_for(MINUTE)
    return "rested"


@entrypoint()
def dozer(value):
    sleep_for(0.2)
    return "rested"


@entrypoint()
def trier(value):
    flaky().result()


@pytest.mark.parametrize("off", [DAY, -DAY], ids=["ahead", "behind"])
@pytest.mark.parametrize("workflow", [napper, trier], ids=["sleep", "back-off"])
def test_what_waits_a_minute_is_due_in_a_minute(register: Callable[..., object], off: timedelta, workflow) -> None:
    register(workflow)
    start(workflow.name, "in", thread_id="1")
    with time_machine.travel(datetime.now(UTC) + off):
        run_thread("1")
    wake_at = Thread.objects.get(pk="1").wake_at
    assert wake_at is not None
    assert timedelta(0) < wake_at - datetime.now(UTC) <= MINUTE


def test_who_is_woken_goes_on_though_his_clock_is_behind(register: Callable[..., object]) -> None:
    register(napper)
    start("napper", "in", thread_id="1")
    run_thread("1")
    pass_by(saver(), "1")
    with time_machine.travel(datetime.now(UTC) - DAY):
        run_thread("1")
    assert Checkpoint.objects.filter(thread="1", kind="output").exists()
    assert Thread.objects.get(pk="1").status == "idle"


def test_a_call_that_follows_a_sleep_goes_on_though_its_clock_is_behind() -> None:
    with time_machine.travel(datetime.now(UTC) - DAY):
        called = in_background(lambda: dozer.invoke("in", {"configurable": {"thread_id": "1"}}))
        try:
            wait_until(lambda: Checkpoint.objects.filter(thread="1", kind="output").exists())
        finally:
            Thread.objects.filter(pk="1").update(status="idle")  # so that it does not follow for a day
    assert called.outcome() == "rested"


@pytest.mark.parametrize("off", [DAY, -DAY], ids=["ahead", "behind"])
def test_starts_wait_in_the_order_in_which_they_came(register: Callable[..., object], off: timedelta) -> None:
    """Those that were asked for through a process whose clock is wrong, too."""
    register(napper)
    start("napper", "first", thread_id="1")
    clocks = [off, timedelta(0)] if off > timedelta(0) else [timedelta(0), off]
    for value, wrong in zip(["second", "third"], clocks, strict=True):
        with time_machine.travel(datetime.now(UTC) + wrong):
            start("napper", value, thread_id="1", multitask_strategy="enqueue")
    verbs.cancel("1")
    opened = Checkpoint.objects.filter(thread="1", kind="input").order_by("-seq").first()
    assert opened is not None and opened.value == '"second"'
