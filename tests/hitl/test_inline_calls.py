"""Rule 36: graphs called in code take the lease themselves; inside a transaction only verbs may be used."""

from __future__ import annotations

from collections.abc import Callable
from threading import current_thread
from typing import Any

import pytest
from django.db import transaction

from hitl import testing, verbs
from hitl.checkpoint.memory import InMemorySaver
from hitl.errors import InsideTransaction, NoThreadId
from hitl.func import entrypoint, task
from hitl.models import Interrupt, Thread
from hitl.store import Store
from hitl.types import Command, RetryPolicy, interrupt
from hitl.workflow import Workflow
from tests.hitl.programs import facts, on, questions

Register = Callable[[Workflow], Workflow]


@entrypoint()
def shop(item):
    """Asks before it orders."""
    names = [check(item).result(), check("stock").result()]
    return [*names, order(item).result(), current_thread().name]


@task
def check(what):
    return f"checked {what} on {current_thread().name}"


@task
def order(item):
    return f"{item}: {interrupt(f'Order {item}?')}"


@pytest.fixture
def registered(register: Register) -> Workflow:
    return register(shop)


def test_a_call_claims_in_its_first_transaction(store: Store) -> None:
    """Input, answer or retry are never there without a lease, so that no executor can take the run."""

    @entrypoint(checkpointer=store)
    def graph(value):
        return interrupt("ok?")

    graph.invoke("in", on())
    graph.invoke(Command(resume="yes"), on())
    assert [fact.kind for fact in store.facts("1")] == ["input", "leg", "question", "pause", "answer", "leg", "output"]


@pytest.mark.django_db
def test_inside_a_transaction_a_graph_refuses() -> None:
    with transaction.atomic():
        with pytest.raises(InsideTransaction, match=r"Use hitl\.verbs\.start"):
            shop.invoke("tea", on())
        with pytest.raises(InsideTransaction):
            list(shop.stream("tea", on()))
    assert not Thread.objects.exists()


@pytest.mark.django_db
def test_start_and_answer_may_be_part_of_a_transaction(registered: Workflow) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        verbs.start("shop", "tea", thread_id="t")
        raise RuntimeError
    assert not Thread.objects.exists()
    with transaction.atomic():
        verbs.start("shop", "tea", thread_id="t")
    testing.drain()
    question = Interrupt.objects.get()
    with pytest.raises(RuntimeError), transaction.atomic():
        verbs.answer(question.id, "yes", version=1)
        raise RuntimeError
    question.refresh_from_db()
    assert question.status == "pending"


@pytest.mark.django_db
def test_plain_tests_run_everything_in_their_own_thread(registered: Workflow) -> None:
    """No threads, no committed transactions: `hitl.testing` is enough."""
    verbs.start("shop", "tea", thread_id="t")
    assert testing.drain() == 1
    question = Interrupt.objects.get()
    verbs.answer(question.id, "yes", version=1)
    testing.drain()
    here = current_thread().name
    assert Thread.objects.get().status == "idle"
    state = None
    with testing.inline():
        state = shop.get_state(on("t"))
    assert state.values == [f"checked tea on {here}", f"checked stock on {here}", "tea: yes", here]


@pytest.mark.django_db
def test_inline_calls_behave_as_threaded_ones() -> None:
    ran = []

    @task
    def ask(name):
        ran.append(name)
        return interrupt(f"{name}?")

    @task
    def around(name):
        return [ask(name).result()]

    @entrypoint()
    def graph(value):
        futures: list[Any] = [ask("a"), around("b"), check("c")]
        return [future.result() for future in futures][:2]

    with testing.inline():
        ids = questions(graph.invoke("in", on()))
        assert set(ids) == {"a?", "b?"}
        assert set(questions(graph.invoke(Command(resume={ids["b?"]: "B"}), on()))) == {"a?"}
        assert ran == ["a", "b", "b"]
        assert list(graph.stream(Command(resume="A"), on()))[-1] == {"graph": ["A", ["B"]]}


@pytest.mark.parametrize("config", [None, {}, {"configurable": {}}])
def test_without_a_thread_id(store: Store, config: Any) -> None:
    """Item 41."""

    @entrypoint(checkpointer=store)
    def graph(value):
        return value

    with pytest.raises(NoThreadId, match="thread_id") as refused:
        graph.invoke("in", config)
    assert isinstance(refused.value, ValueError)


def test_with_other_keys_but_no_thread_id() -> None:
    @entrypoint(checkpointer=InMemorySaver())
    def graph(value):
        return value

    with pytest.raises(KeyError, match="thread_id"):
        graph.invoke("in", {"configurable": {"user": "ana"}})


def test_a_number_is_a_thread_id_too(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value, config):
        return config["configurable"]["thread_id"]

    assert graph.invoke("in", on(7)) == "7"  # type: ignore[arg-type]
    assert facts(store, "output", thread_id="7")


@pytest.mark.django_db
def test_a_task_is_tried_again_inline_too(register: Register) -> None:
    tries: list[int] = []

    @task(retry_policy=RetryPolicy(max_attempts=3, initial_interval=0.001, retry_on=OSError))
    def flaky():
        tries.append(1)
        if len(tries) < 3:
            raise OSError
        return len(tries)

    @register
    @entrypoint(name="trying")
    def trying(value):
        return flaky().result()

    verbs.start("trying", None, thread_id="trying")
    assert testing.drain() == 1
    assert len(tries) == 3
    assert Thread.objects.get(pk="trying").status == "idle"
