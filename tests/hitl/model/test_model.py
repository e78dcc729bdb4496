"""Any program, by any schedule, comes to what it comes to when it is run straight through.

`program` says what programs are made of, `play` what may happen to them and what has to hold. A counterexample is
printed as the code that makes it. `make soak` looks further than `make test`, and every time elsewhere.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings

from hitl import pool
from tests.hitl.model.faults import Fault, FaultyMemory
from tests.hitl.model.play import Play, Reply, Schedule, schedules
from tests.hitl.model.program import Ask, Do, Fail, Spawn, T, blocks

SOAK_SECONDS = float(os.environ.get("HITL_SOAK_SECONDS", "600"))
CRASHES: list[Fault] = ["before", "after"]
# In one thread another leg can run in the middle of one; with threads its code would run beside itself.
PUSHES: list[Fault] = ["interrupting", "rolling", "lining"]
INLINE: list[Fault] = [*CRASHES, "usurped", "answered", "cancelled", *PUSHES]
THREADED: list[Fault] = [*CRASHES, "answered", "cancelled", *PUSHES]

always = settings(
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
here = settings(always, derandomize=True)


# Rounds of the soak, each short enough not to be taken for a hang.
ROUND_SECONDS = 60
ROUNDS = range(max(1, round(SOAK_SECONDS / 3 / ROUND_SECONDS)))
anew = pytest.mark.parametrize("number", ROUNDS)


def in_memory(body: list[Any], schedule: Schedule) -> None:
    Play(FaultyMemory(), body, schedule).play()


def with_threads(body: list[Any], schedule: Schedule) -> None:
    # Which of two failures was the last is open where they race, so here nothing fails only sometimes.
    for reply in schedule.replies:
        reply.bad = False
    Play(FaultyMemory(), body, schedule, inline=False).play()


def in_database(body: list[Any], schedule: Schedule) -> None:
    from tests.hitl.model.faulty_database import FaultyDatabase

    Play(FaultyDatabase("default"), body, schedule).play()


def any_program(test: Any) -> Any:
    """What chance may miss in a short run, and then anything."""
    one, question = Spawn(task=T(body=[])), Spawn(task=T(body=[Ask()]))
    for body, faults in [
        ([one], {1: "usurped"}),
        ([one], {1: "cancelled"}),
        ([Ask(), one], {2: "before", 3: "usurped"}),
        ([question, Ask(key="k", varies=True)], {2: "answered"}),
        ([question, question], {2: "answered"}),
        ([one], {2: "interrupting"}),
        ([one, Ask()], {1: "lining", 2: "rolling"}),
    ]:
        test = example(body=body, schedule=Schedule(faults=faults))(test)
    test = example(body=[Ask(), Do(task=T(body=[Fail()], arg="last"))], schedule=Schedule(retries=1))(test)
    for manner in ("refused", "lining", "interrupting", "rolling", "later", "withdrawn"):
        test = example(body=[Ask(), one, Ask()], schedule=Schedule(replies=[Reply(manner=manner)], turns=2))(test)
    return given(body=blocks(3), schedule=schedules(INLINE))(test)


steady_program = given(body=blocks(3, steady=True), schedule=schedules(THREADED))


@settings(here, max_examples=400)
@any_program
def test_in_memory(body: list[Any], schedule: Schedule) -> None:
    in_memory(body, schedule)


@settings(here, max_examples=100)
@steady_program
def test_with_threads(body: list[Any], schedule: Schedule) -> None:
    with_threads(body, schedule)


@pytest.mark.django_db
@settings(here, max_examples=60)
@any_program
def test_in_the_database(body: list[Any], schedule: Schedule) -> None:
    in_database(body, schedule)


@pytest.mark.soak
@anew
@settings(always, max_examples=1500)
@any_program
def test_long_in_memory(number: int, body: list[Any], schedule: Schedule) -> None:
    in_memory(body, schedule)


@pytest.mark.soak
@anew
@settings(always, max_examples=1200)
@steady_program
def test_long_with_threads(number: int, body: list[Any], schedule: Schedule) -> None:
    with_threads(body, schedule)


@pytest.mark.soak
@pytest.mark.django_db
@anew
@settings(always, max_examples=400)
@any_program
def test_long_in_the_database(number: int, body: list[Any], schedule: Schedule) -> None:
    in_database(body, schedule)


@pytest.fixture(autouse=True, scope="module")
def no_threads_left() -> Any:
    yield
    pool.close()
