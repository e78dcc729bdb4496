"""A process that executes runs and serves no pages: `manage.py hitl sweep --forever`."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

from tests.services import Unavailable, server
from tests.services.desk import ROOT, Desk

START_SECONDS = 40
READY = "Sweeping and executing"


class Worker:
    """On the data of a desk; starts and dies as a desk does."""

    def __init__(self, desk: Desk, name: str) -> None:
        self._desk = desk
        self._log = desk.home / f"log-{name}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it executes."""
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "hitl", "sweep", "--forever"],
                cwd=ROOT,
                env=self._desk.environment,
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

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def kill(self) -> None:
        """End it as `kill -9` does."""
        if self.process is not None:
            server.stop(self.process, signal.SIGKILL)
            self.process = None
