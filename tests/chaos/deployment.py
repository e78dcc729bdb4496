"""One deployment under fire: its processes, its people, its trouble, and what was found when all was over."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.chaos import report, watch
from tests.chaos.nursery import ROOT, Nursery, Slot
from tests.chaos.proxy import Cutter
from tests.chaos.trouble import Trouble
from tests.services import postgres, redis, server
from tests.services.desk import Desk

START_SECONDS = 60
# After the trouble: leases to run out, back-offs to pass, and a busy machine.
SETTLE_SECONDS = 240


@dataclass(frozen=True)
class Tier:
    """Which processes there are, and how many threads they are given."""

    title: str
    desks: int
    workers: int
    threads: int
    kill_every_seconds: float
    executor: str = "hitl.executors.inprocess.InProcess"
    is_sqlite: bool = False
    has_redis: bool = False


@dataclass(frozen=True)
class Aftermath:
    """wrong: by check, what is wrong. text: the report."""

    wrong: dict[str, list[str]]
    text: str


class Deployment:
    """`with Deployment(tier, home, seed=…) as deployment: deployment.suffer(…)`"""

    def __init__(self, tier: Tier, home: Path, *, seed: str) -> None:
        self.tier, self.home, self.seed = tier, home, seed
        self._stack = ExitStack()
        self._cutter: Cutter | None = None
        self._redis: Redis | None = None

    def __enter__(self) -> Deployment:
        try:
            self._bring_up()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _bring_up(self) -> None:
        (self.home / "mended").mkdir()
        straight, through = self._database()
        environment = {
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "HITL_EXECUTOR": self.tier.executor,
            "CHAOS_LOG": str(self.home / "outside.jsonl"),
            "CHAOS_MENDED": str(self.home / "mended"),
            "CHAOS_DATABASE": straight,
        }
        if self.tier.has_redis:
            self._redis = Redis()
            self._stack.callback(self._redis.kill)
            environment["REDIS_URL"] = self._redis.url
        for name in ("CHAOS_LOG", "CHAOS_DATABASE"):
            self._set_here(name, environment[name])
        self._calm = Desk(self.home, **environment, DATABASE_URL=straight)
        self._calm.manage("migrate", "--run-syncdb", "--verbosity", "0")
        watch.thefts(is_sqlite=self.tier.is_sqlite)
        self._calm.manage("collectstatic", "--noinput", "--verbosity", "0")
        self._calm.manage("demo", "--people-only")
        self._desks = [Desk(self.home, **environment, DATABASE_URL=through) for _ in range(self.tier.desks)]
        nursery = self._stack.enter_context(Nursery(self.home, self._desks[0].environment))
        self.slots = [
            Slot(nursery, f"web{number}", "serve", "--port", str(desk.port)) for number, desk in enumerate(self._desks)
        ]
        self.slots += [Slot(nursery, f"worker{number}", "hitl", "worker") for number in range(self.tier.workers)]
        for slot in self.slots:
            self._stack.callback(slot.kill)
            slot.start()
        wait_for(lambda: all(desk.answers() for desk in self._desks), START_SECONDS)

    def _database(self) -> tuple[str, str]:
        """The database's address, straight and through the proxy."""
        if self.tier.is_sqlite:
            url = f"sqlite:///{self.home / 'hitl.sqlite3'}"
            return url, url
        url = self._stack.enter_context(postgres.database(os.environ["DATABASE_URL"]))
        (host,) = parse_qs(urlsplit(url).query)["host"]
        self._cutter = cutter = self._stack.enter_context(Cutter(self.home, host))
        wait_for(cutter.is_ready, START_SECONDS)
        return url, urlsplit(url)._replace(query=f"host={cutter.directory}").geturl()

    def _set_here(self, name: str, value: str) -> None:
        before = os.environ.get(name)
        os.environ[name] = value
        self._stack.callback(lambda: os.environ.pop(name) if before is None else os.environ.update({name: before}))

    def suffer(self, threads: list[tuple[str, str]], *, seconds: float) -> Aftermath:
        """Let people start these threads while everything goes wrong; look when all are finished."""
        trouble = Trouble(
            self.slots,
            self.seed,
            is_sqlite=self.tier.is_sqlite,
            kill_every_seconds=self.tier.kill_every_seconds,
            cutter=self._cutter,
            restart_redis=self._redis.restart if self._redis else None,
        )
        began = time.monotonic()
        plan = self.home / "plan.json"
        desks = [desk.url for desk in self._desks]
        started = str(self.home / "started")
        plan.write_text(json.dumps({"threads": threads, "seconds": seconds, "desks": desks, "started": started}))
        people = self._people(plan)
        while not self._all_started():
            assert people.poll() is None, "the people ended"
            trouble.go_on()
        trouble.end()
        calm = time.monotonic()
        self._settle(people)
        told = {
            "seed": self.seed,
            "processes": f"{self.tier.desks} web, {self.tier.workers} workers, people in one of their own",
            "under fire": f"{(calm - began) / 60:.1f} minutes",
            "after that, until all was finished": f"{(time.monotonic() - calm) / 60:.1f} minutes",
            "lives of processes": sum(slot.lives for slot in self.slots),
        }
        return self._look(told, trouble)

    def _people(self, plan: Path) -> subprocess.Popen[bytes]:
        with (self.home / "log-people").open("wb") as log:
            people = subprocess.Popen(
                [sys.executable, "-m", "tests.chaos.people", str(plan)],
                cwd=ROOT,
                env=self._desks[0].environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

        def end() -> None:
            people.kill()
            people.communicate()

        self._stack.callback(end)
        return people

    def _all_started(self) -> bool:
        return (self.home / "started").exists()

    def _settle(self, people: subprocess.Popen[bytes]) -> None:
        """Until nothing is under way any more. What kills itself is started again; nobody else dies."""
        assert people.stdin is not None
        people.stdin.close()
        deadline = time.monotonic() + SETTLE_SECONDS
        while people.poll() is None and time.monotonic() < deadline:
            for slot in self.slots:
                if not slot.is_alive():
                    slot.start()
            time.sleep(0.1)

    def _look(self, told: dict[str, Any], trouble: Trouble) -> Aftermath:
        done = subprocess.run(
            [sys.executable, "-m", "tests.chaos.aftermath"],
            cwd=ROOT,
            env=self._calm.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        cuts = self._cutter.done() if self._cutter else {}
        injected = dict(sorted(trouble.counts.items()))
        injected |= {f"connections cut {how}": count for how, count in sorted(cuts.items())}
        injected |= found["injected"]
        return Aftermath(found["wrong"], report.text(self.tier.title, told=told, injected=injected, seen=found["seen"]))


class Redis:
    """A Redis that is killed with all it holds, and comes again at the same place."""

    def __init__(self) -> None:
        self._port = server.free_port()
        self._life = ExitStack()
        self.url = self._begin()

    def _begin(self) -> str:
        return self._life.enter_context(redis.running(port=self._port, stop_with=signal.SIGKILL))

    def kill(self) -> None:
        self._life.close()

    def restart(self) -> None:
        self.kill()
        self._begin()


def wait_for(true: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it does not come"
        time.sleep(0.05)
