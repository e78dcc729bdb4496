"""The soak test's people (`tests.soak.driver`) as a process beside the servers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.services.desk import ROOT, Desk


@contextmanager
def driver(desk: Desk, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.soak.driver", *arguments],
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


def settled(desk: Desk) -> dict[str, str]:
    """Answer what is open until every thread is done; the state of each."""
    with driver(desk, "settle") as process:
        printed, _ = process.communicate(timeout=180)
    states: dict[str, str] = json.loads(printed)
    return states
