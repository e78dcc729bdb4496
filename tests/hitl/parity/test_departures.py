"""The departures a to q: where we mean to do better than LangGraph 1.2.22. Each is one test at least.

The rules behind them have tests of their own, thorough ones; here stands what each departure is.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from threading import Barrier, Lock
from typing import Any

import pytest

from hitl import codec
from hitl.errors import (
    AlreadyAnswered,
    EmptyInput,
    HitlError,
    InvalidAnswer,
    NonDeterminism,
    NothingPending,
    UnstorableValue,
    WrongWorkflow,
)
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, RetryPolicy, interrupt
from tests.hitl.programs import facts, on, questions

began: list[str] = []


@task
def ask(name: str) -> str:
    began.append(name)
    return f"{name}: {interrupt(f'{name}?')}"


@pytest.fixture(autouse=True)
def nothing_began() -> None:
    began.clear()


def in_parallel(store: Store) -> Any:
    @entrypoint(checkpointer=store)
    def graph(names):
        return [one.result() for one in [ask(name) for name in names]]

    return graph


def test_departure_a_nothing_pending_nothing_resumed(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return f"{value}:{interrupt('?')}" if value != "plain" else value

    graph.invoke("plain", on())
    with pytest.raises(NothingPending):
        graph.invoke(Command(resume="APPROVED"), on())
    assert list(questions(graph.invoke("HUGE WIRE", on()))) == ["?"]


def test_departure_b_one_answer_once(store: Store) -> None:
    sent: list[str] = []
    together = Barrier(2)

    @task
    def send(answer):
        sent.append(answer)

    @entrypoint(checkpointer=store)
    def graph(value):
        send(interrupt("?")).result()

    def answer(name: str) -> AlreadyAnswered | None:
        together.wait()
        try:
            graph.invoke(Command(resume=name), on())
        except AlreadyAnswered as refused:
            return refused
        return None

    graph.invoke("in", on())
    with ThreadPoolExecutor(2) as people:
        (refused,) = filter(None, people.map(answer, ["alice", "bob"]))
    assert (refused.status, refused.answered_by, [refused.answer]) == (409, "code", sent)
    assert refused.answered_at is not None


def test_departure_c_every_pending_question_is_visible(store: Store) -> None:
    graph = in_parallel(store)
    asked = questions(graph.invoke(["a", "b", "c"], on()))
    assert list(asked) == ["a?", "b?", "c?"]
    assert [one.id for one in graph.get_state(on()).interrupts] == list(asked.values())
    (chunk,) = graph.stream(["a", "b"], on("2"))
    assert [one.value for one in chunk["__interrupt__"]] == ["a?", "b?"]


def test_departure_d_partial_resume_is_cheap(store: Store) -> None:
    graph = in_parallel(store)
    asked = questions(graph.invoke(["a", "b", "c"], on()))
    began.clear()
    graph.invoke(Command(resume={asked["b?"]: "B"}), on())
    assert began == ["b"]


def test_departure_e_calls_are_bound_by_what_they_are(store: Store) -> None:
    order = ["alice", "bob"]
    paid: list[str] = []

    @task
    def pay(name):
        paid.append(name)
        return f"paid {name}"

    @entrypoint(checkpointer=store)
    def graph(value):
        calls = {name: pay(name) for name in order}
        wait(calls.values())
        interrupt("?")
        return {name: call.result() for name, call in calls.items()}

    graph.invoke("in", on())
    order.reverse()
    assert graph.invoke(Command(resume="yes"), on()) == {"bob": "paid bob", "alice": "paid alice"}
    assert sorted(paid) == ["alice", "bob"]


def test_departure_e_and_divergence_is_loud(store: Store) -> None:
    changed: list[str] = []

    @task
    def step_1():
        return 1

    @task
    def step_2():
        return 2

    @entrypoint(checkpointer=store)
    def graph(value):
        first = (step_2 if changed else step_1)().result()
        return [first, interrupt("?")]

    graph.invoke("in", on())
    changed.append("by a deploy")
    with pytest.raises(NonDeterminism, match="step_1"):
        graph.invoke(Command(resume="yes"), on())
    changed.clear()
    assert graph.invoke(None, on()) == [1, "yes"]


def test_departure_f_an_entrypoints_retry_keeps_finished_tasks(store: Store) -> None:
    calls: list[str] = []

    @task
    def step():
        calls.append("task")
        return "done"

    @entrypoint(checkpointer=store, retry_policy=RetryPolicy(initial_interval=0.001, jitter=False, retry_on=KeyError))
    def graph(value):
        calls.append("body")
        done = step().result()
        if calls.count("body") < 3:
            raise KeyError(value)
        return done

    assert graph.invoke("in", on()) == "done"
    assert calls == ["body", "task", "body", "body"]


def test_departure_g_a_thread_belongs_to_its_workflow(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def one(value):
        return interrupt("?")

    @entrypoint(checkpointer=store)
    def two(value):
        return value

    one.invoke("in", on())
    for given in ("new input", Command(resume="yes"), None):
        with pytest.raises(WrongWorkflow):
            two.invoke(given, on())
    assert one.invoke(Command(resume="yes"), on()) == "yes"


def test_departure_h_the_pause_cannot_be_swallowed(store: Store) -> None:
    after: list[str] = []

    @task
    def effect():
        after.append("effect")

    @entrypoint(checkpointer=store)
    def graph(value):
        try:
            ask("a").result()
        except:  # noqa: E722 - that is what is tried here
            effect().result()
        finally:
            return "swallowed"  # noqa: B012

    assert list(questions(graph.invoke("in", on()))) == ["a?"]
    assert after == []
    assert graph.get_state(on()).next == ("graph",)


async def test_departure_h_nor_gathered_away(store: Store) -> None:
    @entrypoint(checkpointer=store)
    async def graph(names):
        return [str(one) for one in await asyncio.gather(*map(ask, names), return_exceptions=True)]

    asked = questions(await graph.ainvoke(["a", "b"], on()))
    assert sorted(asked) == ["a?", "b?"]
    answers = {asked["a?"]: "A", asked["b?"]: "B"}
    assert await graph.ainvoke(Command(resume=answers), on()) == ["a: A", "b: B"]


@pytest.mark.parametrize("limit", [1, 2])
def test_departure_i_max_concurrency_never_deadlocks(store: Store, limit: int) -> None:
    @task
    def nested(depth):
        return depth if not depth else nested(depth - 1).result()

    @entrypoint(checkpointer=store)
    def graph(value):
        return [one.result() for one in [nested(3) for _ in range(4)]]

    assert graph.invoke("in", on(max_concurrency=limit)) == [0] * 4


def test_departure_j_no_import_by_name_from_stored_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "trap_of_a_row.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    crafted = '{"$":"class","n":"trap_of_a_row:Trap","v":{"x":1}}'
    with pytest.raises(HitlError, match="trap_of_a_row:Trap"):
        codec.decode(crafted)
    assert codec.plain(crafted) == {"x": 1}
    for called in ("os:getenv", "builtins:eval"):
        with pytest.raises(HitlError, match=called):
            codec.decode(crafted.replace("trap_of_a_row:Trap", called))


def test_departure_k_every_answer_has_an_author(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return interrupt("?")

    graph.invoke("in", on())
    graph.invoke(Command(resume="yes"), on())
    (answer,) = facts(store, "answer")
    assert (answer.detail["by_name"], answer.detail["channel"]) == ("code", "code")
    assert (answer.detail["version"], answer.detail["before"], answer.value) == (1, None, '"yes"')
    assert answer.created_at is not None


@pytest.mark.parametrize("answer", [None, {}, [], 0, "", False])
def test_departure_l_any_json_value_is_a_legal_answer(store: Store, answer: Any) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return [interrupt("?")]

    graph.invoke("in", on())
    with pytest.raises(EmptyInput):
        graph.invoke(Command(), on())
    assert graph.invoke(Command(resume=answer), on()) == [answer]


def test_departure_m_unstorable_values_fail_at_once(store: Store) -> None:
    after: list[str] = []

    @task
    def give():
        return {"items": [0, 1, 2, {"client": Lock()}]}

    @entrypoint(checkpointer=store)
    def graph(value):
        give().result()
        after.append("went on")

    with pytest.raises(UnstorableValue, match=r'\["items"\]\[3\]\["client"\]'):
        graph.invoke("in", on())
    assert after == []
    assert graph.get_state(on()).next == ("graph",)


def test_departure_m_and_what_was_stored_comes_back_as_it_was(store: Store) -> None:
    seen: list[Any] = []

    @task
    def give():
        return (1, [(2,)])

    @entrypoint(checkpointer=store)
    def graph(value):
        seen.append(give().result())
        interrupt("?")

    graph.invoke("in", on())
    graph.invoke(Command(resume="yes"), on())
    assert seen == [(1, [(2,)])] * 2


def test_departure_n_a_wrong_answer_never_kills_a_thread(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return [int(interrupt("How many?")), interrupt("Sure?", response_schema={"type": "boolean"})]

    graph.invoke("in", on())
    with pytest.raises(ValueError, match="invalid literal"):
        graph.invoke(Command(resume="many"), on())
    assert [one.value for one in graph.get_state(on()).interrupts] == ["How many?"]
    graph.invoke(Command(resume="5"), on())
    with pytest.raises(InvalidAnswer):
        graph.invoke(Command(resume="perhaps"), on())
    assert graph.invoke(Command(resume=True), on()) == [5, True]


def test_departure_o_an_old_id_never_answers_a_new_question(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return [interrupt("first?"), interrupt("second?")]

    first = questions(graph.invoke("in", on()))["first?"]
    second = questions(graph.invoke(Command(resume={first: "A"}), on()))["second?"]
    assert first != second
    with pytest.raises(AlreadyAnswered):
        graph.invoke(Command(resume={first: "B"}), on())
    assert graph.invoke(Command(resume={second: "B"}), on()) == ["A", "B"]


def test_departure_p_caught_failures_are_memoised(store: Store) -> None:
    calls: list[str] = []

    @task
    def bad():
        calls.append("bad")
        raise ValueError("boom")

    @entrypoint(checkpointer=store)
    def graph(value):
        try:
            bad().result()
        except ValueError as error:
            return [str(error), interrupt("?")]

    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == ["boom", "yes"]
    assert calls == ["bad"]


def test_departure_q_no_checkpointer_means_the_database(engine: None) -> None:
    from hitl.models import Interrupt, Thread

    @entrypoint()
    def child(value):
        return interrupt("?")

    @entrypoint()
    def graph(value):
        return [value, child.invoke(value)]

    graph.invoke("in", on())
    assert Thread.objects.get(id="1").status == "interrupted"
    assert Interrupt.objects.get(thread_id="1").status == "pending"
    assert graph.invoke(Command(resume="yes"), on()) == ["in", "yes"]
