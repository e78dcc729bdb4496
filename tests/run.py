"""Every test, stage by stage: `make test`.

Brings up the services a stage needs, runs it, and says in the last lines what could not be brought up
and how many tests passed and failed in all. Two stages run side by side where they share no service (either
alone leaves a core idle); what each has printed comes in one piece when it is over. With `CI` set, a missing
service is a failure, and so is a test that was skipped for want of one (its reason begins with "needs").

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
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree

from tests.services import Unavailable
from tests.services.__main__ import bring_up

ROOT = Path(__file__).resolve().parent.parent
ELSEWHERE = "not redis and not browser and not packaging and not chaos and not soak"
AT_ONCE = 2
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Stage:
    """One run of pytest. `services` are brought up first; `minutes` is when it is taken to hang.

    alone: nothing else may run meanwhile.
    """

    name: str
    title: str
    arguments: tuple[str, ...]
    services: tuple[str, ...] = ()
    minutes: float = 15
    alone: bool = False


# The trouble lasts until every thread is started, at least so long; then all must settle.
CHAOS_MINUTES = float(os.environ.get("HITL_CHAOS_SECONDS", "20")) / 60 * 3 + 8
# A run of minutes is no hang.
CHAOS = ("tests/chaos", "-o", "faulthandler_timeout=0", "-m")

# The longest comes first, so that what is shorter runs beside it; what must be alone comes last.
STAGES = [
    Stage("browser", "In Chromium", ("tests/e2e", "-m", "browser"), services=("chromium",), minutes=20),
    Stage("sqlite", "On SQLite", ("-m", f"{ELSEWHERE} and not postgres")),
    Stage("postgres", "On PostgreSQL", ("-m", ELSEWHERE, "--database-only"), services=("postgres",)),
    Stage("packaging", "The wheel in another project", ("tests/packaging", "-m", "packaging")),
    Stage("redis", "With Redis", ("-m", "redis and not chaos"), services=("postgres", "redis")),
    Stage("chaos", "Chaos, SQLite", (*CHAOS, "chaos and not postgres"), minutes=CHAOS_MINUTES, alone=True),
    Stage(
        "chaos-postgres",
        "Chaos, PostgreSQL",
        (*CHAOS, "chaos and postgres and not redis"),
        services=("postgres",),
        minutes=2 * CHAOS_MINUTES,
        alone=True,
    ),
]
LONG_STAGES = [
    Stage(
        "chaos-redis",
        "Chaos, PostgreSQL and Redis",
        (*CHAOS, "chaos and redis"),
        services=("postgres", "redis"),
        minutes=CHAOS_MINUTES,
        alone=True,
    ),
    Stage("soak", "Work for long", ("-m", "soak"), services=("postgres",), minutes=120, alone=True),
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
    # Whoever runs this in the background has it ignored, and so would the commands that tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tally, services = Tally(), Services()
    began = time.monotonic()
    try:
        with services.stack, tempfile.TemporaryDirectory(prefix="hitl-reports-") as reports:
            run(chosen(names), services=services, tally=tally, reports=Path(reports))
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


def run(stages: list[Stage], *, services: Services, tally: Tally, reports: Path) -> None:
    """Run them, in this order as far as `next_of` lets them."""
    waiting, under_way = [*stages], list[Run]()
    try:
        while waiting or under_way:
            while waiting and (stage := next_of(waiting, under_way)):
                waiting.remove(stage)
                if services.bring_up(stage.services):
                    environment = services.environment(stage.services)
                    whole = len(stages) > 1 and not stage.alone
                    under_way.append(Run(stage, environment=environment, reports=reports, whole=whole))
                else:
                    print(f"\n=== {stage.title} ===\n--- not run", flush=True)
            for one in [*under_way]:
                if one.is_over():
                    under_way.remove(one)
                    one.count_in(tally)
            time.sleep(LOOK_SECONDS)
    finally:
        for one in under_way:
            one.interrupt()


def next_of(waiting: list[Stage], under_way: list[Run]) -> Stage | None:
    """The first stage that may begin now; one that must be alone holds up what comes after it."""
    running = [one.stage for one in under_way]
    if len(running) == AT_ONCE or any(stage.alone for stage in running):
        return None
    taken = {name for stage in running for name in stage.services}
    for stage in waiting:
        if stage.alone:
            return None if running else stage
        if not taken & set(stage.services):
            return stage
    return None


class Run:
    """A stage under way. whole: what it prints is kept until it is over, since another one runs beside it."""

    def __init__(self, stage: Stage, *, environment: dict[str, str], reports: Path, whole: bool) -> None:
        self.stage = stage
        self._report = reports / f"{stage.name}.xml"
        self._kept = reports / f"{stage.name}.txt" if whole else None
        self._began = time.monotonic()
        self._broke_off = False
        print(f"... {stage.title} begins" if whole else f"\n=== {stage.title} ===", flush=True)
        with open(self._kept, "wb") if self._kept else nullcontext() as output:
            self._process = pytest(stage, environment=environment, report=self._report, output=output)

    def is_over(self) -> bool:
        """Whether it has ended; what takes too long is ended here."""
        if self._process.poll() is None and self._seconds < self.stage.minutes * 60:
            return False
        if self._process.poll() is None:
            self._broke_off = True
            self._end()
        return True

    def interrupt(self) -> None:
        """End it, for nobody wants to know any more."""
        self._end()
        self._tell()

    def count_in(self, tally: Tally) -> None:
        """Print what it printed, and add what came out."""
        title, failed_before, wanting_before = self.stage.title, tally.failed, len(tally.wanting)
        status = self._process.returncode or int(self._broke_off)
        if not tally.add(self._report) or (status and tally.failed == failed_before):
            tally.failed += 1
            tally.broken.append(f"{title}: pytest ended with {status}")
        if os.environ.get("CI") and (wanting := tally.wanting[wanting_before:]):
            tally.failed += 1
            tally.broken.append(f"{title}: tests were skipped ({'; '.join(wanting)})")
        self._tell()

    @property
    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _tell(self) -> None:
        title = self.stage.title
        if self._kept:
            print(f"\n=== {title} ===", self._kept.read_text(errors="replace").rstrip(), sep="\n")
        if self._broke_off:
            print(f"--- {title}: stopped after {self.stage.minutes} minutes")
        print(f"--- {title}: {self._seconds:.0f} s", flush=True)

    def _end(self) -> None:
        """End pytest in the way that lets its fixtures stop what they have started."""
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def pytest(
    stage: Stage, *, environment: dict[str, str], report: Path, output: BinaryIO | None
) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "pytest", "-q", "--tb=short", f"--junitxml={report}", *stage.arguments]
    # Of its own session, so that a Ctrl-C reaches it once, from `Run.interrupt`.
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
