"""`hitl replay --check`: for a pipeline, before a deploy, beside the running server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hitl import registry, testing, verbs
from hitl.func import entrypoint, task
from hitl.models import Interrupt, Thread
from hitl.types import interrupt
from tests.hitl.command import hitl
from tests.hitl.journals import evidence

pytestmark = pytest.mark.django_db

ran: list[Any] = []


@task
def charge(amount: int) -> int:
    ran.append(amount)
    return amount


@task
def refund(amount: int) -> int:
    ran.append(-amount)
    return -amount


@task
def human(amount: int) -> Any:
    return interrupt(f"{amount}?")


def old(amount: int) -> Any:
    return [charge(amount).result(), interrupt("ok?"), charge(amount + 1).result()]


def new(amount: int) -> Any:
    return [refund(amount).result(), interrupt("ok?"), charge(amount + 1).result()]


@pytest.fixture
def deploy(monkeypatch: pytest.MonkeyPatch, register: Any) -> Callable[..., None]:
    def deployed(body: Callable[..., Any]) -> None:
        monkeypatch.setattr(registry, "_workflows", {})
        register(entrypoint(name="shop")(body))

    ran.clear()
    return deployed


@pytest.fixture
def three(deploy: Callable[..., None]) -> None:
    """One thread waits for an answer, one has its answer and waits for an executor, one is finished."""
    deploy(old)
    for name in ("waiting", "answered", "finished"):
        verbs.start("shop", 5, thread_id=name)
    testing.drain()
    for name in ("finished", "answered"):
        verbs.answer(Interrupt.objects.get(thread_id=name).pk, "yes", version=1)
        if name == "finished":
            testing.drain()
    ran.clear()


def test_all_replay(three: None) -> None:
    before = evidence()
    result = hitl("replay", "--check")
    assert (result.code, result.out) == (0, "2 open turns looked at; all replay.\n")
    assert evidence() == before
    assert ran == []


def test_what_does_not_replay_is_listed_and_ends_with_one(three: None, deploy: Callable[..., None]) -> None:
    deploy(new)
    before = evidence()
    result = hitl("replay", "--check")
    assert result.code == 1
    lines = result.out.splitlines()
    told = [line for line in lines if not line.startswith(" ")]
    said = "(shop) cannot be replayed: call 1 of shop was recorded as charge(), now it is refund()."
    assert told == [
        f"divergence: Thread 'answered' {said}",
        f"divergence: Thread 'waiting' {said}",
        "2 open turns looked at; 2 do not replay.",
    ]
    assert lines[1].startswith("    Recorded: charge(5), call 1 of shop, fact 3, by code version ")
    assert lines[2].startswith("    Now: refund(5), call 1 of shop, by code version ")
    assert evidence() == before
    assert ran == []


def test_as_json_every_open_turn_is_there(three: None, deploy: Callable[..., None]) -> None:
    good = hitl("replay", "--check", "--format", "json")
    assert good.code == 0
    assert [(one["thread"], one["status"], one["replays"]) for one in good.data] == [
        ("answered", "busy", True),
        ("waiting", "interrupted", True),
    ]
    deploy(new)
    bad = hitl("replay", "--check", "--format", "json")
    assert bad.code == 1
    first = bad.data[0]
    assert set(first) == {
        *("thread", "workflow", "workflow_version", "status", "replays", "problem", "message"),
        *("recorded", "now", "not_looked_into"),
    }
    assert (first["problem"], first["recorded"]["name"], first["now"]["name"]) == ("divergence", "charge", "refund")
    assert first["recorded"]["arguments"] == {"args": [5], "kwargs": {}}


def test_only_the_threads_that_are_named(three: None, deploy: Callable[..., None]) -> None:
    deploy(new)
    data = hitl("replay", "--check", "waiting", "--format", "json").data
    assert [one["thread"] for one in data] == ["waiting"]
    finished = hitl("replay", "--check", "finished")
    assert (finished.code, finished.out) == (0, "0 open turns looked at; all replay.\n")
    assert "Thread 'finished' has no open turn." in finished.err
    assert hitl("replay", "--check", "nobody").code == 3


def test_failed_turns_are_open(deploy: Callable[..., None]) -> None:
    def body(amount: int) -> Any:
        charge(amount).result()
        raise ValueError("no")

    deploy(body)
    verbs.start("shop", 5, thread_id="one")
    testing.drain()
    assert Thread.objects.get().status == "error"
    assert hitl("replay", "--check").code == 0
    deploy(new)
    assert hitl("replay", "--check").code == 1


def test_it_says_when_tasks_were_not_looked_into(deploy: Callable[..., None]) -> None:
    deploy(lambda amount: human(amount).result())
    verbs.start("shop", 5, thread_id="one")
    testing.drain()
    result = hitl("replay", "--check")
    assert (result.code, result.out) == (0, "1 open turns looked at; all replay.\n")
    assert "1 of them are inside tasks, which were not run" in result.err


def test_a_workflow_that_is_gone_does_not_replay(three: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_workflows", {})
    result = hitl("replay", "--check")
    assert result.code == 1
    assert "unknown-workflow: Thread 'waiting': there is no workflow 'shop' here." in result.out


def test_it_asks_the_database_for_nothing_but_facts_and_rows(three: None, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(1 + 2 * 3) as captured:
        hitl("replay", "--check")
    assert all(query["sql"].lstrip().startswith("SELECT") for query in captured.captured_queries)


def test_without_check_it_is_a_wrong_command_line() -> None:
    assert hitl("replay").code == 2
