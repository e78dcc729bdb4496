"""Everything that may die or lie does so, and nothing is lost, doubled or stranded.

What is injected is told in tests/chaos/trouble.py, what is looked at in tests/chaos/aftermath.py. From outside:

HITL_CHAOS_SECONDS     over how long threads are started (20); the trouble lasts until all are. Given, all tiers run
HITL_CHAOS_THREADS     how many, on each tier (left out: 200 on PostgreSQL, 60 on SQLite)
HITL_CHAOS_SEED        of the dice (told when something is wrong)
HITL_CHAOS_REPORT      a file that the figures are added to
HITL_CHAOS_KEEP        a directory that logs are copied to
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.aftermath import CHECKS
from tests.chaos.deployment import Aftermath, Deployment, Tier
from tests.services.server import directory

IS_LONG = "HITL_CHAOS_SECONDS" in os.environ
SECONDS = float(os.environ.get("HITL_CHAOS_SECONDS", "20"))
THREADS = int(os.environ.get("HITL_CHAOS_THREADS", "0"))
SEED = os.environ.get("HITL_CHAOS_SEED") or str(random.randrange(10**6))

# How often each workflow is among the threads.
MIX = {
    "graph": 2,
    "refund": 1,
    "article": 1,
    "import": 1,
    "parallel": 4,
    "nested": 2,
    "asking": 2,
    "failing": 2,
    "sleeping": 2,
    "paying": 4,
    "family": 2,
    "telling": 2,
    "waiting": 3,
    "lingering": 3,
    "turning": 4,
}
# One in so many kills whoever runs it.
DEADLY_EVERY = 100

TIERS = [
    pytest.param(
        Tier("SQLite, one process", desks=1, workers=0, threads=60, kill_every_seconds=4.0, is_sqlite=True),
        id="sqlite",
    ),
    pytest.param(
        Tier(
            "PostgreSQL, executor procrastinate",
            desks=2,
            workers=3,
            threads=200,
            kill_every_seconds=1.0,
            executor="hitl.executors.procrastinate.Procrastinate",
        ),
        id="procrastinate",
        marks=pytest.mark.postgres,
    ),
]
if IS_LONG:
    TIERS += [
        pytest.param(
            Tier("PostgreSQL, executor inprocess", desks=2, workers=3, threads=200, kill_every_seconds=1.0),
            id="inprocess",
            marks=pytest.mark.postgres,
        ),
        pytest.param(
            Tier(
                "PostgreSQL and Redis, executor celery",
                desks=2,
                workers=3,
                threads=200,
                kill_every_seconds=1.0,
                executor="hitl.executors.celery.Celery",
                has_redis=True,
            ),
            id="celery",
            marks=[pytest.mark.postgres, pytest.mark.redis],
        ),
    ]

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module", params=TIERS)
def aftermath(request: pytest.FixtureRequest) -> Iterator[Aftermath]:
    tier: Tier = request.param
    with directory("chaos") as home:
        try:
            with Deployment(tier, home, seed=SEED) as deployment:
                found = deployment.suffer(threads(THREADS or tier.threads), seconds=SECONDS)
        except BaseException:
            logs = sorted(home.glob("log*"))
            print(f"HITL_CHAOS_SEED={SEED}", *[f"{log.name}: {log.read_text()[-3000:]}" for log in logs], sep="\n")
            raise
        finally:
            if kept := os.environ.get("HITL_CHAOS_KEEP"):
                shutil.copytree(home, Path(kept) / tier.title, dirs_exist_ok=True, ignore=no_sockets)
    yield found


def no_sockets(directory: str, names: list[str]) -> list[str]:
    return [name for name in names if Path(directory, name).is_socket() or name == "static"]


def threads(count: int) -> list[tuple[str, str]]:
    """Workflow and name of each thread, mixed by the seed."""
    dice = random.Random(SEED)
    kinds = [*MIX, "deadly"]
    weights = [*MIX.values(), sum(MIX.values()) / DEADLY_EVERY]
    return [(kind, f"{kind}-{number}") for number, kind in enumerate(dice.choices(kinds, weights, k=count))]


@pytest.mark.parametrize("check", [check.__name__ for check in CHECKS])
def test_after_the_chaos(aftermath: Aftermath, check: str) -> None:
    assert aftermath.wrong[check] == [], f"HITL_CHAOS_SEED={SEED}"


def test_report(aftermath: Aftermath, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print(f"\n{aftermath.text}")
    if path := os.environ.get("HITL_CHAOS_REPORT"):
        with Path(path).open("a") as file:
            file.write(f"{aftermath.text}\n")
