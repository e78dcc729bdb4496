"""`manage.py hitl worker` as a process of its own.

worker = Worker(home, "--concurrency", "2", DATABASE_URL=…, HITL_EXECUTOR=…)
worker.start()              returns when it executes
worker.kill()               as a power cut would
worker.stop()               as a deployment does; returns the exit code
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.services import Unavailable, server
from tests.services.desk import ROOT

START_SECONDS = 60
STOP_SECONDS = 60
READY = "Ctrl-C ends it"
# What would lead the process to somebody else's data.
FOREIGN = ("DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL", "HITL_EXECUTOR", "DEBUG", "LOG_LEVEL")


class Worker:
    """One worker process at a time, with its log in `home`; `environment` is added to that of the tests."""

    def __init__(self, home: Path, *arguments: str, name: str = "worker", **environment: str) -> None:
        self.arguments = arguments
        self.environment = {name: value for name, value in os.environ.items() if name not in FOREIGN} | {
            "DATA_DIR": str(home),
            "SECRET_KEY": "of a worker that lives as long as a test",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        self.process: subprocess.Popen[bytes] | None = None
        self._log = home / f"log-{name}"

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    @property
    def pid(self) -> int:
        assert self.process is not None, "it does not run"
        return self.process.pid

    def start(self) -> None:
        """Start the process and wait until it executes."""
        assert self.process is None, "it runs already"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "hitl", "worker", *self.arguments],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while READY not in self.log:
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise Unavailable(f"the worker did not start:\n{self.log[-3000:]}")
            time.sleep(0.02)

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self) -> int:
        """Wait for its end, and return its exit code."""
        assert self.process is not None
        try:
            return self.process.wait(STOP_SECONDS)
        finally:
            self.kill()

    def stop(self) -> int:
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it as `kill -9` does, if it runs."""
        if self.process is not None:
            server.stop(self.process, signal.SIGKILL)
            self.process = None
