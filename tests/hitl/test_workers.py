"""Worker processes that are stopped, killed, frozen out and kept busy: nothing is lost, and nothing is done by two.

On each database, with each executor.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from hitl import registry, verbs
from hitl.checkpoint.database import saver
from hitl.models import Process, Thread
from tests.hitl import contracted
from tests.hitl.flows import note
from tests.hitl.journals import claim, gapless, kinds
from tests.hitl.serving import CELERY, IN_PROCESS, PROCRASTINATE, notes, until, worker
from tests.services import redis, server
from tests.services.worker import Worker

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]

ON_POSTGRES = os.environ.get("DATABASE_URL", "").startswith("postgres")
# Processes take seconds to start: what is the engine's part is tried with each executor, the worker's own with one.
each_executor = pytest.mark.parametrize("path", [PROCRASTINATE, CELERY] if ON_POSTGRES else [IN_PROCESS])
own_executor = pytest.mark.parametrize("path", [PROCRASTINATE])

Make = Callable[..., Worker]


@pytest.fixture
def make(path: str, engine: None, tmp_path: Path, settings: object, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes workers that run; they are gone when the test ends. Leases are long, unless a test wants short ones."""
    monkeypatch.setenv("FLOW_NOTES", str(tmp_path / "notes"))
    monkeypatch.setattr(registry, "_workflows", dict(registry._workflows))
    registry.register_module(contracted)
    settings.HITL_EXECUTOR = path  # type: ignore[attr-defined]
    made: list[Worker] = []

    def start(*arguments: str, **environment: str) -> Worker:
        defaults = {"HITL_LEASE_SECONDS": "3600", "HITL_SWEEP_SECONDS": "0.5"}
        name = f"worker-{len(made)}"
        made.append(worker(tmp_path, path, *arguments, name=name, **defaults | environment))
        made[-1].start()
        return made[-1]

    yield start
    for one in made:
        one.kill()


def begun(thread_id: str) -> list[str]:
    """The pids of the processes in which the thread's long task has begun."""
    return [line.split()[-1] for line in notes() if line.startswith(f"begin {thread_id} ")]


def linger(thread_id: str) -> None:
    """Start a thread, and wait until its long task is under way."""
    verbs.start("lingers", thread_id, thread_id=thread_id)
    until(lambda: bool(begun(thread_id)))


def go_on(thread_id: str) -> None:
    note(f"go on {thread_id}")


def is_idle(thread_id: str) -> bool:
    return Thread.objects.filter(pk=thread_id, status="idle").exists()


@pytest.mark.parametrize("path", [CELERY])
@pytest.mark.parametrize("is_new", [False, True], ids=["a worker that was there", "a new one"])
def test_what_a_broker_took_along_is_sent_again_when_it_is_back(make: Make, is_new: bool) -> None:
    """However long the sweep would wait by then: each nudge that was lost has doubled that."""
    port = server.free_port()
    with redis.running(port=port, stop_with=signal.SIGKILL) as url:
        first = make(REDIS_URL=url)
        verbs.start("finish", "while it is there", thread_id="before")
        until(partial(is_idle, "before"))
    verbs.start("finish", "while it is away", thread_id="t")
    Thread.objects.filter(pk="t").update(nudges=8, nudge_at=datetime.now(UTC) + timedelta(hours=1))
    if is_new:
        first.kill()
    with redis.running(port=port):
        if is_new:
            make(REDIS_URL=url)
        until(partial(is_idle, "t"))


def stop(one: Worker) -> None:
    """Send SIGTERM and wait until it has been heard."""
    one.signal(signal.SIGTERM)
    until(lambda: "Stopping" in one.log)


@each_executor
def test_a_worker_that_is_stopped_lets_its_runs_end_and_begins_no_other(make: Make) -> None:
    first = make()
    linger("t")
    stop(first)
    verbs.start("finish", "afterwards", thread_id="later")
    go_on("t")
    assert first.wait() == 0
    assert is_idle("t")
    assert (begun("t"), notes().count("t after")) == ([str(begun("t")[0])], 1)
    assert "afterwards" not in notes()
    assert not Process.objects.exists()


@own_executor
def test_a_worker_hears_a_signal_that_comes_to_another_of_its_threads(make: Make) -> None:
    """As the first one may, when a process that was frozen goes on."""
    first = make()
    until(Process.objects.exists)
    others = sorted({int(name) for name in os.listdir(f"/proc/{first.pid}/task")} - {first.pid})
    os.kill(others[-1], signal.SIGTERM)
    assert first.wait() == 0


@each_executor
def test_what_does_not_end_in_time_is_handed_back_and_goes_on_elsewhere(make: Make) -> None:
    first = make(HITL_STOP_SECONDS="0.1")
    linger("t")
    stop(first)
    assert first.wait() == 0
    thread = Thread.objects.get(pk="t")
    assert (thread.status, thread.lease_owner, thread.claims) == ("busy", "", 0)
    make()
    until(lambda: len(begun("t")) == 2)
    go_on("t")
    until(partial(is_idle, "t"))
    # What was recorded before did not run again.
    assert (notes().count("t"), notes().count("t after")) == (1, 1)
    assert gapless(saver(), "t")


@own_executor
def test_a_second_signal_hands_back_at_once(make: Make) -> None:
    first = make(HITL_STOP_SECONDS="3600")
    linger("t")
    stop(first)
    assert first.stop() == 0
    assert Thread.objects.get(pk="t").lease_owner == ""


@each_executor
def test_the_run_of_a_killed_worker_is_taken_over_at_once_where_its_death_can_be_seen(make: Make) -> None:
    first = make()
    linger("t")
    first.kill()
    make()
    until(lambda: len(begun("t")) == 2)
    go_on("t")
    until(partial(is_idle, "t"))
    assert (notes().count("t"), notes().count("t after")) == (1, 1)
    assert kinds(saver(), "t").count("task") == 3
    assert gapless(saver(), "t")


@own_executor
def test_the_run_of_a_machine_that_is_gone_is_taken_over_when_its_lease_has_run_out(make: Make) -> None:
    first = make(HITL_LEASE_SECONDS="2")
    linger("t")
    first.kill()
    Thread.objects.filter(pk="t").update(lease_owner="another machine:1:x")
    make()
    until(lambda: len(begun("t")) == 2)
    go_on("t")
    until(partial(is_idle, "t"))
    assert notes().count("t after") == 1


@own_executor
def test_a_worker_runs_so_many_at_a_time_and_no_more(make: Make) -> None:
    make("--concurrency", "2")
    for name in "abcde":
        verbs.start("lingers", name, thread_id=name)
    until(lambda: sum(bool(begun(name)) for name in "abcde") == 2)
    for name in "abcde":
        go_on(name)
    for name in "abcde":
        until(partial(is_idle, name))
    under_way = most = 0
    for line in notes():
        under_way += line.startswith("begin ") - line.endswith(" after")
        most = max(most, under_way)
    assert most == 2


@own_executor
def test_a_worker_runs_only_the_workflows_it_was_given(make: Make) -> None:
    verbs.start("asks", "not here", thread_id="not-given")
    verbs.start("finish", "here", thread_id="ours")
    make("--workflows", "finish")
    until(partial(is_idle, "ours"))
    until(lambda: Process.objects.filter(swept_at__isnull=False).exists())
    assert kinds(saver(), "not-given") == ["input"]
    make("--workflows", "asks,many")
    until(lambda: Thread.objects.get(pk="not-given").status == "interrupted")


@own_executor
def test_a_task_that_takes_long_keeps_its_lease(make: Make) -> None:
    make(HITL_LEASE_SECONDS="2.5")
    make(HITL_LEASE_SECONDS="2.5")  # it would take the thread if it could
    linger("t")
    first = Thread.objects.get(pk="t")
    assert first.lease_expires_at is not None
    expired = first.lease_expires_at

    def prolonged() -> bool:
        now = Thread.objects.get(pk="t").lease_expires_at
        return now is not None and (now - expired).total_seconds() > 3

    until(prolonged)
    go_on("t")
    until(partial(is_idle, "t"))
    assert len(begun("t")) == 1


@own_executor
def test_a_worker_that_lost_its_lease_writes_nothing_more(make: Make) -> None:
    first = make()
    linger("t")
    Thread.objects.end_lease("t", epoch=Thread.objects.get(pk="t").lease_epoch)
    assert claim(saver(), "t", workflow="lingers", lease_seconds=3600)
    before = kinds(saver(), "t")
    go_on("t")
    until(lambda: "no longer held" in first.log)
    assert kinds(saver(), "t") == before
    assert "t after" not in notes()


@own_executor
def test_a_workflow_it_does_not_have_is_named(make: Make, tmp_path: Path, path: str) -> None:
    refused = worker(tmp_path, path, "--workflows", "finish,nope")
    with pytest.raises(Exception, match="There is no workflow 'nope' here"):
        refused.start()


@own_executor
def test_a_worker_says_what_it_is(make: Make) -> None:
    one = make("--concurrency", "3", "--workflows", "finish,asks", HITL_CODE_VERSION="")
    until(Process.objects.exists)
    told = Process.objects.get()
    assert (told.pid, told.concurrency, sorted(told.workflows)) == (one.pid, 3, ["asks", "finish"])
    assert told.workflows["asks"] == registry.get("asks").code_version
    until(lambda: Process.objects.get().swept_at is not None)
