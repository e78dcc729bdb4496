"""Items 34 to 59 of LangGraph's functional API: questions, answers, and everything that is refused.

Whatever is an error there or here is a HitlError, and also the standard type that it is there.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import Any, TypedDict

import pytest
from pydantic import BaseModel

from hitl.checkpoint.memory import InMemorySaver
from hitl.errors import (
    AlreadyAnswered,
    AmbiguousAnswer,
    EmptyInput,
    EmptyInputError,
    HitlError,
    InvalidAnswer,
    InvalidUpdateError,
    NothingPending,
    NoThreadId,
    UnknownInterruptError,
    UnknownThread,
    is_invalid_resume,
)
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, GraphOutput, Interrupt, interrupt
from tests.hitl.programs import on, questions


@task
def ask(name: str) -> str:
    return f"{name}: {interrupt(f'{name}?')}"


def asking(store: Store) -> Any:
    @entrypoint(checkpointer=store)
    def graph(value):
        return [value, interrupt("ok?")]

    return graph


def in_parallel(store: Store) -> Any:
    @entrypoint(checkpointer=store)
    def graph(names):
        return [one.result() for one in [ask(name) for name in names]]

    return graph


def test_item_34_the_pause_is_not_an_exception_that_code_sees(store: Store) -> None:
    """LangGraph's is a plain Exception, which `except Exception` swallows (departure h)."""

    @entrypoint(checkpointer=store)
    def graph(value):
        try:
            return interrupt("?")
        except Exception:
            return "swallowed"

    assert list(questions(graph.invoke("in", on()))) == ["?"]
    assert graph.invoke(Command(resume="yes"), on()) == "yes"


def test_item_35_an_interrupt() -> None:
    one = Interrupt(value="?", id="a" * 32)
    assert (one.value, one.id, one.response_schema, one.interrupt_id) == ("?", "a" * 32, None, one.id)
    assert one == Interrupt("?", "a" * 32)
    assert one != Interrupt("?", "b" * 32)
    assert dataclasses.asdict(one) == {"value": "?", "id": "a" * 32, "response_schema": None}
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_item_36_ids_are_stable(store: Store) -> None:
    graph = asking(store)
    (asked,) = graph.invoke("in", on())["__interrupt__"]
    assert len(asked.id) == 32
    assert set(asked.id) <= set("0123456789abcdef")
    assert graph.invoke(None, on())["__interrupt__"] == [asked]
    assert graph.get_state(on()).interrupts == (asked,)
    assert graph.invoke("in", on("2"))["__interrupt__"][0].id != asked.id


def test_item_37_asked_anywhere_told_once(store: Store) -> None:
    @task
    def outer(name):
        return ask(name).result()

    @entrypoint(checkpointer=InMemorySaver())
    def child(name):
        return ask(name).result()

    @entrypoint(checkpointer=store)
    def graph(value):
        return [interrupt("body?"), ask("task").result(), outer("nested").result(), child.invoke("child")]

    result = graph.invoke("in", on())
    for name in ("body", "task", "nested", "child"):
        (body,) = graph.get_state(on()).tasks
        assert [asked.value for asked in body.interrupts] == list(questions(result)) == [f"{name}?"]
        result = graph.invoke(Command(resume=name.upper()), on())
    assert result == ["BODY", "task: TASK", "nested: NESTED", "child: CHILD"]


def test_item_38_several_in_one_place_by_their_order(store: Store) -> None:
    bodies: list[int] = []

    @task
    def age():
        question = "How old?"
        while not isinstance(answer := interrupt(question), int):
            question = f"{answer!r} is no age. How old?"
        return answer

    @entrypoint(checkpointer=store)
    def graph(value):
        bodies.append(1)
        return age().result()

    assert list(questions(graph.invoke("in", on()))) == ["How old?"]
    assert list(questions(graph.invoke(Command(resume="x"), on()))) == ["'x' is no age. How old?"]
    assert list(questions(graph.invoke(Command(resume="y"), on()))) == ["'y' is no age. How old?"]
    assert graph.invoke(Command(resume=30), on()) == 30
    assert len(bodies) == 4


def test_item_39_what_a_paused_call_returns(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return {"value": value, "answer": interrupt("?")}

    paused = graph.invoke(1, on())
    assert paused == {"__interrupt__": [Interrupt("?", paused["__interrupt__"][0].id)]}
    shown = graph.invoke(None, on(), version="v2")
    assert shown == GraphOutput(value={}, interrupts=tuple(paused["__interrupt__"]))
    done = graph.invoke(Command(resume="a"), on(), version="v2")
    assert done == GraphOutput(value={"value": 1, "answer": "a"}, interrupts=())
    # Beside a new question stands what the thread said last.
    again = graph.invoke(2, on())
    assert again == {"value": 1, "answer": "a", "__interrupt__": [Interrupt("?", again["__interrupt__"][0].id)]}


def test_item_40_without_a_checkpointer(engine: None) -> None:
    """There it cannot be resumed; here the database keeps the journal (departure q)."""

    @entrypoint()
    def graph(value):
        return interrupt("?")

    assert list(questions(graph.invoke("in", on()))) == ["?"]
    assert graph.invoke(Command(resume="yes"), on()) == "yes"


@pytest.mark.parametrize("config", [None, {}, {"configurable": {}}, {"configurable": {"tenant": "a"}}])
@pytest.mark.parametrize("name", ["invoke", "get_state"])
def test_item_41_a_thread_has_to_be_named(store: Store, name: str, config: Any) -> None:
    graph = asking(store)
    call = (lambda: graph.invoke("in", config)) if name == "invoke" else (lambda: graph.get_state(config))
    says = (
        r"Checkpointer requires one or more of the following 'configurable' keys: thread_id\. Call graph with config="
    )
    with pytest.raises(NoThreadId, match=says) as told:
        call()
    assert isinstance(told.value, ValueError)
    assert isinstance(told.value, KeyError)
    assert isinstance(told.value, HitlError)


def test_item_41_any_other_id_becomes_text(store: Store) -> None:
    graph = asking(store)
    graph.invoke("in", {"configurable": {"thread_id": 5}})
    assert graph.get_state({"configurable": {"thread_id": 5}}).interrupts
    assert graph.get_state(on("5")).config["configurable"]["thread_id"] == "5"
    with pytest.raises(NoThreadId):
        graph.invoke("in", {"configurable": {"thread_id": None}})


def test_item_42_several_need_their_ids(store: Store) -> None:
    """There only the first is told (departure c)."""
    graph = in_parallel(store)
    asked = questions(graph.invoke(["a", "b"], on()))
    with pytest.raises(AmbiguousAnswer, match=r"'1' has 2 pending questions.*Command\(resume=\{id: answer\}\)") as told:
        graph.invoke(Command(resume="one"), on())
    assert isinstance(told.value, RuntimeError)
    assert told.value.pending_ids == tuple(asked.values())


def test_item_43_several_at_once_or_one_by_one(store: Store) -> None:
    """There the others run again each time (departure d)."""
    graph = in_parallel(store)
    asked = questions(graph.invoke(["a", "b", "c"], on()))
    left = questions(graph.invoke(Command(resume={asked["b?"]: "B"}), on()))
    assert left == {"a?": asked["a?"], "c?": asked["c?"]}
    both = {asked["a?"]: "A", asked["c?"]: "C"}
    assert graph.invoke(Command(resume=both), on()) == ["a: A", "b: B", "c: C"]


@pytest.mark.parametrize("answer", [{}, {"a" * 32: "yes"}, {"a" * 32: 1, "b": 2}])
def test_item_44_a_dict_is_an_answer_unless_its_keys_are_ids_of_questions(store: Store, answer: Any) -> None:
    """There any 32 hex digits make a map, which is dropped (departure l)."""
    graph = asking(store)
    graph.invoke("in", on())
    assert graph.invoke(Command(resume=answer), on()) == ["in", answer]


@pytest.mark.parametrize("answer", [0, False, "", [], None])
def test_item_45_falsy_answers(store: Store, answer: Any) -> None:
    """None too, which crashes there (departure l)."""
    graph = asking(store)
    graph.invoke("in", on())
    assert graph.invoke(Command(resume=answer), on()) == ["in", answer]


def test_item_46_one_after_another(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(names):
        return [ask(name).result() for name in names]

    first = questions(graph.invoke(["a", "b"], on()))
    second = questions(graph.invoke(Command(resume="A"), on()))
    assert (list(first), list(second)) == (["a?"], ["b?"])
    assert not set(first.values()) & set(second.values())
    assert graph.invoke(Command(resume="B"), on()) == ["a: A", "b: B"]


def test_item_47_going_on_with_nothing(store: Store) -> None:
    runs: list[int] = []

    @entrypoint(checkpointer=store)
    def graph(value):
        runs.append(1)
        return interrupt("?")

    with pytest.raises(EmptyInput, match="Received no input, and there is no thread '1'") as told:
        graph.invoke(None, on())
    assert isinstance(told.value, HitlError)
    assert EmptyInputError is EmptyInput
    asked = questions(graph.invoke("in", on()))
    assert questions(graph.invoke(None, on())) == asked
    graph.invoke(Command(resume="yes"), on())
    before = len(runs)
    assert graph.invoke(None, on()) == "yes"
    assert len(runs) == before


def test_item_48_new_input_gives_the_question_up(store: Store) -> None:
    graph = asking(store)
    old = questions(graph.invoke("old", on()))
    new = questions(graph.invoke("new", on()))
    assert old["ok?"] != new["ok?"]
    assert questions({"__interrupt__": graph.get_state(on()).interrupts}) == new
    told = [(one.metadata["source"], one.metadata["step"]) for one in graph.get_state_history(on())]
    assert told == [("input", 0), ("input", -1)]
    assert graph.invoke(Command(resume="yes"), on()) == ["new", "yes"]


def test_item_49_nothing_to_answer(store: Store) -> None:
    """There the command itself becomes the input, or is kept for later (departure a)."""
    graph = asking(store)
    with pytest.raises(UnknownThread, match="'1'"):
        graph.invoke(Command(resume="yes"), on())
    assert graph.get_state(on()).values == {}
    echo = entrypoint(checkpointer=store)(lambda value: value)
    echo.invoke("in", on("2"))
    with pytest.raises(NothingPending, match=r"Thread '2' has no pending question \(it is idle\).*get_state") as told:
        echo.invoke(Command(resume="yes"), on("2"))
    assert isinstance(told.value, UnknownInterruptError)


def test_item_50_no_answer_is_kept_for_the_next_run(store: Store) -> None:
    graph = asking(store)
    graph.invoke("small", on())
    assert graph.invoke(Command(resume="APPROVED"), on()) == ["small", "APPROVED"]
    with pytest.raises(AlreadyAnswered):
        graph.invoke(Command(resume="APPROVED-AGAIN"), on())
    assert list(questions(graph.invoke("huge", on()))) == ["ok?"]


def test_item_51_no_answer_is_given_twice(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return [interrupt("first?"), interrupt("second?")]

    graph.invoke("in", on())
    graph.invoke(Command(resume="A"), on())
    assert list(questions(graph.invoke(None, on()))) == ["second?"]


def test_item_52_a_double_submit_answers_one_question(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        return [interrupt("first?"), interrupt("second?")]

    asked = questions(graph.invoke("in", on()))
    answer = Command(resume={asked["first?"]: "YES"})
    assert list(questions(graph.invoke(answer, on()))) == ["second?"]
    says = rf"Question {asked['first?']} of thread '1' was answered by code at .* UTC\. This answer was not stored"
    with pytest.raises(AlreadyAnswered, match=says):
        graph.invoke(answer, on())
    assert list(questions(graph.invoke(None, on()))) == ["second?"]


def test_item_53_of_concurrent_answers_one_wins(store: Store) -> None:
    from concurrent.futures import ThreadPoolExecutor
    from threading import Barrier

    sent: list[str] = []
    together = Barrier(2)

    @task
    def send(answer):
        sent.append(answer)

    @entrypoint(checkpointer=store)
    def graph(value):
        send(interrupt("?")).result()

    def answer(name: str) -> str:
        together.wait()
        try:
            graph.invoke(Command(resume=name), on())
        except AlreadyAnswered:
            return "refused"
        return "taken"

    graph.invoke("in", on())
    with ThreadPoolExecutor(2) as people:
        assert sorted(people.map(answer, ["alice", "bob"])) == ["refused", "taken"]
    assert len(sent) == 1


def test_item_54_always_strict(store: Store) -> None:
    """What LangGraph does only in its strict mode: refuse before anything is written, and say why."""
    graph = in_parallel(store)
    asked = questions(graph.invoke(["a", "b"], on()))
    before = graph.get_state(on())
    for answer in ("one", {}, {"f" * 32: "x"}, {asked["a?"]: "A", "f" * 32: "x"}):
        with pytest.raises(UnknownInterruptError) as told:
            graph.invoke(Command(resume=answer), on())
        assert (told.value.reason, set(told.value.pending_ids)) == ("ambiguous", set(asked.values()))
    assert graph.get_state(on()) == before
    graph.invoke(Command(resume=dict.fromkeys(asked.values(), "x")), on())
    assert NothingPending.reason == "not_pending"


class Decision(BaseModel):
    ok: bool
    note: str = ""


class Amount(TypedDict):
    a: int


@dataclasses.dataclass
class Choice:
    ok: bool
    note: str = ""


@pytest.mark.parametrize(
    ("schema", "answer", "taken", "wrong"),
    [
        (Decision, {"ok": True}, Decision(ok=True), {"ok": "perhaps"}),
        (Choice, {"ok": True}, Choice(ok=True), {}),
        (Amount, {"a": 5}, {"a": 5}, {"a": "many"}),
        ({"type": "integer"}, 5, 5, "five"),
    ],
    ids=["model", "dataclass", "typeddict", "schema"],
)
def test_item_55_an_answer_that_has_to_fit(store: Store, schema: Any, answer: Any, taken: Any, wrong: Any) -> None:
    """A schema as a dict is only shown there; here it is enforced too (departure n)."""
    seen: list[Any] = []

    @entrypoint(checkpointer=store)
    def graph(value):
        seen.append(interrupt("?", response_schema=schema))

    (asked,) = graph.invoke("in", on())["__interrupt__"]
    assert asked.response_schema["type"] in ("object", "integer")
    with pytest.raises(InvalidAnswer) as told:
        graph.invoke(Command(resume=wrong), on())
    assert is_invalid_resume(told.value)
    assert isinstance(told.value, ValueError)
    assert graph.get_state(on()).interrupts == (asked,)
    graph.invoke(Command(resume=answer), on())
    assert seen == [taken]
    assert not is_invalid_resume(ValueError("other"))


def test_item_56_a_command_resumes_and_nothing_else(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    graph = asking(store)
    graph.invoke("in", on())
    for command in (Command(graph=Command.PARENT), Command(graph=Command.PARENT, resume="yes")):
        with pytest.raises(InvalidUpdateError, match="There is no parent graph: graph on thread '1'"):
            graph.invoke(command, on())
    with pytest.raises(EmptyInput, match="graph on thread '1' says nothing to do"):
        graph.invoke(Command(goto="elsewhere"), on())
    with caplog.at_level(logging.WARNING, logger="hitl"):
        assert graph.invoke(Command(resume="yes", update={"a": 1}, goto="x"), on()) == ["in", "yes"]
    assert "nothing to update and nowhere to go" in caplog.text


async def test_item_59_a_cancelled_future(store: Store) -> None:
    """Its task is cancelled. LangGraph runs it again after a resume; a failure that was seen stays (departure p)."""
    starts: list[int] = []

    @task
    async def endless():
        starts.append(1)
        await asyncio.Event().wait()

    @entrypoint(checkpointer=store)
    async def graph(value):
        future = endless()
        await asyncio.sleep(0)
        future.cancel()
        with pytest.raises(asyncio.CancelledError):
            await future
        return interrupt("cancelled?")

    assert list(questions(await graph.ainvoke("in", on()))) == ["cancelled?"]
    assert await graph.ainvoke(Command(resume="yes"), on()) == "yes"
    assert len(starts) <= 1
