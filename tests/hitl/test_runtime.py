"""What a run tells its code: `Runtime`, `get_runtime()`, and the context of the call (items 4 to 6)."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import Any

import pydantic
import pytest

from hitl import testing, verbs
from hitl.errors import NotInRun
from hitl.func import entrypoint, task
from hitl.runtime import Runtime, get_runtime
from hitl.store import Store
from hitl.types import Command, RetryPolicy, interrupt
from tests.hitl.clock import failed_attempt
from tests.hitl.journals import begin, claim
from tests.hitl.programs import facts, on

QUICK = RetryPolicy(initial_interval=0.01, jitter=False)


def test_outside_a_run_there_is_none() -> None:
    with pytest.raises(NotInRun, match="get_runtime"):
        get_runtime()


def test_it_says_which_execution_this_is(store: Store) -> None:
    seen: dict[str, Any] = {}

    @task
    def step():
        seen["step"] = get_runtime().execution_info

    @entrypoint(checkpointer=store)
    def graph(value):
        seen["body"] = get_runtime().execution_info
        step().result()

    graph.invoke("in", on("a/b"))
    body, step_info = seen["body"], seen["step"]
    assert body.thread_id == step_info.thread_id == "a/b"
    assert body.run_id == step_info.run_id == store.facts("a/b")[0].detail["run"]
    assert body.task_id != step_info.task_id
    assert (body.node_attempt, step_info.node_attempt) == (1, 1)
    assert (body.checkpoint_ns, bool(step_info.checkpoint_ns)) == ("", True)
    assert body.checkpoint_id == "2"


def test_the_task_id_is_the_same_on_every_attempt_and_leg(store: Store) -> None:
    """The promise: pass it on as an idempotency key."""
    ids: list[str] = []

    @task(retry_policy=QUICK)
    def pay():
        ids.append(get_runtime().execution_info.task_id)
        interrupt("Pay?")
        ids.append(get_runtime().execution_info.task_id)
        if len(ids) < 5:
            raise ConnectionError("away")

    @entrypoint(checkpointer=store)
    def graph(value):
        pay().result()

    graph.invoke("in", on())
    graph.invoke(Command(resume="yes"), on())
    assert len(ids) == 5 and len(set(ids)) == 1


def test_the_task_id_is_the_same_after_a_crash(store: Store) -> None:
    ids: list[str] = []

    @task(retry_policy=QUICK)
    def pay(value):
        ids.append(get_runtime().execution_info.task_id)
        return ids[-1]

    @entrypoint(checkpointer=store)
    def graph(value):
        return pay(value).result()

    graph.invoke("in", on("before"))
    begin(store, "1", workflow=graph.name, value="in")
    lease = claim(store, "1", workflow=graph.name, lease_seconds=0)
    assert lease is not None
    failed_attempt(store, lease, "pay", "in")
    graph.invoke(None, on("1"))
    assert ids[0].removeprefix("before") == ids[1].removeprefix("1")


def test_equal_calls_have_ids_of_their_own(store: Store) -> None:
    @task
    def pay():
        return get_runtime().execution_info.task_id

    @entrypoint(checkpointer=store)
    def graph(value):
        return [future.result() for future in (pay(), pay())]

    first, second = graph.invoke("in", on()), graph.invoke("in", on())
    assert len({*first, *second}) == 4


def test_previous_is_the_bodys(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return [value, get_runtime().previous]

    graph.invoke("a", on())
    assert graph.invoke("b", on()) == ["b", ["a", None]]


def test_its_stream_writer_writes_events(store: Store) -> None:
    @task
    def step():
        get_runtime().stream_writer("from the task")

    @entrypoint(checkpointer=store)
    def graph(value, runtime: Runtime[None]):
        runtime.stream_writer("from the body")
        step().result()

    assert list(graph.stream("in", on(), stream_mode="custom")) == ["from the body", "from the task"]
    assert len(facts(store, "event")) == 2


@dataclasses.dataclass
class Tenant:
    name: str
    limit: int = 10


class Model(pydantic.BaseModel):
    name: str


def test_context_is_what_the_caller_gave(store: Store) -> None:
    given = object()

    @entrypoint(checkpointer=store)
    def graph(value, runtime):
        return runtime.context is given

    assert graph.invoke("in", on(), context=given) is True


def test_without_one_it_is_none(store: Store) -> None:
    @entrypoint(checkpointer=store, context_schema=Tenant)
    def graph(value, runtime):
        return runtime.context

    assert graph.invoke("in", on()) is None


@pytest.mark.parametrize("schema", [Tenant, Model], ids=["dataclass", "model"])
def test_a_dict_becomes_what_context_schema_says(store: Store, schema: Any) -> None:
    seen: list[Any] = []

    @task
    def step():
        seen.append(get_runtime(schema).context)

    @entrypoint(checkpointer=store, context_schema=schema)
    def graph(value):
        step().result()

    graph.invoke("in", on(), context={"name": "shop"})
    assert seen == [schema(name="shop")]


def test_what_is_given_ready_made_stays_itself(store: Store) -> None:
    @entrypoint(checkpointer=store, context_schema=Tenant)
    def graph(value, runtime):
        return runtime.context is tenant

    tenant = Tenant("shop")
    assert graph.invoke("in", on(), context=tenant) is True


def test_a_typed_dict_stays_a_dict(store: Store) -> None:
    from typing import TypedDict

    class Shop(TypedDict):
        name: str

    @entrypoint(checkpointer=store, context_schema=Shop)
    def graph(value, runtime):
        return runtime.context["name"]

    assert graph.invoke("in", on(), context={"name": "shop"}) == "shop"


def test_a_context_that_does_not_fit_starts_nothing(store: Store) -> None:
    @entrypoint(checkpointer=store, context_schema=Tenant)
    def graph(value):
        return value

    with pytest.raises(TypeError, match="colour"):
        graph.invoke("in", on(), context={"colour": "red"})
    assert store.thread("1") is None
    assert graph.invoke("in", on(), context={"name": "shop"}) == "in"


def test_context_reaches_child_workflows_and_stream_and_batchless_async(store: Store) -> None:
    @entrypoint()
    def child(value, runtime):
        return runtime.context

    @entrypoint(checkpointer=store)
    def graph(value):
        return child.invoke(value)

    assert list(graph.stream("in", on("1"), context="c")) == [{"graph": "c"}]
    assert asyncio.run(graph.ainvoke("in", on("2"), context="c")) == "c"


async def test_asynchronous_code_has_it_too(store: Store) -> None:
    @task
    async def step():
        await asyncio.sleep(0)
        return get_runtime().execution_info.thread_id

    @entrypoint(checkpointer=store)
    async def graph(value, runtime):
        return [runtime.execution_info.thread_id, await step()]

    assert await graph.ainvoke("in", on("t")) == ["t", "t"]


@pytest.mark.django_db
def test_in_an_executor_there_is_no_context(register: Any) -> None:
    seen: list[Any] = []

    @entrypoint(name="looking", context_schema=Tenant)
    def graph(value, runtime):
        seen.append((runtime.context, runtime.execution_info.thread_id))

    register(graph)
    verbs.start("looking", "in", thread_id="t")
    testing.drain()
    assert seen == [(None, "t")]
