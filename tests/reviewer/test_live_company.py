"""Who looks and who types is told to those who can see it, while it is so, and rendered once for all rows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.conf import settings
from django.contrib.auth.models import User

from hitl.models import Interrupt
from reviewer import leases, talk
from reviewer.live import presence, wire
from tests.reviewer.factories import question
from tests.reviewer.live import NEVER, Desk, signed_in

pytestmark = pytest.mark.django_db(transaction=True)

ROW = "with-"


@pytest.fixture
async def desk(settings: Any, transactional_db: Any) -> AsyncIterator[Desk]:
    settings.ALLOWED_HOSTS = ["testserver"]
    desk = Desk(NEVER)
    yield desk
    await desk.close()


@pytest.fixture
async def asked(desk: Desk) -> Interrupt:
    return await sync_to_async(question)()


async def beside(desk: Desk, user: User, asked: Interrupt) -> WebsocketCommunicator:
    socket = await desk.connect(user)
    await socket.send_json_to({"question": asked.pk})
    assert await socket.receive_json_from() == {"question": asked.pk}
    await settled(socket)
    return socket


async def settled(socket: WebsocketCommunicator) -> None:
    """Take what it was told, until nothing more comes."""
    while not await socket.receive_nothing():
        await socket.receive_from()


async def watching(desk: Desk, user: User, asked: Interrupt) -> WebsocketCommunicator:
    socket = await desk.connect(user)
    await socket.send_json_to({"queue": {"shown": [asked.pk]}})
    assert "queue" in await socket.receive_json_from()
    return socket


async def row_with(socket: WebsocketCommunicator, text: str) -> str:
    """The first row that says so."""
    async with asyncio.timeout(10):
        while True:
            message = await socket.receive_from(timeout=10)
            if text in json.loads(message).get("html", ""):
                return message


async def test_others_are_told_when_somebody_comes_and_goes(desk: Desk, asked: Interrupt, ana: User, ben: User) -> None:
    first = await beside(desk, ana, asked)
    second = await beside(desk, ben, asked)
    assert await first.receive_json_from() == {"question": asked.pk}
    assert presence.looking(asked.pk) == {"ana", "ben"}
    await second.disconnect()
    async with asyncio.timeout(10):
        while presence.looking(asked.pk) != {"ana"}:
            await first.receive_json_from()


async def test_a_second_page_of_the_same_person_is_no_news(desk: Desk, asked: Interrupt, ana: User, ben: User) -> None:
    first = await beside(desk, ana, asked)
    await beside(desk, ana, asked)
    assert await first.receive_nothing()
    assert presence.looking(asked.pk) == {"ana"}


async def test_all_rows_get_the_same_bytes(desk: Desk, asked: Interrupt, ana: User, ben: User, cleo: User) -> None:
    queues = [await watching(desk, user, asked) for user in (ben, cleo)]
    await beside(desk, ana, asked)
    first, second = [await row_with(queue, "ana looks") for queue in queues]
    assert first == second


async def test_a_row_says_who_is_waited_for(desk: Desk, asked: Interrupt, ana: User, ben: User) -> None:
    queue = await watching(desk, ben, asked)
    await sync_to_async(talk.say)(asked, by=ben, text="Which?", ask="ana")
    await row_with(queue, "waiting for ana")
    await sync_to_async(talk.say)(asked, by=ana, text="That one")
    assert "waiting" not in await row_with(queue, ROW)


async def test_typing_is_told_when_it_begins_and_when_it_ends(
    desk: Desk, asked: Interrupt, ana: User, ben: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await beside(desk, ben, asked)
    monkeypatch.setattr(leases, "TYPING_SECONDS", 3600)
    for _ in range(3):
        desk.hub.typed(asked.pk, "ana")
    assert await page.receive_json_from() == {"question": asked.pk}
    assert await page.receive_nothing(), "not with every letter"
    desk.hub.typed(asked.pk, "cleo")
    assert await page.receive_json_from() == {"question": asked.pk}
    monkeypatch.setattr(leases, "TYPING_SECONDS", 0.01)
    desk.hub.typed(asked.pk, "ana")
    assert await page.receive_json_from() == {"question": asked.pk}


async def test_a_socket_without_an_account_stands_beside_nothing(desk: Desk, asked: Interrupt) -> None:
    socket = desk.socket(await sync_to_async(signed_in)(None))
    await socket.connect()
    await socket.send_json_to({"question": asked.pk})
    assert (await socket.receive_output())["type"] == "websocket.close"
    assert presence.looking(asked.pk) == set()


@pytest.mark.parametrize("name", ["nothing", "\x00", "x" * 1000])
async def test_nobody_looks_at_what_is_not_there(desk: Desk, ana: User, name: str) -> None:
    socket = await desk.connect(ana)
    await socket.send_json_to({"question": name})
    assert await socket.receive_nothing()
    assert presence.looking(name) == set()


def test_a_process_that_died_leaves_nobody_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(presence, "monotonic", lambda: now)
    presence.told("dead", "q1", ["ana"])
    presence.told("alive", "q1", ["ben"])
    now += presence.KEPT_SECONDS - 1
    assert not presence.told("alive", "q1", ["ben"])
    now += 2
    assert presence.forget_old() == {"q1"}
    assert presence.looking("q1") == {"ben"}
    assert presence.told("alive", "q1", [])


@pytest.mark.postgres
@pytest.mark.redis
@pytest.mark.skipif("sqlite3" in settings.DATABASES["default"]["ENGINE"], reason="needs a wire")
async def test_who_looks_at_another_process_is_seen_here(desk: Desk, asked: Interrupt, ana: User) -> None:
    page = await beside(desk, ana, asked)
    line = wire.wire()
    assert line is not None
    text = json.dumps(["another process", "present", "its hub", asked.pk, ["ben"]])
    async with asyncio.timeout(10):
        while await page.receive_nothing(timeout=0.05):
            await asyncio.to_thread(line.send, text)
    assert presence.looking(asked.pk) == {"ana", "ben"}
    presence.told("its hub", asked.pk, [])
