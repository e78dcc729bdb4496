"""The chaos test's people (`tests.chaos.driver`) as a process beside the servers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.services.desk import ROOT, Desk


@contextmanager
def driver(desk: Desk, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.driver", *arguments],
        cwd=ROOT,
        env=desk.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def settled(desk: Desk) -> dict[str, Any]:
    with driver(desk, "settle") as process:
        printed, _ = process.communicate(timeout=180)
    report: dict[str, Any] = json.loads(printed)
    return report
