"""Processes killed with -9 at any moment: nothing is lost, nothing recorded is done again.

A server and two workers on one database are killed and started at random, while people start threads and
answer questions in other processes. Then all must end as if nothing had happened. `HITL_CHAOS_SECONDS` says how
long (20), `HITL_CHAOS_SEED` which sequence of kills (printed when it fails).
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from tests.chaos.people import driver, settled
from tests.chaos.worker import Worker
from tests.chaos.workflows import expected
from tests.services import postgres
from tests.services.desk import Desk
from tests.services.server import directory

SECONDS = float(os.environ.get("HITL_CHAOS_SECONDS", "20"))
SEED = os.environ.get("HITL_CHAOS_SEED") or str(random.randrange(10**6))
# A claim of the journal's clock against this one's: both are this machine's.
CLOCKS_DIFFER_SECONDS = 0.005

pytestmark = pytest.mark.chaos


@dataclass(frozen=True)
class Aftermath:
    """What was left: the journal's report, the notes the tasks made, and when something was killed."""

    report: dict[str, Any]
    notes: list[dict[str, Any]]
    kills: list[float]

    @property
    def facts(self) -> dict[str, list[dict[str, Any]]]:
        by_thread = defaultdict(list)
        for fact in self.report["facts"]:
            by_thread[fact["thread"]].append(fact)
        return by_thread


@pytest.fixture(scope="module")
def aftermath() -> Iterator[Aftermath]:
    with directory("chaos") as home, ExitStack() as stack:
        environment = {
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "HITL_WORKFLOWS": "tests.chaos.workflows",
            "CHAOS_NOTES": str(home / "notes"),
        }
        if url := os.environ.get("DATABASE_URL"):
            environment["DATABASE_URL"] = stack.enter_context(postgres.database(url))
        desk = Desk(home, **environment)
        desk.prepare()
        workers = [Worker(desk, "a"), Worker(desk, "b")]
        try:
            kills = kill_at_random(desk, workers)
            report = settled(desk)
            desk.manage("hitl", "doctor", "--rebuild")
        except BaseException:
            print(f"HITL_CHAOS_SEED={SEED}", *[each.log[-5000:] for each in (desk, *workers)], sep="\n")
            raise
        finally:
            for each in (desk, *workers):
                each.kill()
        lines = (home / "notes").read_text().splitlines()
        yield Aftermath(report, [json.loads(line) for line in lines], kills)


def kill_at_random(desk: Desk, workers: list[Worker]) -> list[float]:
    """Kill and start processes until the time is over, with people at work; all run at the end."""
    dice = random.Random(SEED)
    victims: list[Desk | Worker] = [desk, *workers, *workers]  # workers are up again sooner
    deadline = time.monotonic() + SECONDS
    kills = []
    with driver(desk, "drive", "a") as one, driver(desk, "drive", "b") as other:
        while time.monotonic() < deadline:
            victim = dice.choice(victims)
            if victim.process is None:
                victim.start()
            else:
                # The moment is what is left to chance here, not something that is waited for.
                time.sleep(dice.uniform(0, 1))
                victim.kill()
                kills.append(time.time())
        assert one.poll() is None and other.poll() is None, "a driver ended"
    for victim in (desk, *workers):
        if victim.process is None:
            victim.start()
    return kills


def test_something_happened(aftermath: Aftermath) -> None:
    assert len(aftermath.kills) >= 3
    assert len(aftermath.report["threads"]) >= 10


def test_every_thread_ended_as_if_nothing_had_happened(aftermath: Aftermath) -> None:
    ends = {thread["id"]: (thread["status"], thread["output"]) for thread in aftermath.report["threads"]}
    assert ends == {name: ("idle", expected(name)) for name in ends}


def test_no_task_began_again_after_its_result_was_recorded(aftermath: Aftermath) -> None:
    recorded = {fact["result"]: fact["at"] for fact in aftermath.report["facts"] if fact["kind"] == "task"}
    late = [
        note
        for note in aftermath.notes
        if note["began"] > recorded[f"{note['name']}/{note['number']}"] + CLOCKS_DIFFER_SECONDS
    ]
    assert late == []


def test_a_task_began_again_only_if_a_kill_had_hit_it(aftermath: Aftermath) -> None:
    """Starts ≤ 1 + the kills in flight: between two starts of one call something was killed."""
    begun = defaultdict(list)
    for note in aftermath.notes:
        begun[note["name"], note["number"]].append(note["began"])
    without_reason = [
        (call, before, after)
        for call, starts in begun.items()
        for before, after in pairwise(sorted(starts))
        if not any(before <= kill <= after for kill in aftermath.kills)
    ]
    assert without_reason == []


def test_no_lease_is_held(aftermath: Aftermath) -> None:
    assert {tuple(thread["lease"]) for thread in aftermath.report["threads"]} == {("", "", 0)}


def test_every_journal_is_numbered_without_gaps(aftermath: Aftermath) -> None:
    for thread in aftermath.report["threads"]:
        numbers = [fact["seq"] for fact in aftermath.facts[thread["id"]]]
        assert numbers == list(range(1, thread["seq"] + 1))


def test_every_result_and_every_answer_is_recorded_once(aftermath: Aftermath) -> None:
    for facts in aftermath.facts.values():
        kinds = Counter(fact["kind"] for fact in facts)
        assert (kinds["task"], kinds["question"], kinds["answer"], kinds["output"]) == (6, 2, 2, 1)
    assert set(aftermath.report["answers"]) == {"answered"}
