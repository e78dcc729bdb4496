"""Rule 14: `@entrypoint(version=…)` keeps old code for old turns; new turns run the newest."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from hitl import forking, registry, run, testing, transitions, verbs
from hitl.checkpoint.database import saver
from hitl.errors import UnknownVersion, UnknownWorkflow
from hitl.facts import Author
from hitl.func import entrypoint, task
from hitl.models import Interrupt, Thread
from hitl.opening import Start
from hitl.store import Store
from hitl.types import Command, interrupt
from hitl.workflow import Workflow
from tests.hitl.command import hitl
from tests.hitl.programs import facts, on

Register = Callable[[Workflow], Workflow]


@pytest.fixture
def deploy(register: Register) -> Callable[..., Workflow]:
    """Register a version of the workflow "shop" that says which it is."""

    def deployed(version: str | None, *, store: Store | None = None) -> Workflow:
        def body(value: Any) -> Any:
            return [version, value, interrupt("ok?")]

        return register(entrypoint(checkpointer=store, name="shop", version=version)(body))

    return deployed


def answer(value: Any = "yes") -> None:
    question = Interrupt.objects.get(status="pending")
    verbs.answer(question.pk, value, version=question.version)
    testing.drain()


def output(thread_id: str = "one") -> Any:
    (last,) = [fact.value for fact in saver().facts(thread_id) if fact.kind == "output"][-1:]
    return last


# By name: the desk, the command, verbs and executors


@pytest.mark.django_db
def test_an_open_turn_goes_on_with_its_version_and_a_new_turn_runs_the_newest(deploy: Callable[..., Workflow]) -> None:
    deploy("1")
    verbs.start("shop", "in", thread_id="one")
    testing.drain()
    deploy("2")
    verbs.start("shop", "in", thread_id="two")
    answer()
    assert output("one") == '["1","in","yes"]'
    assert Thread.objects.get(pk="two").workflow_version == "2"


@pytest.mark.django_db
def test_the_next_turn_of_an_old_thread_runs_the_newest(deploy: Callable[..., Workflow]) -> None:
    deploy("1")
    verbs.start("shop", "in", thread_id="one")
    testing.drain()
    deploy("2")
    answer()
    verbs.start("shop", "again", thread_id="one")
    testing.drain()
    answer()
    assert output() == '["2","again","yes"]'
    versions = [fact.detail["version"] for fact in facts(saver(), "input", thread_id="one")]
    assert versions == ["1", "2"]


@pytest.mark.django_db
def test_turns_from_before_there_were_versions_need_the_code_without_one(deploy: Callable[..., Workflow]) -> None:
    deploy(None)
    verbs.start("shop", "in", thread_id="one")
    testing.drain()
    deploy("1")
    verbs.start("shop", "in", thread_id="two")
    answer()
    assert output("one") == '[null,"in","yes"]'
    assert Thread.objects.get(pk="two").workflow_version == "1"


@pytest.mark.parametrize(
    "order",
    [["", "1", "2"], ["9", "10"], ["2.9", "2.10"], ["1", "1.1"], ["2026-05-01", "2026-11-01"], ["v9", "v10"]],
)
def test_the_newest_is_the_last_in_natural_order_whichever_is_registered_first(
    deploy: Callable[..., Workflow], order: list[str]
) -> None:
    for version in reversed(order):
        deploy(version or None)
    assert registry.versions("shop") == order
    assert registry.get("shop").version == order[-1]
    assert [workflow.version for workflow in registry.all() if workflow.name == "shop"] == [order[-1]]


@pytest.mark.django_db
def test_a_turn_whose_version_is_not_here_is_left_alone(
    deploy: Callable[..., Workflow], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process may have it: the answer is stored, and the turn goes on once the version is back."""
    deploy("1")
    verbs.start("shop", "in", thread_id="one")
    testing.drain()
    with monkeypatch.context() as patch:
        patch.setattr(registry, "_workflows", {})
        deploy("2")
        answer()
        assert Thread.objects.get().status == "busy"
        assert [fact.kind for fact in saver().facts("one")][-1] == "answer"
    testing.drain()
    assert output() == '["1","in","yes"]'


@pytest.mark.django_db
def test_the_doctor_says_which_version_an_open_turn_needs(
    deploy: Callable[..., Workflow], monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy("1")
    verbs.start("shop", "in", thread_id="one")
    verbs.start("shop", "in", thread_id="done")
    testing.drain()
    verbs.cancel("done")
    assert hitl("doctor", "--format", "json").data == []
    monkeypatch.setattr(registry, "_workflows", {})
    deploy(None)
    deploy("2")
    (found,) = hitl("doctor", "--format", "json").data
    assert (found["code"], found["thread_id"]) == ("unknown-version", "one")
    assert "needs version '1' of workflow “shop”" in found["problem"]
    assert "here is the code without a version, version '2'" in found["problem"]
    verbs.cancel("one")
    assert hitl("doctor", "--format", "json").data == []


@pytest.mark.django_db
def test_versions_are_shown(deploy: Callable[..., Workflow]) -> None:
    deploy("10")
    deploy("9")
    (listed,) = [one for one in hitl("workflows", "--format", "json").data if one["name"] == "shop"]
    assert listed["versions"] == ["9", "10"]
    verbs.start("shop", "in", thread_id="one")
    assert hitl("show", "one", "--format", "json").data["workflow_version"] == "10"


@pytest.mark.django_db
def test_the_rows_can_be_rebuilt(deploy: Callable[..., Workflow]) -> None:
    deploy("1")
    verbs.start("shop", "in", thread_id="one")
    testing.drain()
    Thread.objects.update(workflow_version="")
    (found,) = hitl("doctor", "--rebuild", "--fix", "--format", "json").data[-1:]
    assert "workflow_version is '', the journal says '1'" in found["problem"]
    assert Thread.objects.get().workflow_version == "1"


# Called in code, on each store


def test_no_other_version_can_claim_the_turn(store: Store, deploy: Callable[..., Workflow]) -> None:
    """A nudge may come to an executor that read the thread before its next turn began."""
    older, newer = deploy("1", store=store), deploy("2", store=store)
    store.transact("1", partial(transitions.start, asked=Start("shop", "1", Author(), version="1")), create=True)
    assert store.transact("1", run.claiming(newer)) is None
    assert store.thread("1").lease_owner == ""
    assert store.transact("1", run.claiming(older)) is not None


def test_the_newer_function_goes_on_with_an_old_turn_by_the_older_one(
    store: Store, deploy: Callable[..., Workflow]
) -> None:
    deploy("1", store=store).invoke("in", on())
    newer = deploy("2", store=store)
    assert newer.invoke(Command(resume="yes"), on()) == ["1", "in", "yes"]
    newer.invoke("again", on())
    assert newer.invoke(Command(resume="yes"), on()) == ["2", "again", "yes"]


def test_a_function_that_is_called_itself_runs_itself(store: Store, deploy: Callable[..., Workflow]) -> None:
    """Who calls the older function in code has chosen it; by name it would be the newest."""
    older, _newer = deploy("1", store=store), deploy("2", store=store)
    older.invoke("in", on())
    assert older.invoke(Command(resume="yes"), on()) == ["1", "in", "yes"]


def test_without_the_old_version_nothing_is_stored_and_the_error_says_which_is_needed(store: Store) -> None:
    def body(value: Any) -> Any:
        return interrupt("ok?")

    entrypoint(checkpointer=store, name="shop", version="1")(body).invoke("in", on())
    before = store.facts("1")
    newer = entrypoint(checkpointer=store, name="shop", version="2")(body)
    with pytest.raises(UnknownVersion, match=r"'shop' needs version '1' .* version='1'\)") as caught:
        newer.invoke(Command(resume="yes"), on())
    assert isinstance(caught.value, UnknownWorkflow)
    assert store.facts("1") == before


def test_a_fork_runs_the_version_of_the_turn_that_it_goes_on_with(
    store: Store, deploy: Callable[..., Workflow]
) -> None:
    older = deploy("1", store=store)
    older.invoke("in", on())
    older.invoke(Command(resume="yes"), on())
    asked = facts(store, "question")[0].seq
    newer = deploy("2", store=store)
    newer.invoke("again", on())
    at = {"configurable": {"thread_id": "1", "checkpoint_id": str(asked)}}
    newer.invoke(None, at)
    assert store.thread("1").workflow_version == "1"
    assert newer.invoke(Command(resume="no"), on()) == ["1", "in", "no"]


def test_a_new_input_from_an_old_place_runs_the_newer(store: Store, deploy: Callable[..., Workflow]) -> None:
    older = deploy("1", store=store)
    older.invoke("in", on())
    first = store.facts("1")[0].seq
    newer = deploy("2", store=store)
    newer.invoke("other", {"configurable": {"thread_id": "1", "checkpoint_id": str(first)}})
    assert store.thread("1").workflow_version == "2"
    assert forking.base(store.facts("1"), store.thread("1").seq, "1").version == "2"


async def test_one_version_may_be_asynchronous_and_the_other_not(store: Store, register: Register) -> None:
    @task
    async def look(value: Any) -> Any:
        return value

    async def asynchronous(value: Any) -> Any:
        return ["async", await look(value), interrupt("ok?")]

    def synchronous(value: Any) -> Any:
        return ["sync", value, interrupt("ok?")]

    one = register(entrypoint(checkpointer=store, name="shop", version="1")(asynchronous))
    two = register(entrypoint(checkpointer=store, name="shop", version="2")(synchronous))
    await one.ainvoke("in", on())
    assert await two.ainvoke(Command(resume="yes"), on()) == ["async", "in", "yes"]
    two.invoke("in", on("2"))
    assert await one.ainvoke(Command(resume="yes"), on("2")) == ["sync", "in", "yes"]
    await one.ainvoke("in", on("3"))
    assert two.invoke(Command(resume="yes"), on("3")) == ["async", "in", "yes"]


# Registering


def module(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (tmp_path / "versioned_shop.py").write_text(f"from hitl.func import entrypoint\n{text}")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "versioned_shop", raising=False)
    import versioned_shop  # type: ignore[import-not-found]

    monkeypatch.setitem(sys.modules, "versioned_shop", versioned_shop)
    return versioned_shop  # type: ignore[no-any-return]


def test_two_functions_of_one_name_in_one_module_are_both_registered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, register: Register
) -> None:
    """The module itself only keeps the second."""
    text = "\n".join(
        f'@entrypoint(version="{version}")\ndef shop(value):\n    return "{version}"\n' for version in ("1", "2")
    )
    registry.register_module(module(tmp_path, text, monkeypatch))
    assert registry.versions("shop") == ["1", "2"]
    one, two = registry.get("shop", version="1"), registry.get("shop")
    assert (one.function("in"), two.function("in")) == ("1", "2")


def test_one_version_twice_is_refused(register: Register) -> None:
    def one(value: Any) -> None: ...
    def two(value: Any) -> None: ...

    register(entrypoint(name="shop", version="1")(one))
    with pytest.raises(ImproperlyConfigured, match=r"Two functions are version '1' of workflow 'shop'"):
        register(entrypoint(name="shop", version="1")(two))


@pytest.mark.parametrize("version", ["", "x" * 41, "a\nb", 2])
def test_what_is_no_version_is_refused(version: Any) -> None:
    with pytest.raises(ValueError, match="A version is text"):
        entrypoint(version=version)(lambda value: None)


def test_the_title_does_not_name_the_version(deploy: Callable[..., Workflow]) -> None:
    assert deploy("1").title == "Shop"
