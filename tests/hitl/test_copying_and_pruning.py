"""`delete_thread`, `copy_thread` and `prune` of both stores (item 68), and what doctor says of the journals then."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hitl import doctor, rebuild, verbs
from hitl.checkpoint.database import saver
from hitl.errors import HitlError, LeaseLost, NotFound, ThreadBusy, UnknownThread
from hitl.func import entrypoint, task
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.journals import gapless, kinds
from tests.hitl.programs import facts, on, questions


@pytest.fixture
def ran() -> list[str]:
    return []


@pytest.fixture
def graph(store: Store, ran: list[str]) -> Any:
    @task
    def step(name):
        ran.append(name)
        return name

    @entrypoint(checkpointer=store)
    def graph(value, *, previous):
        step("a").result()
        answer = interrupt("Go on?")
        step("b").result()
        return entrypoint.final(value=[value, answer, previous], save=value)

    return graph


def run(graph: Any, value: str = "in", answer: Any = 1, thread_id: str = "1") -> Any:
    graph.invoke(value, on(thread_id))
    return graph.invoke(Command(resume=answer), on(thread_id))


def rest(graph: Any) -> dict[str, Any]:
    """The address of the first task's result in the last turn."""
    fact = facts(graph.store(), "task")[-2]
    return {"configurable": {"thread_id": "1", "checkpoint_id": str(fact.seq)}}


# Deleting


def test_a_deleted_thread_is_gone(graph: Any) -> None:
    question_id = questions(graph.invoke("in", on()))["Go on?"]
    graph.store().delete_thread("1")
    assert graph.get_state(on()).values == {}
    assert graph.store().thread("1") is None and graph.store().question(question_id) is None
    with pytest.raises(UnknownThread):
        graph.invoke(Command(resume=1), on())


def test_deleting_is_harmless_to_repeat(graph: Any) -> None:
    graph.store().delete_thread("nobody")


def test_its_id_can_be_used_again(graph: Any) -> None:
    run(graph)
    graph.store().delete_thread("1")
    assert run(graph, "new") == ["new", 1, None]
    assert gapless(graph.store(), "1")


def test_who_runs_it_has_lost_it(store: Store) -> None:
    @task
    def step():
        return 1

    @entrypoint(checkpointer=store)
    def graph(value):
        store.submit(lambda: store.delete_thread("1"), key="1").result()
        step().result()

    with pytest.raises((LeaseLost, UnknownThread)):
        graph.invoke("in", on())
    assert store.thread("1") is None


# Copying


def test_a_copy_goes_on_from_where_it_was_copied(graph: Any, ran: list[str]) -> None:
    before = questions(graph.invoke("in", on()))
    graph.store().copy_thread("1", "2")
    assert graph.store().thread("2").status == "interrupted"
    asked = questions(graph.invoke(None, on("2")))
    assert list(asked) == ["Go on?"] and asked["Go on?"] != before["Go on?"]
    ran.clear()
    assert graph.invoke(Command(resume=2), on("2")) == ["in", 2, None]
    assert graph.invoke(Command(resume=1), on("1")) == ["in", 1, None]
    assert ran == ["b", "b"]


def test_a_copy_has_the_history_and_the_saved_value(graph: Any) -> None:
    run(graph, "one")
    run(graph, "two")
    graph.store().copy_thread("1", "2")
    assert kinds(graph.store(), "2") == kinds(graph.store(), "1")
    assert [one.values for one in graph.get_state_history(on("2"))] == [
        one.values for one in graph.get_state_history(on("1"))
    ]
    assert run(graph, "three", thread_id="2") == ["three", 1, "two"]
    assert graph.store().thread("1").seq < graph.store().thread("2").seq


def test_a_copy_of_a_fork_is_a_fork_too(graph: Any) -> None:
    run(graph)
    graph.invoke(None, rest(graph))
    graph.store().copy_thread("1", "2")
    assert graph.invoke(Command(resume=5), on("2")) == ["in", 5, None]


def test_only_to_an_id_that_is_free_and_from_one_that_rests(graph: Any) -> None:
    run(graph)
    run(graph, thread_id="2")
    with pytest.raises(ThreadBusy, match="there already"):
        graph.store().copy_thread("1", "2")
    graph.update_state(on(), "queued", as_node="__input__")
    with pytest.raises(ThreadBusy):
        graph.store().copy_thread("1", "3")
    with pytest.raises(UnknownThread):
        graph.store().copy_thread("nobody", "3")
    assert graph.store().thread("3") is None


# Pruning


def test_pruning_forgets_the_turns_before_the_last(graph: Any) -> None:
    for value in ("one", "two", "three"):
        run(graph, value)
    before = len(graph.store().facts("1"))
    graph.store().prune(["1"])
    assert len(graph.store().facts("1")) < before / 2
    assert graph.get_state(on()).values == ["three", 1, "two"]
    assert run(graph, "four") == ["four", 1, "three"]


def test_an_open_turn_goes_on_with_what_it_builds_on(graph: Any, ran: list[str]) -> None:
    run(graph, "one")
    graph.invoke("two", on())
    graph.store().prune(["1"])
    ran.clear()
    assert graph.invoke(Command(resume=2), on()) == ["two", 2, "one"]
    assert ran == ["b"]


def test_the_last_turn_can_still_be_gone_back_into(graph: Any) -> None:
    run(graph, "one")
    run(graph, "two")
    middle = rest(graph)
    graph.store().prune(["1"])
    graph.invoke(None, middle)
    assert graph.invoke(Command(resume=7), on()) == ["two", 7, "one"]


def test_a_fork_keeps_what_it_forked_from(graph: Any, ran: list[str]) -> None:
    run(graph, "one")
    run(graph, "two")
    graph.invoke(None, rest(graph))
    graph.store().prune(["1"])
    ran.clear()
    assert graph.invoke(Command(resume=7), on()) == ["two", 7, "one"]
    assert ran == ["b"]


def test_a_forgotten_turn_cannot_be_gone_back_to(graph: Any) -> None:
    run(graph, "one")
    early = list(graph.get_state_history(on()))
    run(graph, "two")
    graph.store().prune(["1"])
    # Its saved value is kept, but not what led to it.
    for snapshot in early:
        with pytest.raises(NotFound):
            graph.invoke(None, snapshot.config)


def test_pruning_is_a_fact_and_nothing_is_noted_where_there_is_nothing_to_forget(graph: Any) -> None:
    run(graph, "one")
    graph.store().prune(["1", "nobody"])
    assert facts(graph.store(), "prune") == []
    run(graph, "two")
    graph.store().prune(["1"])
    graph.store().prune(["1"])
    assert len(facts(graph.store(), "prune")) == 1


def test_pruning_does_not_move_the_threads_checkpoint(graph: Any) -> None:
    run(graph, "one")
    graph.invoke("two", on())
    here = graph.get_state(on()).config
    graph.store().prune(["1"])
    graph.invoke(Command(resume=1), here)
    assert facts(graph.store(), "fork") == []


def test_a_pruned_thread_can_be_copied(graph: Any) -> None:
    run(graph, "one")
    run(graph, "two")
    graph.invoke(None, rest(graph))
    graph.store().prune(["1"])
    graph.store().copy_thread("1", "2")
    assert graph.invoke(Command(resume=5), on("2")) == ["two", 5, "one"]


def test_a_pruned_thread_is_pruned_again_later(graph: Any) -> None:
    for value in ("one", "two", "three", "four"):
        run(graph, value)
        graph.store().prune(["1"])
    assert run(graph, "five") == ["five", 1, "four"]
    # What "four" saved, the last turn, and the note of the first pruning's successor.
    assert len(facts(graph.store(), "input")) == 2


def test_delete_is_a_strategy_too_and_others_are_refused(graph: Any) -> None:
    run(graph)
    graph.store().prune(["1"], strategy="delete")
    assert graph.store().thread("1") is None
    with pytest.raises(ValueError, match="keep_latest"):
        graph.store().prune(["1"], strategy="everything")


def test_the_asynchronous_twins(graph: Any) -> None:
    store = graph.store()

    async def main() -> None:
        await store.acopy_thread("1", "2")
        await store.aprune(["1"])
        await store.adelete_thread("2")
        await store.aprune(["1"], strategy="delete")

    run(graph, "one")
    run(graph, "two")
    asyncio.run(main())
    assert store.thread("1") is None and store.thread("2") is None


# What doctor says


@pytest.fixture
def kept(engine: None, ran: list[str]) -> Any:
    """The same workflow, in the database."""

    @task
    def step(name):
        return name

    @entrypoint()
    def graph(value, *, previous):
        step("a").result()
        answer = interrupt("Go on?")
        step("b").result()
        return entrypoint.final(value=[value, answer, previous], save=value)

    return graph


def differences() -> list[str]:
    return [str(found) for found in rebuild.compare_all()]


def gaps() -> list[str]:
    return [found.thread_id for found in doctor.journal_gaps()]


def test_forked_copied_updated_and_pruned_journals_agree_with_their_rows(kept: Any) -> None:
    run(kept, "one")
    run(kept, "two")
    kept.invoke(None, rest(kept))
    kept.invoke(Command(resume=5), on())
    kept.invoke(None, rest(kept))
    saver().copy_thread("1", "copy")
    kept.update_state(on(), "by hand")
    kept.update_state(on("seeded"), "seed")
    kept.invoke(None, {"configurable": {"thread_id": "1", "checkpoint_id": str(facts(saver(), "output")[0].seq)}})
    assert (differences(), gaps()) == ([], [])
    saver().prune(["1", "copy", "seeded"])
    assert (differences(), gaps()) == ([], [])
    run(kept, "after")
    run(kept, "after", thread_id="seeded")
    saver().prune(["1", "seeded"])
    saver().copy_thread("1", "copy of the pruned")
    assert (differences(), gaps()) == ([], [])


def test_what_is_forgotten_keeps_its_runs_and_answers(kept: Any) -> None:
    """Who answered what, and which idempotency keys were used, outlives the journal."""
    run(kept, "one")
    run(kept, "two")
    before = (Run.objects.count(), Interrupt.objects.count())
    saver().prune(["1"])
    assert (Run.objects.count(), Interrupt.objects.count()) == before


def test_a_row_that_was_changed_by_hand_is_found_in_a_pruned_journal_too(kept: Any) -> None:
    run(kept, "one")
    run(kept, "two")
    saver().prune(["1"])
    Interrupt.objects.filter(turn=2).update(title="forged")
    Thread.objects.update(status="busy")
    assert len(differences()) == 2
    assert len(list(rebuild.compare_all(fix=True))) == 2
    assert differences() == []


@pytest.mark.parametrize("which", ["kept value", "in the last turn", "last"])
def test_a_gap_that_no_pruning_explains_is_found(kept: Any, which: str) -> None:
    run(kept, "one")
    run(kept, "two")
    saver().prune(["1"])
    seqs = [fact.seq for fact in saver().facts("1")]
    lost = {"kept value": seqs[0], "in the last turn": seqs[-4], "last": seqs[-1]}[which]
    Checkpoint.objects.filter(seq=lost).delete()
    assert gaps() == ["1"]


def test_a_pruning_that_was_cut_off_before_it_deleted_is_no_gap(kept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run(kept, "one")
    run(kept, "two")
    monkeypatch.setattr(saver(), "delete_facts", lambda thread_id, seqs: None)
    saver().prune(["1"])
    assert (differences(), gaps()) == ([], [])


def test_a_pruning_that_fails_while_it_deletes_changes_nothing(kept: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The note and the deletes are one transaction, so no fork can come between them and lose its base."""
    run(kept, "one")
    run(kept, "two")
    before = [fact.seq for fact in saver().facts("1")]
    delete = saver().delete_facts

    def delete_and_fail(thread_id: str, seqs: Any) -> None:
        delete(thread_id, seqs)
        raise RuntimeError("cut off")

    monkeypatch.setattr(saver(), "delete_facts", delete_and_fail)
    with pytest.raises(RuntimeError, match="cut off"):
        saver().prune(["1"])
    assert [fact.seq for fact in saver().facts("1")] == before
    assert (differences(), gaps()) == ([], [])


def test_a_running_thread_can_be_pruned(engine: None) -> None:
    """The leg goes on: what is forgotten is behind it."""

    @task
    def step():
        return 1

    @entrypoint()
    def graph(value):
        if value == "two":
            saver().submit(lambda: saver().prune(["1"]), key="1").result()
        return step().result()

    graph.invoke("one", on())
    assert graph.invoke("two", on()) == 1
    assert (differences(), gaps()) == ([], [])


def test_a_deleted_thread_leaves_no_rows(kept: Any) -> None:
    run(kept)
    saver().delete_thread("1")
    assert [model.objects.count() for model in (Thread, Run, Checkpoint, Interrupt)] == [0, 0, 0, 0]
    with pytest.raises(HitlError):
        verbs.cancel("1")
