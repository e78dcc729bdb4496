"""Exceptions reach the caller, are remembered when they were caught, and void when the run failed.

Items 17 and 18; rule 24 and departure p.
"""

from __future__ import annotations

import sys
from collections import Counter
from typing import Any

import pytest

from hitl.errors import RunFailed
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import facts, on, questions


class OutOfStock(Exception):
    """Its constructor takes other arguments than `args` holds, and must not be called on replay."""

    made = 0

    def __init__(self, item: str, left: int) -> None:
        super().__init__(f"{item}: {left} left")
        self.left = left
        type(self).made += 1


def test_an_uncaught_one_leaves_invoke_and_the_state_says_so(store: Store) -> None:
    @task
    def boom():
        raise ValueError("boom")

    @entrypoint(checkpointer=store)
    def graph(value):
        return boom().result()

    with pytest.raises(ValueError, match="boom"):
        graph.invoke("in", on())
    state = graph.get_state(on())
    assert state.next == ("graph",)
    assert state.tasks[0].error == "ValueError('boom')"
    assert store.thread("1").status == "error"


def test_the_very_exception_comes_out_the_first_time(store: Store) -> None:
    error = OutOfStock("tea", 0)

    @task
    def boom():
        raise error

    @entrypoint(checkpointer=store)
    def graph(value):
        return boom().result()

    with pytest.raises(OutOfStock) as caught:
        graph.invoke("in", on())
    assert caught.value is error


def test_a_failed_task_tells_no_update(store: Store) -> None:
    @task
    def boom():
        raise ValueError("boom")

    @entrypoint(checkpointer=store)
    def graph(value):
        return repr(boom().exception())

    assert list(graph.stream("in", on())) == [{"graph": "ValueError('boom')"}]


def test_invoke_none_runs_the_failed_ones_again_and_no_others(store: Store) -> None:
    ran: list[str] = []

    @task
    def good():
        ran.append("good")
        return "good"

    @task
    def bad():
        ran.append("bad")
        if ran.count("bad") < 3:
            raise ValueError("bad")
        return "better"

    @entrypoint(checkpointer=store)
    def graph(value):
        return [good().result(), bad().result()]

    for call in ["in", None]:
        with pytest.raises(ValueError, match="bad"):
            graph.invoke(call, on())
    assert graph.invoke(None, on()) == ["good", "better"]
    assert ran == ["good", "bad", "bad", "bad"]


@pytest.mark.parametrize("first", ["bad", "good"])
def test_of_parallel_tasks_too(store: Store, first: str) -> None:
    ran: Counter[str] = Counter()

    @task
    def good():
        ran["good"] += 1
        return "good"

    @task
    def bad(name):
        ran[name] += 1
        if ran[name] < 2:
            raise ValueError(name)
        return name

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [bad("a"), good(), bad("b")] if first == "bad" else [good(), bad("a"), bad("b")]
        return [future.result() for future in futures]

    with pytest.raises(ValueError, match="a"):
        graph.invoke("in", on())
    assert sorted(graph.invoke(None, on())) == ["a", "b", "good"]
    assert ran == Counter(good=1, a=2, b=2)


def test_a_caught_failure_is_remembered(store: Store) -> None:
    """Departure p; LangGraph runs it again."""
    ran: Counter[str] = Counter()
    seen: list[BaseException] = []

    @task
    def buy(item):
        ran[item] += 1
        raise OutOfStock(item, 0)

    @entrypoint(checkpointer=store)
    def graph(value):
        try:
            buy("tea").result()
        except OutOfStock as error:
            seen.append(error)
        return interrupt("Buy coffee instead?")

    graph.invoke("in", on())
    made = OutOfStock.made
    assert graph.invoke(Command(resume="yes"), on()) == "yes"
    assert ran == Counter(tea=1)
    assert [type(error) for error in seen] == [OutOfStock] * 2
    assert [str(error) for error in seen] == ["tea: 0 left"] * 2
    assert OutOfStock.made == made


def test_also_as_a_value(store: Store) -> None:
    @task
    def boom():
        raise KeyError("missing")

    @entrypoint(checkpointer=store)
    def graph(value):
        error = boom().exception()
        return [type(error).__name__, str(error), interrupt("ok?")]

    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == ["KeyError", "'missing'", "yes"]


def test_also_groups_of_them(store: Store) -> None:
    @task
    def boom():
        raise ExceptionGroup("both", [ValueError("a"), KeyError("b")])

    @entrypoint(checkpointer=store)
    def graph(value):
        seen = []
        try:
            boom().result()
        except* ValueError as group:
            seen += [repr(error) for error in group.exceptions]
        except* KeyError as group:
            seen += [repr(error) for error in group.exceptions]
        return [seen, interrupt("ok?")]

    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == [["ValueError('a')", "KeyError('b')"], "yes"]


def test_a_class_that_is_gone_becomes_its_nearest_base(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules[__name__]
    seen: list[str] = []

    class Special(LookupError):
        pass

    Special.__qualname__ = "Special"
    monkeypatch.setattr(module, "Special", Special, raising=False)

    @task
    def boom():
        raise Special("which?")

    @entrypoint(checkpointer=store)
    def graph(value):
        try:
            boom().result()
        except LookupError as error:
            seen.append(f"{type(error).__name__}: {error}")
        return interrupt("ok?")

    graph.invoke("in", on())
    monkeypatch.delattr(module, "Special")
    graph.invoke(Command(resume="yes"), on())
    assert seen == ["Special: which?", "LookupError: which?"]


def test_no_module_is_imported_for_it(store: Store, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Departure j: what stands in the journal names classes, and never makes code load."""
    (tmp_path / "hitl_trap.py").write_text("class Trap(Exception): pass\n")
    monkeypatch.syspath_prepend(tmp_path)
    import hitl_trap  # type: ignore[import-not-found]

    seen: list[str] = []

    @task
    def boom():
        raise hitl_trap.Trap("sprung")

    @entrypoint(checkpointer=store)
    def graph(value):
        seen.append(type(boom().exception()).__name__)
        return interrupt("ok?")

    graph.invoke("in", on())
    monkeypatch.delitem(sys.modules, "hitl_trap")
    graph.invoke(Command(resume="yes"), on())
    assert seen == ["Trap", "Exception"]
    assert "hitl_trap" not in sys.modules


def test_a_failure_after_which_the_run_went_on_stays_when_the_run_fails(store: Store) -> None:
    ran: Counter[str] = Counter()

    @task
    def step(name, *, fails):
        ran[name] += 1
        if ran[name] <= fails:
            raise ValueError(name)
        return name

    @entrypoint(checkpointer=store)
    def graph(value):
        first = step("caught", fails=1).exception()
        return [str(first), step("uncaught", fails=1).result()]

    with pytest.raises(ValueError, match="uncaught"):
        graph.invoke("in", on())
    assert graph.invoke(None, on()) == ["caught", "uncaught"]
    assert ran == Counter(caught=1, uncaught=2)


def test_a_failure_that_was_caught_only_to_be_raised_again_is_void(store: Store) -> None:
    ran: Counter[str] = Counter()

    @task
    def flaky():
        ran["flaky"] += 1
        if ran["flaky"] < 2:
            raise ConnectionError("down")
        return "up"

    @entrypoint(checkpointer=store)
    def graph(value):
        try:
            return flaky().result()
        except ConnectionError as error:
            raise RuntimeError("shop closed") from error

    with pytest.raises(RuntimeError, match="shop closed"):
        graph.invoke("in", on())
    assert graph.invoke(None, on()) == "up"


def test_a_failure_asked_about_stays(store: Store) -> None:
    """After it a question was asked: a person has decided on it."""
    ran: Counter[str] = Counter()

    @task
    def flaky():
        ran["flaky"] += 1
        raise ConnectionError(f"down {ran['flaky']}")

    broken = True

    @entrypoint(checkpointer=store)
    def graph(value):
        error = flaky().exception()
        answer = interrupt(f"{error}. Go on?")
        if broken:
            raise RuntimeError("broken")
        return [str(error), answer]

    asked = questions(graph.invoke("in", on()))
    with pytest.raises(RuntimeError):
        graph.invoke(Command(resume="yes"), on())
    broken = False
    assert graph.invoke(None, on()) == ["down 1", "yes"]
    assert list(asked) == ["down 1. Go on?"]
    assert ran["flaky"] == 1


@pytest.mark.parametrize("later", [False, True])
def test_the_failures_below_a_failed_task_are_void_with_it(store: Store, later: bool) -> None:
    """`later`: the run fails with it only in a leg in which the task was not run any more."""
    ran: Counter[str] = Counter()

    @task
    def done():
        ran["done"] += 1

    @task
    def inner():
        ran["inner"] += 1
        if ran["inner"] < 2:
            raise ValueError("inner")
        return "mended"

    @task
    def outer():
        ran["outer"] += 1
        done().result()
        return inner().result()

    @task
    def ask():
        return interrupt("ok?")

    @entrypoint(checkpointer=store)
    def graph(value):
        futures = [ask(), outer()] if later else [outer()]
        return [future.result() for future in futures]

    if later:
        graph.invoke("in", on())
    with pytest.raises(ValueError, match="inner"):
        graph.invoke(Command(resume="yes") if later else "in", on())
    assert graph.invoke(None, on())[-1] == "mended"
    assert ran == Counter(outer=2, done=1, inner=2)


def test_mended_code_may_call_something_else_instead(store: Store) -> None:
    @task
    def broken():
        raise ValueError("broken")

    @task
    def mended():
        return "mended"

    first = True

    @entrypoint(checkpointer=store)
    def graph(value):
        return (broken if first else mended)().result()

    with pytest.raises(ValueError, match="broken"):
        graph.invoke("in", on())
    first = False
    assert graph.invoke(None, on()) == "mended"


def test_exiting_in_a_task_ends_the_task_alone(store: Store) -> None:
    """An executor must not be ended by what it runs, and a replay sees what the first leg saw."""
    seen = []

    @task
    def leave():
        raise SystemExit(3)

    @entrypoint(checkpointer=store)
    def graph(value):
        try:
            leave().result()
        except Exception as error:
            seen.append((type(error), str(error)))
        return interrupt("ok?")

    graph.invoke("in", on())
    graph.invoke(Command(resume="yes"), on())
    assert seen == [(RunFailed, "SystemExit: 3")] * 2


def test_exiting_in_the_body_fails_the_run(store: Store) -> None:
    leaving = True

    @entrypoint(checkpointer=store)
    def graph(value):
        if leaving:
            sys.exit(3)
        return "stayed"

    with pytest.raises(SystemExit):
        graph.invoke("in", on())
    assert store.thread("1").status == "error"
    leaving = False
    assert graph.invoke(None, on()) == "stayed"


def test_invoke_none_on_other_threads(store: Store) -> None:
    """Item 47: nothing there, an error; finished, the last value; paused, the same questions."""
    from hitl.errors import EmptyInput

    ran = []

    @entrypoint(checkpointer=store)
    def graph(value):
        ran.append(value)
        return [value, interrupt("ok?")]

    with pytest.raises(EmptyInput, match="no thread '1'"):
        graph.invoke(None, on())
    asked = questions(graph.invoke("in", on()))
    assert questions(graph.invoke(None, on())) == asked
    assert graph.invoke(Command(resume="yes"), on()) == ["in", "yes"]
    assert graph.invoke(None, on()) == ["in", "yes"]
    assert ran == ["in", "in"]


def test_a_failed_run_is_recorded_with_its_traceback(store: Store) -> None:
    @entrypoint(checkpointer=store)
    def graph(value):
        raise ValueError("boom")

    with pytest.raises(ValueError, match="boom"):
        graph.invoke("in", on())
    (failed,) = facts(store, "failed")
    assert (failed.detail["type"], failed.detail["message"]) == ("ValueError", "boom")
    assert 'raise ValueError("boom")' in failed.detail["traceback"]
