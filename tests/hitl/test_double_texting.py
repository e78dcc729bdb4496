"""New input for a thread whose turn is open: reject, enqueue, interrupt, rollback, in both stores and by verb."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User

from hitl import codec, errors, line, transitions, verbs
from hitl.checkpoint.database import saver
from hitl.facts import Author
from hitl.func import entrypoint, task
from hitl.models import Interrupt, Run, Thread
from hitl.rebuild import compare_all
from hitl.run import run_thread
from hitl.store import Store
from hitl.testing import drain
from tests.hitl import flows
from tests.hitl.journals import ANA, BEN, begin, claim, evidence, finish, gapless, kinds, leased, paused, result
from tests.hitl.racing import at_once, in_background, processes

WAIT_SECONDS = 30


def runs(thread_id: str = "t") -> list[tuple[str, int]]:
    return list(Run.objects.of(thread_id).values_list("status", "turn"))


def values(thread_id: str = "t") -> list[Any]:
    """What the turns of a thread returned."""
    return [codec.decode(fact.value or "") for fact in saver().facts(thread_id) if fact.kind == "output"]


# In both stores


def test_the_next_start_begins_in_the_transaction_that_ends_the_turn(store: Store) -> None:
    lease = leased(store)
    begin(store, value="second", strategy="enqueue")
    begin(store, value="third", strategy="enqueue")
    assert (store.thread("t").turn, store.thread("t").status) == (1, "busy")
    finish(store, lease)
    thread = store.thread("t")
    assert (thread.turn, thread.status) == (2, "busy")
    assert kinds(store) == ["input", "leg", "enqueue", "enqueue", "output", "input"]
    assert store.load("t").facts[0].value == '"second"'
    assert store.load("t").previous == '"bar"'
    assert gapless(store)


def test_whoever_ran_the_turn_before_can_add_nothing_to_the_next_one(store: Store) -> None:
    lease = leased(store)
    begin(store, value="second", strategy="enqueue")
    finish(store, lease)
    with pytest.raises(errors.LeaseLost):
        store.append(lease, [result(1)])
    second = claim(store)
    assert second is not None
    finish(store, second)
    assert store.thread("t").status == "idle"


def test_the_line_waits_for_an_answer_and_for_a_retry(store: Store) -> None:
    paused(store)
    begin(store, value="second", strategy="enqueue")
    assert store.thread("t").status == "interrupted"
    store.transact("t", partial(transitions.cancel, author=ANA), closed=True)
    lease = claim(store)
    assert lease is not None and store.thread("t").turn == 2
    begin(store, value="third", strategy="enqueue")
    detail = {"type": "ValueError", "message": "no"}
    store.transact("t", partial(transitions.fail, lease=lease, facts=[], detail=detail))
    assert store.thread("t").status == "error"
    store.transact("t", partial(transitions.retry, author=ANA))
    lease = claim(store)
    assert lease is not None
    finish(store, lease)
    assert store.load("t").facts[0].value == '"third"'


@pytest.mark.parametrize("strategy, ended", [("interrupt", "discard"), ("rollback", "rollback")])
def test_an_open_turn_is_given_up_whoever_runs_it(store: Store, strategy: str, ended: str) -> None:
    lease = leased(store)
    store.append(lease, [result(1)])
    begin(store, value="second", strategy=strategy)
    assert kinds(store) == ["input", "leg", "task", ended, "input"]
    with pytest.raises(errors.LeaseLost):
        store.append(lease, [result(2)])
    assert [fact.kind for fact in store.load("t").facts] == ["input"]
    assert gapless(store)


def test_a_rollback_restores_what_the_turn_had_changed(store: Store) -> None:
    finish(store, leased(store))
    begin(store, value="second", metadata={"case": 7})
    assert store.thread("t").metadata == {"case": 7}
    begin(store, value="third", strategy="rollback", metadata={"other": 1})
    assert store.thread("t").metadata == {"other": 1}
    assert store.load("t").previous == '"bar"'


def test_an_interrupt_keeps_it(store: Store) -> None:
    finish(store, leased(store))
    begin(store, value="second", metadata={"case": 7})
    begin(store, value="third", strategy="interrupt", metadata={"other": 1})
    assert store.thread("t").metadata == {"case": 7, "other": 1}


def test_a_withdrawn_start_never_begins(store: Store) -> None:
    lease = leased(store)
    second = begin(store, value="second", strategy="enqueue")
    third = begin(store, value="third", strategy="enqueue")
    store.transact("t", partial(line.withdraw, run_id=second.id, author=BEN))
    with pytest.raises(errors.NothingToCancel):
        store.transact("t", partial(line.withdraw, run_id=second.id, author=BEN))
    finish(store, lease)
    assert store.load("t").facts[0].detail["run"] == third.id
    with pytest.raises(errors.NothingToCancel):
        store.transact("t", partial(line.withdraw, run_id=third.id, author=BEN))


def test_a_copy_does_not_start_twice_what_waits(store: Store) -> None:
    paused(store)
    begin(store, value="second", strategy="enqueue")
    store.copy_thread("t", "copy")
    assert kinds(store, "copy")[-2:] == ["enqueue", "withdraw"]
    store.transact("copy", partial(transitions.cancel, author=ANA), closed=True)
    assert store.thread("copy").status == "idle"


def test_pruning_keeps_what_waits(store: Store) -> None:
    finish(store, leased(store))
    begin(store, value="second")
    begin(store, value="third", strategy="enqueue")
    lease = claim(store)
    assert lease is not None
    finish(store, lease)
    begin(store, value="fourth", strategy="enqueue")
    lease = claim(store)
    assert lease is not None
    store.prune(["t"])
    finish(store, lease)
    assert store.load("t").facts[0].value == '"fourth"'


def test_the_line_has_an_end(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "MOST_WAITING", 2)
    leased(store)
    for _ in range(2):
        begin(store, strategy="enqueue")
    with pytest.raises(errors.LineFull, match="2 starts wait on thread 't'"):
        begin(store, strategy="enqueue")


# By verb


@pytest.fixture
def known(register: Callable[..., Any]) -> None:
    for workflow in (flows.asking, flows.echo):
        register(workflow)


@pytest.mark.django_db
def test_enqueued_starts_run_one_after_the_other(known: None, ana: User) -> None:
    verbs.start("echo", 1, thread_id="t")
    waiting = [verbs.start("echo", n, thread_id="t", multitask_strategy="enqueue", by=ana) for n in (2, 3)]
    assert [run.status for run in waiting] == ["waiting", "waiting"]
    drain()
    assert values() == [1, 2, 3]
    assert runs() == [("succeeded", 1), ("succeeded", 2), ("succeeded", 3)]
    assert Run.objects.get(pk=waiting[0].pk).requested_by == ana
    assert not list(compare_all())


@pytest.mark.django_db
def test_on_an_idle_thread_every_strategy_starts_at_once(known: None) -> None:
    for number, strategy in enumerate(("reject", "enqueue", "interrupt", "rollback"), start=1):
        assert verbs.start("echo", number, thread_id="t", multitask_strategy=strategy).status == "queued"
        drain()
    assert values() == [1, 2, 3, 4]


@pytest.mark.django_db
def test_a_question_is_answered_before_the_line_goes_on(known: None) -> None:
    verbs.start("asking", "a", thread_id="t")
    drain()
    verbs.start("asking", "b", thread_id="t", multitask_strategy="enqueue")
    assert drain() == 0
    verbs.answer(Interrupt.objects.get().pk, "yes", version=1)
    drain()
    assert values() == ["sent a, yes, sent a again"]
    assert Interrupt.objects.get(status="pending").turn == 2


@pytest.mark.django_db
@pytest.mark.parametrize("strategy", ["interrupt", "rollback"])
def test_a_pending_question_is_given_up(known: None, strategy: str) -> None:
    verbs.start("asking", "a", thread_id="t")
    drain()
    verbs.start("asking", "b", thread_id="t", multitask_strategy=strategy)
    drain()
    assert list(Interrupt.objects.order_by("turn").values_list("status", flat=True)) == ["cancelled", "pending"]
    assert not list(compare_all())


@pytest.mark.django_db
@pytest.mark.parametrize("strategy", ["reject", "interrupt", "rollback"])
def test_while_an_answer_can_be_undone_nothing_is_given_up(known: None, strategy: str) -> None:
    verbs.start("asking", "a", thread_id="t")
    drain()
    verbs.answer(Interrupt.objects.get().pk, "yes", version=1, hold_seconds=3600)
    before = evidence()
    with pytest.raises(errors.QuestionHeld):
        verbs.start("asking", "b", thread_id="t", multitask_strategy=strategy)
    assert evidence() == before
    assert verbs.start("asking", "b", thread_id="t", multitask_strategy="enqueue").status == "waiting"


@pytest.mark.django_db
def test_an_interrupting_start_goes_before_the_line(known: None) -> None:
    verbs.start("echo", 1, thread_id="t")
    verbs.start("echo", 2, thread_id="t", multitask_strategy="enqueue")
    verbs.start("echo", 3, thread_id="t", multitask_strategy="interrupt")
    drain()
    assert values() == [3, 2]
    assert runs()[0] == ("cancelled", 1)


@pytest.mark.usefixtures("engine")
def test_a_turn_that_was_rolled_back_is_not_in_the_history(known: None) -> None:
    config = {"configurable": {"thread_id": "t"}}
    verbs.start("echo", 1, thread_id="t")
    verbs.start("echo", 2, thread_id="t", multitask_strategy="rollback")
    drain()
    history = list(flows.echo.get_state_history(config))
    assert [snapshot.metadata["source"] for snapshot in history if snapshot.metadata] == ["loop", "input"]
    every = list(flows.echo.get_state_history(config, steps=True))
    assert "rollback" in [snapshot.metadata["source"] for snapshot in every if snapshot.metadata]
    verbs.start("echo", 3, thread_id="t")
    verbs.start("echo", 4, thread_id="t", multitask_strategy="interrupt")
    drain()
    assert len(list(flows.echo.get_state_history(config))) == 5


@pytest.mark.django_db
def test_a_cancel_ends_the_turn_that_is_meant_and_the_line_goes_on(known: None) -> None:
    verbs.start("asking", "a", thread_id="t")
    verbs.start("asking", "b", thread_id="t", multitask_strategy="enqueue")
    drain()
    assert verbs.cancel("t", turn=1).turn == 2
    with pytest.raises(errors.NothingToCancel, match="Turn 1 of thread 't' has ended, and turn 2 runs now"):
        verbs.cancel("t", turn=1)
    drain()
    assert Interrupt.objects.get(status="pending").turn == 2


@pytest.mark.usefixtures("engine")
def test_an_update_ends_the_turn_too(known: None) -> None:
    verbs.start("asking", "a", thread_id="t")
    drain()
    verbs.start("asking", "b", thread_id="t", multitask_strategy="enqueue")
    config = {"configurable": {"thread_id": "t"}}
    updated = flows.asking.update_state(config, "set")
    assert flows.asking.get_state(updated).metadata["source"] == "update"  # type: ignore[index]
    assert Thread.objects.get().turn == 2
    assert not list(compare_all())


@pytest.mark.usefixtures("engine")
def test_a_fork_goes_first_and_the_line_follows(known: None) -> None:
    config = {"configurable": {"thread_id": "t"}}
    verbs.start("asking", "a", thread_id="t")
    drain()
    verbs.start("asking", "b", thread_id="t", multitask_strategy="enqueue")
    flows.asking.update_state(config, None, as_node="__copy__")
    drain()
    assert Interrupt.objects.get(status="pending").turn == 2
    verbs.answer(Interrupt.objects.get(status="pending").pk, "yes", version=1)
    drain()
    assert values() == ["sent a, yes, sent a again"]
    assert Interrupt.objects.get(status="pending").turn == 3


@pytest.mark.django_db
def test_one_key_is_one_start_in_line_or_out_of_it(known: None) -> None:
    verbs.start("echo", 1, thread_id="t")
    enqueue = partial(verbs.start, "echo", 2, thread_id="t", multitask_strategy="enqueue", idempotency_key="k")
    first = enqueue()
    assert enqueue().pk == first.pk
    with pytest.raises(errors.IdempotencyConflict):
        verbs.start("echo", 3, thread_id="t", multitask_strategy="enqueue", idempotency_key="k")
    drain()
    assert enqueue().pk == first.pk
    assert values() == [1, 2]


@pytest.mark.django_db
def test_a_thread_of_another_workflow_takes_nothing_into_its_line(known: None) -> None:
    verbs.start("echo", 1, thread_id="t")
    with pytest.raises(errors.WrongWorkflow):
        verbs.start("asking", "a", thread_id="t", multitask_strategy="enqueue")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "options, says",
    [
        ({"multitask_strategy": "queue"}, "'queue' is none; use one of reject, enqueue, interrupt, rollback"),
        ({"multitask_strategy": "enqueue", "discard_pending": True}, "does not go with 'enqueue'"),
    ],
)
def test_options_that_say_nothing(known: None, options: dict[str, Any], says: str) -> None:
    before = evidence()
    with pytest.raises(errors.InvalidInput, match=says):
        verbs.start("echo", 1, **options)
    assert evidence() == before


@pytest.mark.django_db
def test_withdrawing_by_verb(known: None) -> None:
    verbs.start("echo", 1, thread_id="t")
    second = verbs.start("echo", 2, thread_id="t", multitask_strategy="enqueue")
    withdrawn = verbs.withdraw(second.pk, by="ben", reason="not needed")
    assert withdrawn.status == "withdrawn"
    drain()
    assert values() == [1]
    for run_id, kind in ((second.pk, errors.NothingToCancel), ("?", errors.UnknownRun)):
        with pytest.raises(kind):
            verbs.withdraw(run_id)
    assert not list(compare_all())


# Races and crashes


@pytest.mark.usefixtures("engine")
def test_a_running_turn_hears_that_it_was_given_up(register: Callable[..., Any]) -> None:
    begun, go = threading.Event(), threading.Event()
    seen = []

    @task
    def slow(value: str) -> str:
        if value == "one":
            begun.set()
            assert go.wait(WAIT_SECONDS)
        return value

    @entrypoint(name="slow")
    def flow(value: str) -> str:
        done = slow(value).result()
        seen.append(done)
        return done

    register(flow)
    verbs.start("slow", "one", thread_id="t")
    running = in_background(partial(run_thread, "t"))
    assert begun.wait(WAIT_SECONDS)
    verbs.start("slow", "two", thread_id="t", multitask_strategy="interrupt")
    go.set()
    assert running.outcome() is True
    assert run_thread("t")
    assert (seen, values()) == (["two"], ["two"])
    assert gapless(saver())


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_starts_that_race_with_the_end_of_the_turn_each_run_once(known: None) -> None:
    for number in range(5):
        thread_id = f"t{number}"
        verbs.start("echo", 0, thread_id=thread_id)
        enqueue = partial(verbs.start, "echo", thread_id=thread_id, multitask_strategy="enqueue")
        outcomes = at_once(partial(run_thread, thread_id), *[partial(enqueue, n) for n in range(1, 5)])
        assert all(isinstance(outcome, Run) for outcome in outcomes[1:])
        while Thread.objects.get(pk=thread_id).status == "busy":
            run_thread(thread_id)
        assert sorted(values(thread_id)) == [0, 1, 2, 3, 4]
        assert gapless(saver(), thread_id)
    assert not Run.objects.waiting().exists()
    assert not list(compare_all())


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("strategy", ["interrupt", "rollback", "enqueue"])
def test_a_start_that_races_with_the_answer(known: None, strategy: str) -> None:
    for number in range(5):
        thread_id = f"t{number}"
        verbs.start("asking", "a", thread_id=thread_id)
        run_thread(thread_id)
        asked = Interrupt.objects.get(thread=thread_id)
        outcomes = at_once(
            partial(verbs.answer, asked.pk, "yes", version=1),
            partial(verbs.start, "asking", "b", thread_id=thread_id, multitask_strategy=strategy),
        )
        assert isinstance(outcomes[1], Run)
        while Thread.objects.get(pk=thread_id).status == "busy":
            run_thread(thread_id)
        asked.refresh_from_db()
        answered = not isinstance(outcomes[0], errors.QuestionClosed)
        assert (asked.status == "answered") is answered
        assert Interrupt.objects.get(thread=thread_id, status="pending").turn == 2
        assert gapless(saver(), thread_id)
    assert not list(compare_all())


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_start_is_either_withdrawn_or_run(known: None) -> None:
    for number in range(5):
        thread_id = f"t{number}"
        verbs.start("echo", 1, thread_id=thread_id)
        second = verbs.start("echo", 2, thread_id=thread_id, multitask_strategy="enqueue")
        withdrawn, *_ = at_once(partial(verbs.withdraw, second.pk), partial(run_thread, thread_id))
        while Thread.objects.get(pk=thread_id).status == "busy":
            run_thread(thread_id)
        assert (values(thread_id) == [1]) is isinstance(withdrawn, Run)
        assert gapless(saver(), thread_id)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_starts_from_several_processes_wait_in_one_line(known: None) -> None:
    verbs.start("echo", 0, thread_id="t")
    request = {"workflow": "echo", "thread_id": "t", "multitask_strategy": "enqueue", "idempotency_key": "k"}
    outcomes = processes([("start", request | {"value": 1})] * 3, workflows="tests.hitl.flows")
    assert outcomes == [{"value": Run.objects.waiting().get().pk}] * 3


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_an_executor_that_dies_leaves_the_line_as_it_is(known: None, register: Callable[..., Any]) -> None:
    register(flows.dying)
    verbs.start("dying", "a", thread_id="t")
    waits = verbs.start("dying", "b", thread_id="t", multitask_strategy="enqueue")
    with pytest.raises(ValueError):
        processes([("run", {"thread_id": "t"})], workflows="tests.hitl.flows")
    assert Run.objects.get(pk=waits.pk).status == "waiting"
    verbs.cancel("t")
    assert Thread.objects.get().turn == 2
    assert gapless(saver())
    assert not list(compare_all())


def test_both_stores_know_a_question_that_is_held(store: Store) -> None:
    from hitl import answering

    asked = paused(store)
    given = {asked: answering.Given(1, 1)}
    store.transact("t", partial(answering.answer, given=given, author=Author(None, "ana", "web"), hold_seconds=60))
    with pytest.raises(errors.QuestionHeld):
        begin(store, value="second", strategy="interrupt")
