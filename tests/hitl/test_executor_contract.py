"""Rule 38 and DESIGN.md: what every executor has to do with a nudge that is doubled, early, late or lost.

An executor that is added is named in `tests.hitl.serving`, and has to pass as it is: on the real servers it needs,
and with a real worker process where it has such.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from hitl import registry, verbs
from hitl.checkpoint.database import saver
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.run import run_thread
from tests.hitl import contracted
from tests.hitl.journals import begin, claim, gapless, kinds
from tests.hitl.racing import at_once
from tests.hitl.serving import EXECUTORS, NEVER, Serving, notes, until

# docs/engine.md promises two seconds; a machine that is busy with other tests gets a few more.
LATE_AT_MOST = timedelta(seconds=10)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.race]


@pytest.fixture(scope="module", params=EXECUTORS)
def path(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def home(path: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory for logs, and for what the world has seen of the workflows."""
    home = tmp_path_factory.mktemp("executor")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLOW_NOTES", str(home / "notes"))
        yield home


class Kept:
    """A worker process takes seconds to start, so one that runs is kept for the next test with the same pace."""

    serving: Serving | None = None
    pace = 0.0

    def start(self, serving: Serving, *, sweep_seconds: float) -> None:
        if self.serving is not None and self.pace == sweep_seconds:
            return
        self.stop()
        serving.start(sweep_seconds=sweep_seconds)
        if serving.worker is not None:
            self.serving, self.pace = serving, sweep_seconds

    def stop(self) -> None:
        if self.serving is not None:
            self.serving.stop()
            self.serving = None


@pytest.fixture(scope="module")
def kept(path: str) -> Iterator[Kept]:
    kept = Kept()
    yield kept
    kept.stop()


class Subject:
    """The executor under test. `serve` makes it execute; sweeps are far apart, unless a test wants them."""

    def __init__(self, serving: Serving, kept: Kept, settings: Any) -> None:
        self._serving, self._kept, self._settings = serving, kept, settings
        self.executor = serving.executor

    def serve(self, *, sweep_seconds: float = NEVER) -> None:
        self._settings.HITL_SWEEP_SECONDS = sweep_seconds
        self._kept.start(self._serving, sweep_seconds=sweep_seconds)

    def stop(self) -> None:
        self._kept.stop()
        self.executor.stop()

    def nudge(self, thread_id: str, *, workflow: str = "finish") -> None:
        self.executor.nudge(thread_id, workflow=workflow)


@pytest.fixture
def subject(path: str, home: Path, kept: Kept, settings: Any, engine: None, known: None) -> Iterator[Subject]:
    settings.HITL_EXECUTOR = path
    subject = Subject(Serving(path, home=home), kept, settings)
    yield subject
    subject.executor.stop()


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The contracted workflows, in this process."""
    monkeypatch.setattr(registry, "_workflows", dict(registry._workflows))
    registry.register_module(contracted)


def is_idle(thread_id: str) -> bool:
    return Thread.objects.filter(pk=thread_id, status="idle").exists()


def test_a_start_is_run(subject: Subject) -> None:
    subject.serve()
    verbs.start("finish", "start", thread_id="t")
    until(partial(is_idle, "t"))
    assert kinds(saver()) == ["input", "leg", "task", "output"]


def test_a_start_in_a_transaction_is_run_when_it_commits_and_only_then(subject: Subject) -> None:
    subject.serve()
    with transaction.atomic():
        verbs.start("finish", "committed", thread_id="t")
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            verbs.start("finish", "rolled back", thread_id="u")
            raise ZeroDivisionError
    until(partial(is_idle, "t"))
    assert not Thread.objects.filter(pk="u").exists()
    assert "rolled back" not in notes()


def test_an_answer_is_run(subject: Subject) -> None:
    subject.serve()
    verbs.start("asks", "answer", thread_id="t")
    until(lambda: Interrupt.objects.filter(status="pending").exists())
    verbs.answer(Interrupt.objects.get().id, "yes", version=1)
    until(partial(is_idle, "t"))
    assert kinds(saver()).count("task") == 2


def test_a_doubled_nudge_runs_once(subject: Subject) -> None:
    subject.serve()
    begin(saver(), workflow="finish", value="doubled")
    for _ in range(5):
        subject.nudge("t")
    until(partial(is_idle, "t"))
    subject.nudge("t")
    verbs.start("finish", "beside", thread_id="u")
    until(partial(is_idle, "u"))
    assert (notes().count("doubled"), notes().count("beside")) == (1, 1)


def test_a_doubled_nudge_in_a_transaction_does_not_break_it(subject: Subject) -> None:
    subject.stop()
    begin(saver(), workflow="finish", value="twice in one")
    with transaction.atomic():
        subject.nudge("t")
        subject.nudge("t")
        assert Thread.objects.get(pk="t").status == "busy"
    subject.serve()
    until(partial(is_idle, "t"))


def test_a_nudge_for_what_is_not_there_or_has_nothing_to_do_is_harmless(subject: Subject) -> None:
    subject.serve()
    begin(saver(), "theirs", workflow="elsewhere")
    subject.nudge("nowhere")
    subject.nudge("theirs", workflow="elsewhere")
    subject.nudge("theirs")  # into the queue of another workflow
    verbs.start("finish", "harmless", thread_id="t")
    until(partial(is_idle, "t"))
    assert kinds(saver(), "theirs") == ["input"]


def test_a_nudge_for_later_does_not_stand_in_the_way_of_one_for_now(subject: Subject) -> None:
    subject.serve()
    begin(saver(), workflow="finish", value="now")
    subject.executor.nudge("t", workflow="finish", run_at=timezone.now() + timedelta(days=1))
    subject.nudge("t")
    until(partial(is_idle, "t"))


def test_a_start_for_later_begins_at_its_time(subject: Subject) -> None:
    subject.serve(sweep_seconds=1.0)
    due = saver().now() + timedelta(seconds=2)
    run = verbs.start("finish", "later", thread_id="t", run_at=due)
    until(lambda: Run.objects.get(pk=run.pk).status == "succeeded")
    late = begun_at(run) - due
    assert timedelta(0) <= late < LATE_AT_MOST
    assert notes().count("later") == 1


def begun_at(run: Run) -> datetime:
    """When it was queued: what became of it then is up to whoever executes."""
    return Checkpoint.objects.get(thread=run.thread_id, kind="input").created_at


def test_a_workflow_that_fails_does_not_take_the_executor_along(subject: Subject) -> None:
    subject.serve()
    verbs.start("fails", "x", thread_id="f")
    until(lambda: Thread.objects.get(pk="f").status == "error")
    verbs.start("finish", "after a failure", thread_id="t")
    until(partial(is_idle, "t"))


def test_answers_that_come_while_legs_pause_are_all_taken_up(subject: Subject) -> None:
    """Rule 18 from outside: eight questions of one thread, answered at once, by people who do not wait."""
    subject.serve()
    for round_ in range(3):
        thread_id = f"t{round_}"
        verbs.start("many", "x", thread_id=thread_id)
        until(lambda thread_id=thread_id: Thread.objects.get(pk=thread_id).status == "interrupted")  # type: ignore[misc]
        asked = list(Interrupt.objects.filter(thread=thread_id).order_by("asked_seq"))
        outcomes = at_once(*[partial(verbs.answer, row.id, row.title, version=1) for row in asked])
        assert [outcome.status for outcome in outcomes] == ["answered"] * 8
        until(partial(is_idle, thread_id))
        assert kinds(saver(), thread_id).count("answer") == 8
        assert kinds(saver(), thread_id).count("output") == 1
        assert gapless(saver(), thread_id)


def test_a_lost_nudge_is_found_by_the_sweep(subject: Subject) -> None:
    subject.serve(sweep_seconds=0.5)
    begin(saver(), workflow="finish", value="lost")  # nobody is nudged
    until(partial(is_idle, "t"))
    assert notes().count("lost") == 1


def test_an_expired_lease_is_taken_up(subject: Subject) -> None:
    begin(saver(), workflow="finish", value="expired")
    assert claim(saver(), workflow="finish", lease_seconds=-1)
    subject.serve(sweep_seconds=0.5)
    until(partial(is_idle, "t"))
    assert notes().count("expired") == 1


def test_what_was_started_before_it_served_is_run(subject: Subject) -> None:
    subject.stop()
    verbs.start("finish", "before", thread_id="t")
    subject.serve()
    until(partial(is_idle, "t"))


def test_it_can_be_stopped_and_served_again(subject: Subject) -> None:
    subject.serve()
    subject.serve()
    subject.stop()
    begin(saver(), workflow="finish", value="again")
    subject.nudge("t")
    subject.serve()
    until(partial(is_idle, "t"))
    subject.stop()
    subject.stop()


def test_it_has_nothing_to_complain_of(subject: Subject) -> None:
    assert subject.executor.check() == []


def test_of_several_executors_one_runs_a_thread(
    known: None, engine: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "FLOW_NOTES", str(tmp_path / "notes"))
    for number in range(5):
        begin(saver(), f"t{number}", workflow="finish", value=f"x{number}")
        ran = at_once(*[partial(run_thread, f"t{number}")] * 4)
        assert ran.count(True) == 1
        assert gapless(saver(), f"t{number}")
    assert notes() == ["x0", "x1", "x2", "x3", "x4"]
