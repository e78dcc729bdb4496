"""A server that works for long needs no more memory, files or connections than after a while.

`HITL_SOAK_SECONDS` (600) is how long people start threads, answer questions and read pages.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from reviewer.demo.people import PASSWORD
from tests.services import postgres
from tests.services.desk import Desk
from tests.services.server import directory
from tests.services.visitor import Visitor
from tests.soak.people import driver, settled

SECONDS = float(os.environ.get("HITL_SOAK_SECONDS", "600"))
# Caches, pools and the allocator are full by then.
WARM_UP_SHARE = 0.3
MAX_MEMORY_GROWTH = 1.2
MAX_MORE_FILES = 10

pytestmark = pytest.mark.soak


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def desk(request: pytest.FixtureRequest) -> Iterator[Desk]:
    with ExitStack() as stack:
        home = stack.enter_context(directory("soak"))
        environment = {
            "DJANGO_SETTINGS_MODULE": "reviewer.settings",
            "HITL_WORKFLOWS": "tests.soak.workflows",
            # Server and people alone, also on PostgreSQL.
            "HITL_EXECUTOR": "hitl.executors.inprocess.InProcess",
        }
        if request.param == "postgres":
            environment["DATABASE_URL"] = stack.enter_context(postgres.database(os.environ["DATABASE_URL"]))
        desk = Desk(home, **environment)
        desk.prepare()
        desk.start()
        stack.callback(desk.stop)
        yield desk


def memory_kilobytes(desk: Desk) -> int:
    assert desk.process is not None
    status = Path(f"/proc/{desk.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def open_files(desk: Desk) -> int:
    assert desk.process is not None
    return len(list(Path(f"/proc/{desk.process.pid}/fd").iterdir()))


def work(visitor: Visitor, *, seconds: float) -> None:
    """Read what people read, all the time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for page in ("/", "/runs/", "/start/"):
            visitor.get(page)


def test_memory_files_and_connections_stay_as_they_are(desk: Desk) -> None:
    visitor = Visitor(desk.url)
    visitor.sign_in("ben", password=PASSWORD)
    with driver(desk, "drive", "soak"):
        work(visitor, seconds=SECONDS * WARM_UP_SHARE)
        memory, files = memory_kilobytes(desk), open_files(desk)
        work(visitor, seconds=SECONDS * (1 - WARM_UP_SHARE))
    assert set(settled(desk).values()) == {"idle"}
    assert open_files(desk) <= files + MAX_MORE_FILES
    assert memory_kilobytes(desk) <= memory * MAX_MEMORY_GROWTH
    desk.manage("hitl", "doctor", "--rebuild")
