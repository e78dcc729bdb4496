"""Retention: what is forgotten of idle threads, what never is, and that nobody waits for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import transaction
from django.utils import timezone

from hitl import conf, errors, retention, verbs
from hitl.checkpoint.database import saver
from hitl.doctor import findings
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.rebuild import compare_all
from hitl.run import run_thread
from hitl.sweep import sweep
from hitl.testing import drain
from tests.hitl import flows
from tests.hitl.command import hitl
from tests.hitl.journals import evidence, kinds
from tests.hitl.racing import in_background

pytestmark = pytest.mark.django_db
LONG_AGO = timedelta(days=60)


@pytest.fixture(autouse=True)
def known(register: Callable[..., Any]) -> None:
    for workflow in (flows.asking, flows.echo):
        register(workflow)


@pytest.fixture
def policy(settings: Any) -> Callable[..., None]:
    def choose(**policies: Any) -> None:
        settings.HITL_RETENTION = {name.replace("others", "*"): given for name, given in policies.items()}
        conf.reset()

    return choose


LAST, NOTHING = {"days": 30, "keep": "last_value"}, {"days": 30, "keep": "nothing"}


def answered(thread_id: str = "t", *, turns: int = 2) -> None:
    for turn in range(1, turns + 1):
        verbs.start("asking", f"{thread_id}{turn}", thread_id=thread_id)
        run_thread(thread_id)
        verbs.answer(Interrupt.objects.get(thread=thread_id, status="pending").pk, "yes", version=1)
        run_thread(thread_id)


def age(*thread_ids: str) -> None:
    threads = Thread.objects.filter(pk__in=thread_ids) if thread_ids else Thread.objects.all()
    threads.update(updated_at=timezone.now() - LONG_AGO)


def healthy() -> bool:
    return not list(compare_all()) and not list(findings())


@pytest.mark.usefixtures("engine")
def test_the_last_value_is_kept_and_the_thread_goes_on(policy: Callable[..., None]) -> None:
    policy(asking=LAST)
    answered()
    age()
    assert retention.prune()["asking"].threads == 1
    assert kinds(saver()) == ["output", "prune"]
    assert not Interrupt.objects.exists()
    assert list(Run.objects.values_list("turn", flat=True)) == [2, 2]
    config = {"configurable": {"thread_id": "t"}}
    assert flows.asking.get_state(config).values == "sent t2, yes, sent t2 again"
    assert healthy()
    assert retention.prune() == {}
    answered(turns=1)
    assert saver().thread("t").turn == 3  # type: ignore[union-attr]
    assert healthy()


@pytest.mark.usefixtures("engine")
def test_or_nothing_is(policy: Callable[..., None]) -> None:
    policy(asking=NOTHING)
    answered()
    answered("young")
    age("t")
    told = retention.prune()["asking"]
    assert (told.threads, told.deleted) == (1, 1)
    assert list(Thread.objects.values_list("pk", flat=True)) == ["young"]
    assert not Checkpoint.objects.filter(thread="t").exists() and healthy()


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("chosen", [LAST, NOTHING])
def test_what_is_open_waits_or_can_be_undone_is_never_touched(policy: Callable[..., None], chosen: Any) -> None:
    policy(others=chosen)
    for thread_id in ("pending", "held", "line"):
        verbs.start("asking", thread_id, thread_id=thread_id)
        run_thread(thread_id)
    verbs.start("asking", "next", thread_id="line", multitask_strategy="enqueue")
    held = Interrupt.objects.get(thread="held")
    verbs.answer(held.pk, "yes", version=1, hold_seconds=3600)
    verbs.start("echo", 1, thread_id="queued")
    verbs.start("echo", 1, thread_id="later", run_at=timezone.now() + LONG_AGO)
    verbs.start("asking", "x", thread_id="failed")
    Thread.objects.filter(pk="failed").update(status="error")
    age()
    before = evidence()
    assert retention.prune() == {}
    assert evidence() == before


def test_other_workflows_have_the_policy_for_others(policy: Callable[..., None]) -> None:
    policy(echo=LAST, others=NOTHING)
    verbs.start("echo", 1, thread_id="echo")
    verbs.start("asking", "a", thread_id="asking")
    verbs.cancel("asking")
    drain()
    age()
    told = retention.prune()
    assert (told["echo"].deleted, told["asking"].deleted) == (0, 1)
    assert list(Thread.objects.values_list("pk", flat=True)) == ["echo"]


def test_a_turn_that_left_no_value(policy: Callable[..., None]) -> None:
    policy(echo=LAST)
    verbs.start("echo", 1, thread_id="t", metadata={"case": 7})
    verbs.cancel("t")
    age()
    retention.prune()
    assert kinds(saver()) == ["prune"]
    assert Thread.objects.get().metadata == {"case": 7}
    assert healthy()
    verbs.start("echo", 2, thread_id="t")
    drain()
    assert healthy()


@pytest.mark.usefixtures("engine")
def test_a_pass_that_died_is_gone_on_with(policy: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    policy(asking=LAST)
    answered()
    age()
    deleted = retention._delete_some
    with monkeypatch.context() as patched:
        patched.setattr(retention, "BATCH", 3)
        patched.setattr(retention, "_delete_some", lambda rows: deleted(rows) if _many(5) else 1 / 0)
        with pytest.raises(ZeroDivisionError):
            retention.prune()
    assert Checkpoint.objects.count() > 2
    assert healthy()
    retention.prune()
    assert kinds(saver()) == ["output", "prune"] and healthy()


def _many(count: int) -> bool:
    return Checkpoint.objects.count() > count


@pytest.mark.usefixtures("engine")
def test_what_moves_meanwhile_keeps_the_rest(policy: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    policy(asking=NOTHING)
    answered()
    age()
    monkeypatch.setattr(retention, "BATCH", 2)
    deleted = retention._delete_some
    calls: list[int] = []

    def start_in_between(rows: Any) -> int:
        calls.append(1)
        count = deleted(rows)
        if len(calls) == 2:
            verbs.start("asking", "new", thread_id="t")
        return count

    monkeypatch.setattr(retention, "_delete_some", start_in_between)
    retention.prune()
    assert Thread.objects.get().turn == 3 and len(calls) == 2
    assert Checkpoint.objects.count() > 4
    drain()
    assert healthy()


@pytest.mark.usefixtures("engine")
def test_a_fork_of_what_was_forgotten_meanwhile_is_refused(policy: Callable[..., None]) -> None:
    from hitl import forking
    from hitl.facts import Author

    policy(asking=LAST)
    answered()
    at = forking.base(saver().facts("t"), 3, "t")
    age()
    retention.prune()
    with pytest.raises(errors.NotFound, match="is forgotten"):
        saver().transact("t", partial(forking.fork, at=at, author=Author()))


def test_the_command_says_what_it_would_do_and_does_it(policy: Callable[..., None]) -> None:
    assert "There is no policy" in hitl("prune").err
    policy(echo=NOTHING)
    assert "nothing to forget" in hitl("prune").err
    verbs.start("echo", 1, thread_id="t")
    drain()
    age()
    before = evidence()
    dry = hitl("prune", "--dry-run", "--format", "json")
    assert evidence() == before and "dry run" in dry.err
    assert hitl("prune", "--workflow", "asking").out == ""
    done = json.loads(hitl("prune", "--format", "json").out)
    assert [(row["workflow"], row["threads"], row["deleted"]) for row in done] == [("echo", 1, 1)]
    assert json.loads(dry.out)[0]["threads"] == 1
    assert not Thread.objects.exists()


def test_the_sweep_does_it_once_a_day(policy: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    from hitl import sweep as sweeps

    monkeypatch.setattr(sweeps, "housekeeping", retention.Housekeeping())
    monkeypatch.setattr(retention, "SLICE_SECONDS", 0)
    policy(echo=NOTHING)
    for number in range(3):
        verbs.start("echo", 1, thread_id=f"t{number}")
    drain()
    age()
    left = []
    for _ in range(4):
        sweep()
        left.append(Thread.objects.count())
    assert left == [2, 1, 0, 0]
    verbs.start("echo", 1, thread_id="next")
    drain()
    age()
    sweep()
    assert Thread.objects.count() == 1


@pytest.mark.parametrize(
    "given",
    [5, {"days": 30}, {"days": 0, "keep": "nothing"}, {"days": True, "keep": "nothing"}, {"days": 1, "keep": "a"}],
)
def test_a_policy_that_makes_no_sense_is_told_and_forgets_nothing(policy: Callable[..., None], given: Any) -> None:
    policy(echo=given)
    assert [found.id for found in run_checks(tags=["hitl"])] == ["hitl.E015"]
    verbs.start("echo", 1)
    drain()
    age()
    sweep()
    assert Thread.objects.count() == 1


def test_a_workflow_that_is_not_there_is_told(policy: Callable[..., None]) -> None:
    policy(ekho=LAST, others=NOTHING)
    assert [found.id for found in run_checks(tags=["hitl"])] == ["hitl.W016"]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_answers_go_on_while_threads_are_pruned(policy: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    policy(echo=NOTHING, asking=LAST)
    monkeypatch.setattr(retention, "BATCH", 2)
    for number in range(30):
        verbs.start("echo", 1, thread_id=f"old{number}")
        run_thread(f"old{number}")
    age()
    for number in range(10):
        verbs.start("asking", "x", thread_id=f"new{number}")
        run_thread(f"new{number}")
    pruning = in_background(retention.prune)
    for question in Interrupt.objects.all():
        verbs.answer(question.pk, "yes", version=1)
        run_thread(question.thread_id)
    assert pruning.outcome()["echo"].deleted == 30
    assert set(Thread.objects.values_list("status", flat=True)) == {"idle"} and Thread.objects.count() == 10
    assert healthy()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_it_waits_for_no_open_transaction_of_another_thread(policy: Callable[..., None]) -> None:
    policy(echo=NOTHING)
    for thread_id in ("old", "busy"):
        verbs.start("echo", 1, thread_id=thread_id)
    run_thread("old")
    age("old")
    with transaction.atomic():
        Thread.objects.select_for_update().get(pk="busy")
        verbs.start("echo", 2)
        assert in_background(retention.prune).outcome()["echo"].deleted == 1
