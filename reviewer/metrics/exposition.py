"""One scrape: everything there is to tell, in the format that the scraper asks for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from reviewer.metrics import instruments
from reviewer.metrics.backlog import Backlog


class Counted:
    """What this process has counted."""

    def collect(self) -> Iterable[Metric]:
        return REGISTRY.collect()


def page(accept: str) -> tuple[bytes, str]:
    """The text of a scrape and its content type. accept: the scraper's header."""
    registry = CollectorRegistry()
    shared = instruments.directory()
    instruments.get()
    if shared is None:
        registry.register(Counted())
    else:
        forget_dead(shared)
        MultiProcessCollector(registry, path=str(shared))  # type: ignore[no-untyped-call]
    registry.register(Backlog())
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


def forget_dead(shared: Path) -> None:
    """Let processes that are gone have no sockets any more; what they counted stays counted."""
    for path in shared.glob("gauge_live*_*.db"):
        pid = path.stem.rpartition("_")[2]
        if pid.isdigit() and not is_running(int(pid)):
            mark_process_dead(int(pid), path=str(shared))  # type: ignore[no-untyped-call]


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
