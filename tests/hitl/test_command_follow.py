"""`--follow`: every fact as a line of JSON, an exit code for how the run ended, and no server needed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from hitl import registry, testing, verbs
from hitl.checkpoint.database import saver
from hitl.commands import follow
from hitl.func import entrypoint, task
from hitl.models import Checkpoint, Interrupt, Run, Thread
from hitl.run import claiming, run_thread
from tests.hitl.clock import wait_until
from tests.hitl.command import hitl
from tests.hitl.racing import Background, in_background

pytestmark = pytest.mark.django_db(transaction=True)


@task
def ship(order: str) -> str:
    raise RuntimeError(f"no carrier for {order}")


@entrypoint()
def delivery(order: str) -> str:
    """Ships an order, which fails."""
    return ship(order).result()


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(registry, "_workflows", dict(registry._workflows))
    registry.register(delivery)
    yield
    testing.close()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command takes the run at once, not after a second."""
    monkeypatch.setattr(follow, "UNCLAIMED_SECONDS", 0.0)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command never takes the run: somebody else has to."""
    monkeypatch.setattr(follow, "UNCLAIMED_SECONDS", 3600.0)


def kinds(facts: list[dict[str, Any]]) -> list[str]:
    return [fact["kind"] for fact in facts]


def test_a_run_that_pauses_ends_with_ten_and_says_how_to_answer(impatient: None) -> None:
    result = hitl("start", "graph", "--input", "foo", "--thread", "one", "--follow")
    assert result.code == 10
    assert kinds(result.facts)[:3] == ["input", "leg", "task"]
    assert kinds(result.facts)[-1] == "pause"
    question = Interrupt.objects.get()
    assert f"answer {question.pk} --version 1" in result.err


def test_every_line_is_a_fact_with_the_same_keys(impatient: None) -> None:
    facts = hitl("start", "graph", "--input", "foo", "--thread", "one", "--follow").facts
    assert [fact["seq"] for fact in facts] == list(range(1, len(facts) + 1))
    assert len({tuple(fact) for fact in facts}) == 1
    (step,) = [fact for fact in facts if fact["kind"] == "task"]
    assert (step["name"], step["value"], step["thread"]) == ("step_1", "foo bar", "one")
    assert {fact["attempt"] for fact in facts if fact["kind"] in ("input", "leg", "question", "pause")} == {None}
    assert step["attempt"] == 1


def test_a_run_that_finishes_ends_with_nought_and_begins_with_its_own_request(impatient: None) -> None:
    hitl("start", "graph", "--input", "foo", "--thread", "one", "--follow")
    question = Interrupt.objects.get()
    result = hitl("answer", question.pk, "--version", "1", "--input", "baz", "--follow")
    assert result.code == 0
    assert (result.facts[0]["kind"], result.facts[0]["value"]) == ("answer", "baz")
    assert (result.facts[-1]["kind"], result.facts[-1]["value"]) == ("output", "foo bar baz qux")


def test_a_run_that_fails_ends_with_one_and_a_retry_can_be_followed_too(impatient: None) -> None:
    result = hitl("start", "delivery", "--input", "A-7", "--thread", "one", "--follow")
    assert result.code == 1
    assert kinds(result.facts)[-1] == "failed"
    assert "RuntimeError: no carrier for A-7" in result.err
    again = hitl("retry", "one", "--follow")
    assert again.code == 1
    assert kinds(again.facts)[0] == "retry"


def test_a_run_that_is_cancelled_meanwhile_ends_with_one(patient: None) -> None:
    by = when_queued(lambda: verbs.cancel("one"))
    result = hitl("start", "graph", "--input", "foo", "--thread", "one", "--follow")
    by.outcome()
    assert result.code == 1
    assert kinds(result.facts)[-1] == "cancel"


def test_a_run_that_somebody_else_claims_is_only_watched(patient: None) -> None:
    server = when_queued(lambda: run_thread("one"))
    result = hitl("start", "graph", "--input", "foo", "--thread", "one", "--follow")
    server.outcome()
    assert result.code == 10
    assert kinds(result.facts).count("leg") == 1
    assert kinds(result.facts)[-1] == "pause"


def test_a_lease_that_is_held_keeps_the_command_from_running(impatient: None) -> None:
    run = verbs.start("graph", "foo", thread_id="one")
    stand_in = follow.StandIn("one")
    assert stand_in.is_unclaimed(run)
    assert saver().transact("one", claiming(registry.get("graph")))
    assert not stand_in.is_unclaimed(Run.objects.get())


def test_a_run_that_has_ended_is_told_from_its_facts(impatient: None) -> None:
    first = hitl("start", "graph", "--input", "foo", "--idempotency-key", "k", "--follow")
    again = hitl("start", "graph", "--input", "foo", "--idempotency-key", "k", "--follow")
    assert (again.code, again.out) == (first.code, first.out)
    assert Checkpoint.objects.filter(kind="leg").count() == 1


def when_queued(act: Any) -> Background:
    """Does something as another process would, as soon as the thread stands in the database."""

    def work() -> Any:
        wait_until(lambda: Thread.objects.filter(status="busy").exists())
        return act()

    return in_background(work)
