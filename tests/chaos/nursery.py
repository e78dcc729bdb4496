"""Forks the project's processes: one that has imported everything already dies once a second without being missed.

python -m tests.chaos.nursery        reads {"argv": …, "log": …, "clock": …} lines, prints a process id for each

Each child is the command itself (`manage.py serve`, a worker) in a session of its own. Its wall clock, as Python
sees it in every module and thread, is moved to whatever offset the file `clock` holds; the monotonic clock stays.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
LOOK_SECONDS = 0.1


def main() -> None:
    import django

    # Children are reaped at once: a zombie looks alive to whoever asks for its process id.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    django.setup()
    import uvicorn  # noqa: F401 - so that no child has to
    from django.core.management import execute_from_command_line  # noqa: F401

    from reviewer import asgi  # noqa: F401

    print("ready", flush=True)
    for line in sys.stdin:
        wanted = json.loads(line)
        pid = os.fork()
        if pid == 0:
            live(wanted)
        print(pid, flush=True)


def live(wanted: dict[str, Any]) -> None:
    """Be the command, and end with it."""
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(wanted["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, target)
    code = 1
    try:
        follow(Path(wanted["clock"]))
        from django.core.management import execute_from_command_line

        execute_from_command_line(["manage.py", *wanted["argv"]])
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def follow(clock: Path) -> None:
    """Let this process's wall clock be off by what the file says, also when that changes."""
    import time_machine

    traveller = time_machine.travel(datetime.now(UTC), tick=True).start()
    now_off = 0.0

    def look() -> None:
        nonlocal now_off
        off = float(clock.read_text() or 0) if clock.exists() else 0.0
        if off != now_off:
            traveller.shift(off - now_off)
            now_off = off

    def keep_looking() -> None:
        while True:
            time.sleep(LOOK_SECONDS)
            look()

    look()
    threading.Thread(target=keep_looking, name="chaos-clock", daemon=True).start()


class Nursery:
    """The forking process, and its children by the names that it was asked to give them."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self._home = home
        self._environment = environment

    def __enter__(self) -> Nursery:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.nursery"],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._hear()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        assert line, "the nursery ended"
        return line

    def log(self, name: str) -> Path:
        return self._home / f"log-{name}"

    def clock(self, name: str) -> Path:
        return self._home / f"clock-{name}"

    def spawn(self, name: str, *argv: str) -> int:
        """Start a command; returns its process id."""
        assert self._process.stdin is not None
        wanted = {"argv": argv, "log": str(self.log(name)), "clock": str(self.clock(name))}
        self._process.stdin.write(json.dumps(wanted) + "\n")
        self._process.stdin.flush()
        return int(self._hear())


class Slot:
    """A place in the deployment: one command, run by one process after another."""

    def __init__(self, nursery: Nursery, name: str, *argv: str) -> None:
        self.name = name
        self.lives = 0
        self.pid: int | None = None
        self._nursery = nursery
        self._argv = argv

    def start(self) -> None:
        self.pid = self._nursery.spawn(self.name, *self._argv)
        self.lives += 1

    def is_alive(self) -> bool:
        if self.pid is None:
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            self.pid = None
            return False
        return True

    def signal(self, number: signal.Signals) -> bool:
        """Send it a signal; False where nobody is there."""
        if self.pid is None:
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            self.pid = None
            return False
        return True

    def kill(self) -> int | None:
        """End it with -9; returns who died."""
        died = self.pid
        if not self.signal(signal.SIGKILL):
            return None
        self.pid = None
        return died

    def set_clock(self, off_seconds: float) -> None:
        clock = self._nursery.clock(self.name)
        aside = clock.with_suffix(".new")
        aside.write_text(str(off_seconds))
        aside.replace(clock)


if __name__ == "__main__":
    main()
