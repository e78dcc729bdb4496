"""Rule 21 and departure n: an answer that makes its call raise gives the question back.

The run is failed, the thread in error, the question pending one version on with the problem and the old
answer. A new answer takes its place; retry uses the old one again.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Any

import pytest

from hitl import responses
from hitl.errors import InvalidAnswer, NonDeterminism
from hitl.func import entrypoint, task
from hitl.runtime import Runtime
from hitl.store import Store
from hitl.types import Command, interrupt
from hitl.unit import Unit
from tests.hitl.programs import facts, on, questions


def expire(unit: Unit) -> None:
    """As if the lease's process had died long ago."""
    unit.thread.lease_expires_at = unit.now


def question(store: Store, asked: dict[Any, str]) -> Any:
    (question_id,) = asked.values()
    return store.question(question_id)


@pytest.mark.parametrize("place", ["body", "task", "nested"])
def test_the_question_is_open_again_with_its_problem(store: Store, place: str) -> None:
    @task
    def ask():
        return int(interrupt("How many?"))

    @task
    def around():
        return ask().result()

    @entrypoint(checkpointer=store)
    def graph(value):
        if place == "body":
            return int(interrupt("How many?"))
        return (ask if place == "task" else around)().result()

    asked = questions(graph.invoke("in", on()))
    with pytest.raises(ValueError, match="invalid literal"):
        graph.invoke(Command(resume="many"), on())
    again = question(store, asked)
    assert (again.status, again.version, again.answer) == ("pending", 2, '"many"')
    assert again.problem == "ValueError: invalid literal for int() with base 10: 'many'"
    assert store.thread("1").status == "error"
    assert [asked.value for asked in graph.get_state(on()).interrupts] == ["How many?"]

    assert graph.invoke(Command(resume="7"), on()) == 7
    answered = question(store, asked)
    assert (answered.status, answered.answer, answered.problem) == ("answered", '"7"', "")
    assert [fact.value for fact in facts(store, "answer")] == ['"many"', '"7"']


@pytest.mark.parametrize("place", ["body", "task"])
def test_retry_uses_the_old_answer(store: Store, place: str) -> None:
    mended = False

    def read(answer):
        if not mended:
            raise ValueError("cannot read")
        return answer

    @task
    def ask():
        return read(interrupt("What?"))

    @entrypoint(checkpointer=store)
    def graph(value):
        return read(interrupt("What?")) if place == "body" else ask().result()

    asked = questions(graph.invoke("in", on()))
    with pytest.raises(ValueError, match="cannot read"):
        graph.invoke(Command(resume="this"), on())
    with pytest.raises(ValueError, match="cannot read"):
        graph.invoke(None, on())
    assert question(store, asked).version == 3
    mended = True
    assert graph.invoke(None, on()) == "this"
    assert question(store, asked).answer == '"this"'
    assert len(facts(store, "answer")) == 1


def test_only_the_question_whose_call_raised(store: Store) -> None:
    @task
    def ask(text):
        return int(interrupt(text))

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [ask("a?"), ask("b?")]
        return [future.result() for future in futures]

    ids = questions(graph.invoke("in", on()))
    with pytest.raises(ValueError, match="x"):
        graph.invoke(Command(resume={ids["a?"]: "1", ids["b?"]: "x"}), on())
    assert store.question(ids["a?"]).status == "answered"
    assert store.question(ids["b?"]).status == "pending"
    assert graph.invoke(Command(resume="2"), on()) == [1, 2]


def test_a_failure_that_was_caught_gives_nothing_back(store: Store) -> None:
    @task
    def ask():
        return int(interrupt("How many?"))

    @entrypoint(checkpointer=store)
    def graph(value):
        error = ask().exception()
        return str(error) if error else "fine"

    asked = questions(graph.invoke("in", on()))
    assert graph.invoke(Command(resume="many"), on()).startswith("invalid literal")
    assert question(store, asked).status == "answered"


def test_a_failure_of_another_call_gives_nothing_back(store: Store) -> None:
    @task
    def ask():
        return interrupt("ok?")

    @task
    def other(answer):
        raise RuntimeError("the shop is closed")

    @entrypoint(checkpointer=store)
    def graph(value):
        return other(ask().result()).result()

    asked = questions(graph.invoke("in", on()))
    with pytest.raises(RuntimeError):
        graph.invoke(Command(resume="yes"), on())
    assert question(store, asked).status == "answered"


def test_once_something_was_done_with_it_an_answer_is_not_given_back(store: Store) -> None:
    @task
    def pay(amount):
        return amount

    @entrypoint(checkpointer=store)
    def graph(value):
        pay(interrupt("How much?")).result()
        raise RuntimeError("later")

    asked = questions(graph.invoke("in", on()))
    for call in [Command(resume=5), None]:
        with pytest.raises(RuntimeError, match="later"):
            graph.invoke(call, on())
        assert question(store, asked).status == "answered"


def test_nor_once_a_failure_with_it_was_dealt_with(store: Store) -> None:
    """The body went on after it, so that failure stays on record (rule 24), and the answer below it."""

    @task
    def pay(amount):
        raise ConnectionError("bank")

    @task
    def note():
        raise ConnectionError("book")

    @entrypoint(checkpointer=store)
    def graph(value):
        pay(interrupt("How much?")).exception()
        return note().result()

    asked = questions(graph.invoke("in", on()))
    for call in [Command(resume=5), None]:
        with pytest.raises(ConnectionError, match="book"):
            graph.invoke(call, on())
        assert question(store, asked).status == "answered"


@pytest.mark.parametrize("caught", [False, True])
def test_an_answer_with_which_a_task_failed_is_given_back(store: Store, caught: bool) -> None:
    """The failure is void once the run has failed (rule 24): nothing stands on the answer, and a new one is taken."""
    ran: list[Any] = []

    @task
    def read(text):
        ran.append(text)
        return int(text)

    @task
    def within(text):
        return read(text).result()

    @entrypoint(checkpointer=store)
    def graph(value):
        number = within(interrupt("How many?"))
        if caught and number.exception():
            raise RuntimeError("that was no number")
        return number.result()

    asked = questions(graph.invoke("in", on()))
    for times, call in enumerate([Command(resume="many"), None, Command(resume="lots")], 1):
        with pytest.raises(RuntimeError if caught else ValueError):
            graph.invoke(call, on())
        again = question(store, asked)
        assert (again.status, again.version) == ("pending", times + 1)
        assert again.problem
    assert graph.invoke(Command(resume="7"), on()) == 7
    assert ran == ["many", "many", "lots", "7"]


def test_a_task_that_fails_again_keeps_its_id_and_another_answer_makes_another_call(store: Store) -> None:
    """What goes along as an idempotency key belongs to the call with these arguments."""
    keys: list[tuple[int, str]] = []

    @task
    def pay(amount, runtime: Runtime):
        keys.append((amount, runtime.execution_info.task_id))
        if len(keys) < 4:
            raise ConnectionError("bank")
        return amount

    @entrypoint(checkpointer=store)
    def graph(value):
        return pay(interrupt("How much?")).result()

    graph.invoke("in", on())
    for call in [Command(resume=5), Command(resume=5), Command(resume=6)]:
        with pytest.raises(ConnectionError):
            graph.invoke(call, on())
    assert graph.invoke(None, on()) == 6
    assert keys[0] == keys[1] and keys[2] == keys[3] and keys[1][1] != keys[2][1]


def test_a_failure_that_outlived_its_process_gives_the_answer_back_too(store: Store) -> None:
    """Recorded before the kill, it is replayed by the leg that notes the run's failure."""
    killed: list[bool] = []

    @task
    def ask():
        return int(interrupt("How many?"))

    @entrypoint(checkpointer=store)
    def graph(value):
        number = ask()
        if number.exception() and not killed:
            killed.append(True)
            raise KeyboardInterrupt
        return number.result()

    asked = questions(graph.invoke("in", on()))
    with pytest.raises(KeyboardInterrupt):
        graph.invoke(Command(resume="many"), on())
    store.submit(partial(store.transact, "1", expire), key="1").result()
    with pytest.raises(ValueError):
        graph.invoke(None, on())
    assert (question(store, asked).status, question(store, asked).version) == ("pending", 2)
    assert graph.invoke(Command(resume="7"), on()) == 7


def test_a_divergence_gives_nothing_back(store: Store) -> None:
    """Rule 14: the code is wrong, not the answer, which stays with its question for the retry."""
    moved = False

    @task
    def first():
        return 1

    @task
    def second():
        return 2

    @entrypoint(checkpointer=store)
    def graph(value):
        if not moved:
            first().result()
        answer = interrupt("How many?")
        if moved:
            second().result()
        return answer

    asked = questions(graph.invoke("in", on()))
    moved = True
    with pytest.raises(NonDeterminism):
        graph.invoke(Command(resume="5"), on())
    assert question(store, asked).status == "answered"
    moved = False
    assert graph.invoke(None, on()) == "5"


def test_an_earlier_answer_is_not_given_back(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        first, second = interrupt("first?"), interrupt("second?")
        return first + int(second)

    first = questions(graph.invoke("in", on()))
    second = questions(graph.invoke(Command(resume=1), on()))
    with pytest.raises(ValueError):
        graph.invoke(Command(resume="x"), on())
    assert question(store, first).status == "answered"
    assert question(store, second).status == "pending"
    assert graph.invoke(Command(resume="2"), on()) == 3


def test_the_parts_that_had_finished_do_not_run_again(store: Store) -> None:
    ran: Counter[str] = Counter()

    @task
    def prepare():
        ran["prepare"] += 1

    @task
    def ask():
        ran["ask"] += 1
        prepare().result()
        return int(interrupt("How many?"))

    @entrypoint(checkpointer=store)
    def graph(value):
        return ask().result()

    graph.invoke("in", on())
    with pytest.raises(ValueError):
        graph.invoke(Command(resume="x"), on())
    assert graph.invoke(Command(resume="7"), on()) == 7
    assert ran == Counter(prepare=1, ask=3)


def test_of_several_given_back_the_unanswered_stay_parked(store: Store) -> None:
    """A task group fails with both; answering one must not run the other."""
    ran: Counter[str] = Counter()

    @task
    def ask(text):
        ran[text] += 1
        return int(interrupt(text))

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [ask("a?"), ask("b?")]
        errors = [error for error in (future.exception() for future in futures) if error]
        if errors:
            raise ExceptionGroup("wrong", errors)
        return [future.result() for future in futures]

    ids = questions(graph.invoke("in", on()))
    with pytest.raises(ExceptionGroup):
        graph.invoke(Command(resume={ids["a?"]: "x", ids["b?"]: "y"}), on())
    assert {question.id for question in store.open_questions("1")} == set(ids.values())
    assert ran == Counter({"a?": 2, "b?": 2})
    assert set(questions(graph.invoke(Command(resume={ids["a?"]: "1"}), on()))) == {"b?"}
    assert ran == Counter({"a?": 3, "b?": 2})
    assert graph.invoke(Command(resume={ids["b?"]: "2"}), on()) == [1, 2]


def test_with_a_schema_it_is_refused_before_it_is_stored(store: Store) -> None:
    """Rule 20: the question stays as it is, and the thread too."""

    @entrypoint(checkpointer=store)
    def graph(value):
        return interrupt("How many?", response_schema={"type": "integer"})

    asked = questions(graph.invoke("in", on()))
    seq = store.thread("1").seq
    with pytest.raises(InvalidAnswer):
        graph.invoke(Command(resume="many"), on())
    assert store.thread("1").seq == seq
    assert question(store, asked).version == 1
    assert graph.invoke(Command(resume=7), on()) == 7


def test_what_only_validate_refuses_is_asked_again_before_user_code_sees_it(store: Store) -> None:
    seen = []

    def even(answer):
        if answer % 2:
            raise ValueError("must be even")

    @entrypoint(checkpointer=store)
    def graph(value):
        seen.append(interrupt("How many?", validate=even))
        return seen[-1]

    asked = questions(graph.invoke("in", on()))
    with pytest.raises(InvalidAnswer, match="must be even"):
        graph.invoke(Command(resume=3), on())
    assert (question(store, asked).status, question(store, asked).version) == ("pending", 1)
    # A process that did not ask the question does not know its check: the one that goes on with it does.
    responses.forget()
    assert questions(graph.invoke(Command(resume=3), on())) == asked
    again = question(store, asked)
    assert (again.status, again.version) == ("pending", 2)
    assert "must be even" in again.problem
    assert seen == []
    assert graph.invoke(Command(resume=4), on()) == 4
