"""Every test, stage by stage: `make test`.

Brings up the services a stage needs, runs it, and says in the last lines what could not be brought up
and how many tests passed and failed in all. With `CI` set, a missing service is a failure, and so is a
test that was skipped for want of one (its reason begins with "needs").

    python -m tests.run                  all stages of `make test`
    python -m tests.run postgres redis   these stages alone
    python -m tests.run soak             work for long, and look for what grows
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

from tests.services import Unavailable
from tests.services.__main__ import bring_up

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = "not redis and not browser and not packaging and not chaos and not soak"


@dataclass(frozen=True)
class Stage:
    """One run of pytest. `services` are brought up first; `minutes` is when it is taken to hang."""

    name: str
    title: str
    arguments: tuple[str, ...]
    services: tuple[str, ...] = ()
    minutes: float = 12


# The trouble lasts until every thread is started, at least so long; then all must settle.
CHAOS_MINUTES = float(os.environ.get("HITL_CHAOS_SECONDS", "20")) / 60 * 3 + 8
# A run of minutes is no hang.
CHAOS = ("tests/chaos", "-o", "faulthandler_timeout=0", "-m")

STAGES = [
    Stage("sqlite", "On SQLite", ("-m", f"{ELSEWHERE} and not postgres")),
    Stage("postgres", "On PostgreSQL", ("-m", ELSEWHERE, "--database-only"), services=("postgres",)),
    Stage("redis", "With Redis", ("-m", "redis and not chaos"), services=("postgres", "redis")),
    Stage("browser", "In Chromium", ("tests/e2e", "-m", "browser"), services=("chromium",), minutes=20),
    Stage("packaging", "The wheel in another project", ("tests/packaging", "-m", "packaging")),
    Stage("chaos", "Chaos, SQLite", (*CHAOS, "chaos and not postgres"), minutes=CHAOS_MINUTES),
    Stage(
        "chaos-postgres",
        "Chaos, PostgreSQL",
        (*CHAOS, "chaos and postgres and not redis"),
        services=("postgres",),
        minutes=2 * CHAOS_MINUTES,
    ),
]
LONG_STAGES = [
    Stage(
        "chaos-redis",
        "Chaos, PostgreSQL and Redis",
        (*CHAOS, "chaos and redis"),
        services=("postgres", "redis"),
        minutes=CHAOS_MINUTES,
    ),
    Stage("soak", "Work for long", ("-m", "soak"), services=("postgres",), minutes=120),
]


@dataclass
class Tally:
    """What has come out so far."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    broken: list[str] = field(default_factory=list)
    # Why tests were skipped that want a service.
    wanting: list[str] = field(default_factory=list)

    def add(self, report: Path) -> bool:
        """Count the tests of one JUnit report; False if it holds none."""
        try:
            suites = list(ElementTree.parse(report).getroot().iter("testsuite"))
        except (OSError, ElementTree.ParseError):
            return False
        tests, failed, skipped = (
            sum(int(suite.get(name, 0)) for suite in suites for name in names)
            for names in (["tests"], ["failures", "errors"], ["skipped"])
        )
        self.passed += max(tests - failed - skipped, 0)
        self.failed += failed
        self.skipped += skipped
        self.wanting += sorted({reason for suite in suites for reason in reasons(suite) if reason.startswith("needs ")})
        return tests > 0

    def lines(self) -> Iterable[str]:
        for title in self.broken:
            yield f"Not as it should be: {title}"
        # A stage that broke off counts as one failed test, so that the sum never looks better than it is.
        yield f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


def reasons(suite: ElementTree.Element) -> Iterable[str]:
    """Why tests of a JUnit report were skipped."""
    return (skip.get("message", "") for skip in suite.iter("skipped"))


def main(names: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    tally, services = Tally(), Services()
    began = time.monotonic()
    try:
        with services.stack, tempfile.TemporaryDirectory(prefix="hitl-reports-") as reports:
            for stage in chosen(names):
                run(stage, services=services, tally=tally, report=Path(reports) / f"{stage.name}.xml")
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130
    print(f"\nAll in {time.monotonic() - began:.0f} s.")
    for name, reason in services.missing.items():
        print(f"Not brought up, so not tested with: {name} ({reason})")
    print(*tally.lines(), sep="\n", flush=True)
    missing_counts = bool(services.missing) and bool(os.environ.get("CI"))
    return 1 if tally.failed or missing_counts else 0


def chosen(names: list[str]) -> list[Stage]:
    known = {stage.name: stage for stage in [*STAGES, *LONG_STAGES]}
    if unknown := set(names) - set(known):
        raise SystemExit(f"No stage is called {', '.join(sorted(unknown))}; there are {', '.join(known)}.")
    return [known[name] for name in names] or STAGES


class Services:
    """Services that are up, each brought up when a stage first asks for it; `missing` says why one is not."""

    def __init__(self) -> None:
        self.stack = ExitStack()
        self.variables: dict[str, dict[str, str]] = {}
        self.missing: dict[str, str] = {}

    def bring_up(self, names: Iterable[str]) -> bool:
        """Whether all of them are up now. What failed once is not tried again."""
        for name in set(names) - set(self.variables) - set(self.missing):
            try:
                self.variables[name] = bring_up(name, self.stack)
            except Unavailable as unavailable:
                self.missing[name] = str(unavailable)
        return not set(names) & set(self.missing)

    def environment(self, names: Iterable[str]) -> dict[str, str]:
        """The variables that lead to them, without any that would lead to somebody's own database."""
        own = (
            "DATABASE_URL",
            "REDIS_URL",
            "DATA_DIR",
            "SECRET_KEY",
            "DEBUG",
            "HITL_DEMO",
            "HITL_WORKFLOWS",
            "HITL_EXECUTOR",
        )
        environment = {name: value for name, value in os.environ.items() if name not in own}
        for name in names:
            environment |= self.variables[name]
        return environment


def run(stage: Stage, *, services: Services, tally: Tally, report: Path) -> None:
    print(f"\n=== {stage.title} ===", flush=True)
    began = time.monotonic()
    if not services.bring_up(stage.services):
        print("--- not run", flush=True)
        return
    status = pytest(stage, environment=services.environment(stage.services), report=report)
    failed_before, wanting_before = tally.failed, len(tally.wanting)
    if not tally.add(report) or (status and tally.failed == failed_before):
        tally.failed += 1
        tally.broken.append(f"{stage.title}: pytest ended with {status}")
    if os.environ.get("CI") and (wanting := tally.wanting[wanting_before:]):
        tally.failed += 1
        tally.broken.append(f"{stage.title}: tests were skipped ({'; '.join(wanting)})")
    print(f"--- {stage.title}: {time.monotonic() - began:.0f} s", flush=True)


def pytest(stage: Stage, *, environment: dict[str, str], report: Path) -> int:
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", f"--junitxml={report}", *stage.arguments]
    # Of its own session, so that a Ctrl-C reaches it once, from `interrupt`.
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    try:
        return process.wait(stage.minutes * 60)
    except subprocess.TimeoutExpired:
        print(f"--- {stage.title}: stopped after {stage.minutes} minutes", flush=True)
        return interrupt(process) or 1
    except BaseException:
        interrupt(process)
        raise


def interrupt(process: subprocess.Popen[bytes]) -> int:
    """End pytest in the way that lets its fixtures stop what they have started."""
    process.send_signal(signal.SIGINT)
    try:
        return process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
