"""Rule 14: a divergence says which call, what was recorded, what came now, by which code each, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from hitl import failures
from hitl.errors import NonDeterminism
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from hitl.workflow import Workflow
from tests.hitl.programs import facts, on


@task
def charge(amount: int, *, note: str = "") -> int:
    return amount


@task
def refund(amount: int) -> int:
    return -amount


@pytest.fixture
def deploy(settings: Settings, store: Store) -> Callable[..., Workflow]:
    """This body, under this code version, as the code of one workflow."""

    def deployed(version: str, body: Callable[[Any], Any]) -> Workflow:
        settings.HITL_CODE_VERSION = version
        return entrypoint(checkpointer=store, name="shop")(body)

    return deployed


def diverging(graph: Workflow) -> NonDeterminism:
    with pytest.raises(NonDeterminism) as caught:
        graph.invoke(Command(resume="yes"), on())
    return caught.value


def test_another_call_at_a_lone_place(store: Store, deploy: Callable[..., Workflow]) -> None:
    deploy("v1", lambda value: [charge(5, note="é").result(), interrupt("ok?")]).invoke("in", on())
    error = diverging(deploy("v2", lambda value: [refund(7).result(), interrupt("ok?")]))
    (record,) = facts(store, "task")
    assert str(error).splitlines()[:3] == [
        "Thread '1' (shop) cannot be replayed: call 1 of shop was recorded as charge(), now it is refund().",
        f'Recorded: charge(5, note="é"), call 1 of shop, fact {record.seq}, by code version v1.',
        "Now: refund(7), call 1 of shop, by code version v2.",
    ]
    assert (error.thread_id, error.workflow) == ("1", "shop")
    assert error.recorded == {
        "what": "call",
        "name": "charge",
        "arguments": {"args": [5], "kwargs": {"note": "é"}},
        "number": 1,
        "parent": "shop",
        "seq": record.seq,
        "path": record.path,
        "code_version": "v1",
    }
    assert error.now == {
        "what": "call",
        "name": "refund",
        "arguments": {"args": [7], "kwargs": {}},
        "number": 1,
        "parent": "shop",
        "code_version": "v2",
    }


def test_what_to_do_names_the_tools(deploy: Callable[..., Workflow]) -> None:
    deploy("v1", lambda value: [charge(5).result(), interrupt("ok?")]).invoke("in", on())
    message = str(diverging(deploy("v2", lambda value: [refund(7).result(), interrupt("ok?")])))
    assert "The journal is as it was" in message
    for tool in ("changed()", "@entrypoint(version=…)", "retry the thread", "cancel it"):
        assert tool in message


def test_a_call_below_another_is_named_with_what_stands_above_it(deploy: Callable[..., Workflow]) -> None:
    def nested(inner: Any) -> Callable[[Any], Any]:
        def review(name: str) -> Any:
            return [inner(3).result(), interrupt("ok?")]

        reviewing = task(review)
        return lambda value: reviewing("a").result()

    deploy("v1", nested(charge)).invoke("in", on())
    error = diverging(deploy("v2", nested(refund)))
    assert "call 1 of shop › review was recorded as charge(), now it is refund()" in str(error)


def test_a_record_that_another_call_took(store: Store, deploy: Callable[..., Workflow]) -> None:
    deploy("v1", lambda value: [charge(1).result(), interrupt("ok?")]).invoke("in", on())
    error = diverging(deploy("v2", lambda value: [charge(2).result(), charge(1).result(), interrupt("ok?")]))
    assert "call 2 of shop comes too late: charge() is recorded, but its record was used for another call" in str(error)
    assert error.recorded is not None and error.now is not None
    assert (error.recorded["number"], error.recorded["seq"], error.now["number"]) == (1, facts(store, "task")[0].seq, 2)


def test_large_arguments_are_told_by_their_size(deploy: Callable[..., Workflow]) -> None:
    @task
    def send(text: str) -> str:
        return ""

    deploy("v1", lambda value: [send("x" * 10_000).result(), interrupt("ok?")]).invoke("in", on())
    error = diverging(deploy("v2", lambda value: [refund(7).result(), interrupt("ok?")]))
    assert "Recorded: send(… 100" in str(error)
    assert error.recorded is not None and set(error.recorded["arguments"]) == {"digest", "bytes"}


def test_long_arguments_do_not_make_the_message_long(deploy: Callable[..., Workflow]) -> None:
    deploy("v1", lambda value: [charge(1, note="n" * 5000).result(), interrupt("ok?")]).invoke("in", on())
    error = diverging(deploy("v2", lambda value: [refund(7).result(), interrupt("ok?")]))
    assert len(str(error)) < 800
    assert error.recorded is not None and error.recorded["arguments"]["kwargs"]["note"] == "n" * 5000


def test_another_question_at_an_answered_place(store: Store, deploy: Callable[..., Workflow]) -> None:
    deploy("v1", lambda value: interrupt({"question": "Pay 5 €?"})).invoke("in", on())
    error = diverging(deploy("v2", lambda value: interrupt("Pay 9 €?")))
    (asked,), (answer,) = facts(store, "question"), facts(store, "answer")
    lines = str(error).splitlines()
    assert f"the answer to question {asked.detail['id']} belongs to another text" in lines[0]
    shown = '“{"question": "Pay 5 €?"}”'
    assert lines[1] == f"Recorded: {shown}, question 1 of shop, fact {asked.seq}, by code version v1."
    assert lines[2] == "Now: “Pay 9 €?”, question 1 of shop, by code version v2."
    assert error.recorded is not None and error.now is not None
    assert error.recorded["answer_seq"] == answer.seq
    assert error.now["value"] == "Pay 9 €?"


@pytest.mark.parametrize(("key", "named"), [("", "question 1 of"), ("pay", "the question with key 'pay' of")])
def test_an_answer_that_no_question_takes(deploy: Callable[..., Workflow], key: str, named: str) -> None:
    deploy("v1", lambda value: interrupt("Pay?", key=key)).invoke("in", on())
    error = diverging(deploy("v2", lambda value: "paid"))
    assert "reached no question this time" in str(error)
    assert f"Recorded: “Pay?”, {named} shop, fact" in str(error)
    assert "Now: nothing of the kind, by code version v2." in str(error)
    assert error.now == {"what": "nothing", "code_version": "v2"}


async def test_in_asynchronous_code_the_journal_is_asked_too(deploy: Callable[..., Workflow]) -> None:
    async def before(value: Any) -> Any:
        return [await charge(5), interrupt("ok?")]

    async def after(value: Any) -> Any:
        return [await refund(7), interrupt("ok?")]

    await deploy("v1", before).ainvoke("in", on())
    with pytest.raises(NonDeterminism, match=r"Recorded: charge\(5\), .*, by code version v1\."):
        await deploy("v2", after).ainvoke(Command(resume="yes"), on())


def test_the_run_keeps_the_whole_message(store: Store, deploy: Callable[..., Workflow]) -> None:
    deploy("v1", lambda value: [charge(5).result(), interrupt("ok?")]).invoke("in", on())
    error = diverging(deploy("v2", lambda value: [refund(7).result(), interrupt("ok?")]))
    (failed,) = facts(store, "failed")
    assert failed.detail["type"] == "NonDeterminism"
    assert failed.detail["message"] == str(error)
    rebuilt = failures.rebuild(failed.detail)
    assert isinstance(rebuilt, NonDeterminism)
    assert (str(rebuilt), rebuilt.recorded, rebuilt.now) == (str(error), None, None)


def test_the_code_version_then_is_that_of_the_leg_that_recorded_it(deploy: Callable[..., Workflow]) -> None:
    """Three legs under three versions: the record is of the second."""
    deploy("v1", lambda value: interrupt("first?")).invoke("in", on())
    second = deploy("v2", lambda value: [interrupt("first?"), charge(5).result(), interrupt("second?")])
    second.invoke(Command(resume=1), on())
    error = diverging(deploy("v3", lambda value: [interrupt("first?"), refund(5).result(), interrupt("second?")]))
    assert error.recorded is not None and error.now is not None
    assert (error.recorded["code_version"], error.now["code_version"]) == ("v2", "v3")
