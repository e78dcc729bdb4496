"""What this process counts and times, in Prometheus's default registry: a project's own page of metrics has it too.

With PROMETHEUS_MULTIPROC_DIR set, the values live in files of that directory, and any process of the machine
tells those of all.
"""

from __future__ import annotations

import os
from pathlib import Path
from threading import Lock

from prometheus_client import Counter, Gauge, Histogram

# Legs are quick or as slow as what their tasks call; tasks may take hours.
RUN_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600, 3600)
# Half a minute, minutes, a working day, days, a month.
ANSWER_SECONDS = (30, 120, 600, 1800, 3600, 4 * 3600, 8 * 3600, 86400, 3 * 86400, 7 * 86400, 30 * 86400)

_lock = Lock()
_meters: Meters | None = None


class Meters:
    """The instruments, made once a process."""

    def __init__(self) -> None:
        self.run_seconds = Histogram(
            "hitl_run_seconds",
            "How long one leg of a workflow ran here, by how it ended.",
            ["workflow", "outcome"],
            buckets=RUN_SECONDS,
        )
        self.task_seconds = Histogram(
            "hitl_task_seconds",
            "How long one attempt of a task took, with the tasks it called, by how it ended.",
            ["workflow", "task", "outcome"],
            buckets=RUN_SECONDS,
        )
        self.answer_seconds = Histogram(
            "hitl_answer_seconds",
            "How long a question had waited when it was answered here.",
            ["workflow"],
            buckets=ANSWER_SECONDS,
        )
        self.lease_losses = Counter(
            "hitl_lease_losses", "Legs that were ended because another process had taken the thread.", ["workflow"]
        )
        self.facts = Counter("hitl_facts_written", "Facts committed by this process.")
        self.sweeps = Counter("hitl_sweeps", "Sweeps made by this process.")
        self.sweep_found = Counter(
            "hitl_sweep_found",
            "Held answers released, leases of dead processes freed, due starts begun, threads nudged.",
            ["what"],
        )
        self.sockets = Gauge("hitl_sockets", "Browsers connected to the live desk.", multiprocess_mode="livesum")


def get() -> Meters:
    """The instruments of this process."""
    global _meters
    if _meters is None:
        with _lock:
            _meters = _meters or _made()
    return _meters


def directory() -> Path | None:
    """Where the processes of this machine keep their values together, if they do."""
    path = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    return Path(path) if path else None


def _made() -> Meters:
    shared = directory()
    if shared is not None:
        shared.mkdir(parents=True, exist_ok=True)
    return Meters()
