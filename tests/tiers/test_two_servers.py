"""Two web processes and a worker on one PostgreSQL are one desk, told by NOTIFY or, where there is one, by Redis."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from websockets.exceptions import ConnectionClosed

from reviewer.demo.people import PASSWORD
from reviewer.live import codes
from tests.services import postgres
from tests.services.desk import Desk
from tests.services.server import directory
from tests.services.visitor import Visitor
from tests.services.worker import Worker

TIERS = [pytest.param("one database", marks=pytest.mark.postgres), pytest.param("big", marks=pytest.mark.redis)]


@pytest.fixture(scope="module", params=TIERS)
def desks(request: pytest.FixtureRequest) -> Iterator[tuple[Desk, Desk]]:
    """Two servers of one deployment, and the worker that executes its runs."""
    with ExitStack() as stack:
        environment = {"DATABASE_URL": stack.enter_context(postgres.database(os.environ["DATABASE_URL"]))}
        if request.param == "big":
            environment["REDIS_URL"] = os.environ["REDIS_URL"]
        home = stack.enter_context(directory("desks"))
        here, there = Desk(home, **environment), Desk(home, **environment)
        here.prepare()
        worker = Worker(home, **{name: here.environment[name] for name in ("SECRET_KEY", *environment)})
        for process in (here, there, worker):
            stack.callback(process.kill)
            process.start()
        yield here, there


@pytest.fixture
def ben(desks: tuple[Desk, Desk]) -> Visitor:
    """Ben, signed in at the first server, and so at both."""
    visitor = Visitor(desks[0].url)
    visitor.sign_in("ben", password=PASSWORD)
    return visitor


def test_a_question_asked_anywhere_reaches_the_queue_at_either(desks: tuple[Desk, Desk], ben: Visitor) -> None:
    with ben.socket() as here, ben.socket(at=desks[1].url) as there:
        for socket in (here, there):
            socket.send('{"queue": {}}')
        desks[0].manage("hitl", "start", "graph", "--input", "foo")
        for socket in (here, there):
            while json.loads(socket.recv(timeout=15))["queue"]["waiting"] != 1:
                continue


def test_what_a_worker_writes_reaches_the_page_of_a_run(desks: tuple[Desk, Desk], ben: Visitor) -> None:
    desks[0].manage("hitl", "start", "graph", "--input", "foo", "--thread", "watched")
    with ben.socket(at=desks[1].url) as socket:
        socket.send('{"thread": "watched", "after": 0}')
        seen = ""
        while "Please provide feedback" not in seen:
            seen += str(socket.recv(timeout=15))


def test_who_signs_out_at_one_is_signed_out_of_the_sockets_at_the_other(desks: tuple[Desk, Desk], ben: Visitor) -> None:
    with ben.socket(at=desks[1].url) as socket:
        # An answer shows that the socket is up and known by now.
        socket.send('{"thread": "no such thread"}')
        assert "refused" in str(socket.recv(timeout=10))
        ben.post("/accounts/logout/", form_on="/")
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(timeout=10)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == codes.SIGNED_OUT
