"""What another process does is live here: over PostgreSQL's NOTIFY, or a Redis channel layer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User

from reviewer.live import bridge, codes, wire
from reviewer.live.hub import Hub
from reviewer.live.wire import LayerWire, PostgresWire, Wire
from tests.reviewer.journal import Journal
from tests.reviewer.live import NEVER, Desk, closed_with, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


class Recorder(Hub):
    """A hub that only remembers what it is told."""

    def __init__(self) -> None:
        super().__init__(NEVER)
        self.told: list[object] = []

    def moved(self, thread_ids: object) -> None:
        self.told.append(thread_ids)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk(NEVER)
    yield desk
    await desk.close()


async def from_another_process(line: Wire, *what: object) -> None:
    """Say it again until it was heard: a listener that is still connecting hears nothing."""
    await asyncio.to_thread(line.send, json.dumps(["another process", *what]))


async def is_heard(line: Wire) -> None:
    heard = asyncio.Event()
    listening = asyncio.create_task(line.hear(lambda text: heard.set()))
    try:
        async with asyncio.timeout(10):
            while not heard.is_set():
                await asyncio.to_thread(line.send, "hello")
                await asyncio.sleep(0)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)


@pytest.mark.postgres
@pytest.mark.skipif("postgresql" not in settings.DATABASES["default"]["ENGINE"], reason="needs PostgreSQL")
async def test_notify_carries_a_text() -> None:
    await is_heard(PostgresWire("default"))


@pytest.mark.redis
@pytest.mark.skipif("redis" not in settings.CHANNEL_LAYERS["default"]["BACKEND"], reason="needs Redis")
async def test_a_channel_layer_carries_a_text() -> None:
    line = wire.wire()
    assert isinstance(line, LayerWire)
    await is_heard(line)


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.skipif("sqlite3" in settings.DATABASES["default"]["ENGINE"], reason="needs a wire")
async def test_a_fact_that_another_process_wrote_is_shown_here(desk: Desk, cleo: User) -> None:
    journal = await sync_to_async(Journal)("t1")
    socket = await desk.follow(cleo, "t1")
    await socket.receive_json_from()
    await sync_to_async(journal.add)("task", path="11", name="step_1", value="x")
    line = wire.wire()
    assert line is not None
    async with asyncio.timeout(10):
        while await socket.receive_nothing(timeout=0.05):
            await from_another_process(line, "moved", ["t1"])
    assert (await socket.receive_json_from())["seq"] == 1


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.skipif("sqlite3" in settings.DATABASES["default"]["ENGINE"], reason="needs a wire")
async def test_signing_out_at_another_process_closes_the_socket_here(desk: Desk, cleo: User) -> None:
    client = await sync_to_async(signed_in)(cleo)
    socket = desk.socket(client)
    await socket.connect()
    line, session = wire.wire(), bridge.digest(client.session.session_key or "")
    assert line is not None
    async with asyncio.timeout(10):
        while await socket.receive_nothing(timeout=0.05):
            await from_another_process(line, "signed_out", session)
    assert await closed_with(socket) == codes.SIGNED_OUT


@pytest.mark.parametrize(
    "text", ["", "x", "{}", "[]", "1", json.dumps(["other", "stop"]), json.dumps([bridge.ME, "moved", ["t1"]])]
)
async def test_what_makes_no_sense_or_comes_from_here_is_left_alone(text: str) -> None:
    hub = Recorder()
    bridge.heard(hub, text)
    assert hub.told == []


async def test_what_others_say_moved_has_moved() -> None:
    hub = Recorder()
    bridge.heard(hub, json.dumps(["other", "moved", ["t1"]]))
    assert hub.told == [["t1"]]


def test_many_long_ids_are_told_in_pieces_that_fit() -> None:
    ids = [f"{number:03}" + "ü" * 190 for number in range(100)]
    pieces = list(bridge.pieces(ids))
    assert [thread_id for piece in pieces for thread_id in piece] == ids
    assert all(len(json.dumps([bridge.ME, "moved", piece])) < 8000 for piece in pieces)


def test_a_database_that_is_not_there_is_left_to_the_system_checks(settings: Any) -> None:
    settings.CHANNEL_LAYERS = {}
    settings.HITL_DATABASE = "elsewhere"
    assert wire.wire() is None
