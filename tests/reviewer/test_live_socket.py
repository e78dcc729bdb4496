"""A socket brings every fact once, in order, to whoever may see it, and nothing to anybody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth.models import User
from django.urls import reverse

from reviewer.live import asgi, codes, reader
from reviewer.live.hub import Hub, Pace
from tests.reviewer.journal import Journal
from tests.reviewer.live import NEVER, Desk, closed_with, no_http, signed_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    desk = Desk(getattr(request, "param", NEVER))
    yield desk
    await desk.close()


@pytest.fixture
def journal(settings: Any, transactional_db: Any) -> Journal:
    settings.ALLOWED_HOSTS = ["testserver"]
    journal = Journal("t1")
    journal.add("input", value="foo", workflow="graph", by_name="ana", channel="web")
    journal.add("task", path="11", name="step_1", value="foo bar")
    return journal


async def add(journal: Journal, name: str) -> None:
    await sync_to_async(journal.add)("task", path=name, name=name, value=name)


async def test_a_page_gets_what_it_has_not_seen_and_then_what_comes(desk: Desk, journal: Journal, cleo: User) -> None:
    socket = await desk.follow(cleo, "t1", after=1)
    first = await socket.receive_json_from()
    assert first["seq"] == 2
    assert "step_1" in first["html"] and "started" not in first["html"]
    await add(journal, "step_2")
    desk.hub.moved(["t1"])
    second = await socket.receive_json_from()
    assert second["seq"] == 3
    assert "step_2" in second["html"] and "step_1" not in second["html"]


async def test_a_page_that_has_seen_everything_is_answered_all_the_same(
    desk: Desk, journal: Journal, cleo: User
) -> None:
    socket = await desk.follow(cleo, "t1", after=2)
    message = await socket.receive_json_from()
    assert message["seq"] == 2 and 'data-in="events"' not in message["html"]


async def test_a_seq_from_the_future_does_not_keep_others_waiting(
    desk: Desk, journal: Journal, ben: User, cleo: User
) -> None:
    ahead = await desk.follow(ben, "t1", after=10**12)
    other = await desk.follow(cleo, "t1", after=2)
    await ahead.receive_json_from()
    await other.receive_json_from()
    await add(journal, "step_2")
    desk.hub.moved(["t1"])
    assert (await other.receive_json_from())["seq"] == 3
    assert (await ahead.receive_json_from())["seq"] == 3


async def test_two_pages_get_the_same_bytes(desk: Desk, journal: Journal, ben: User, cleo: User) -> None:
    sockets = [await desk.follow(user, "t1", after=2) for user in (ben, cleo)]
    for socket in sockets:
        await socket.receive_json_from()
    await add(journal, "step_2")
    desk.hub.moved(["t1"])
    first, second = [await socket.receive_from() for socket in sockets]
    assert first == second


async def test_moving_without_new_facts_sends_nothing(desk: Desk, journal: Journal, cleo: User) -> None:
    socket = await desk.follow(cleo, "t1", after=2)
    await socket.receive_json_from()
    desk.hub.moved(["t1", "t1"])
    assert await socket.receive_nothing()


async def test_a_reconnecting_page_goes_on_where_it_was(desk: Desk, journal: Journal, cleo: User) -> None:
    socket = await desk.follow(cleo, "t1", after=2)
    await socket.receive_json_from()
    await socket.disconnect()
    await add(journal, "step_2")
    await add(journal, "step_3")
    again = await desk.follow(cleo, "t1", after=2)
    message = await again.receive_json_from()
    assert message["seq"] == 4
    assert "step_2" in message["html"] and "step_3" in message["html"] and "step_1" not in message["html"]


async def test_a_socket_without_a_session_is_accepted_and_closed_with_4401(desk: Desk, journal: Journal) -> None:
    socket = await desk.connect(None)
    assert await closed_with(socket) == codes.SIGNED_OUT


async def test_a_socket_from_another_site_is_refused(desk: Desk, journal: Journal, cleo: User) -> None:
    assert not await desk.opens(cleo, origin="http://elsewhere.example")


async def test_a_thread_that_is_not_there_is_refused_and_the_socket_stays(
    desk: Desk, journal: Journal, cleo: User
) -> None:
    socket = await desk.follow(cleo, "nobody")
    assert await socket.receive_json_from() == {"thread": "nobody", "refused": True}
    await socket.send_json_to({"thread": "t1", "after": 0})
    assert (await socket.receive_json_from())["seq"] == 2


@pytest.mark.parametrize(
    "text",
    [
        "1",
        "nonsense",
        "[]",
        '"x"',
        '{"thread": "t1", "after": "x"}',
        '{"queue": 1}',
        '{"thread": "t1", "after": 1e999}',
        "[" * 60_000,
    ],
)
async def test_what_is_not_understood_closes_the_socket(desk: Desk, journal: Journal, cleo: User, text: str) -> None:
    socket = await desk.connect(cleo)
    await socket.send_to(text_data=text)
    assert await closed_with(socket) == codes.NOT_UNDERSTOOD


async def test_signing_out_closes_the_sockets_of_that_session_alone(desk: Desk, journal: Journal, cleo: User) -> None:
    client = await sync_to_async(signed_in)(cleo)
    socket = desk.socket(client)
    await socket.connect()
    elsewhere = await desk.follow(cleo, "t1")
    await elsewhere.receive_json_from()
    await sync_to_async(client.post)(reverse("reviewer:logout"))
    assert await closed_with(socket) == codes.SIGNED_OUT
    assert await elsewhere.receive_nothing()


async def test_deactivating_an_account_closes_its_sockets_at_once(desk: Desk, journal: Journal, cleo: User) -> None:
    socket = await desk.follow(cleo, "t1")
    await socket.receive_json_from()
    cleo.is_active = False
    await sync_to_async(cleo.save)()
    assert await closed_with(socket) == codes.SIGNED_OUT


@pytest.mark.parametrize("desk", [Pace(watch_seconds=0.01, compare_seconds=0.01, recheck_seconds=0)], indirect=True)
async def test_an_account_changed_behind_our_back_is_found_at_the_next_check(
    desk: Desk, journal: Journal, cleo: User
) -> None:
    socket = await desk.follow(cleo, "t1")
    await socket.receive_json_from()
    await User.objects.filter(pk=cleo.pk).aupdate(is_active=False)
    assert await closed_with(socket) == codes.SIGNED_OUT


@pytest.mark.parametrize("desk", [Pace(watch_seconds=0.01, compare_seconds=0.01, life_seconds=0)], indirect=True)
async def test_a_socket_does_not_live_for_ever(desk: Desk, journal: Journal, cleo: User) -> None:
    socket = await desk.connect(cleo)
    assert await closed_with(socket) == codes.RENEW


@pytest.mark.parametrize("desk", [Pace(watch_seconds=0.01, compare_seconds=0.01)], indirect=True)
async def test_a_move_that_nobody_announced_is_found_by_comparing(desk: Desk, journal: Journal, cleo: User) -> None:
    socket = await desk.follow(cleo, "t1", after=2)
    await socket.receive_json_from()
    await add(journal, "step_2")
    assert (await socket.receive_json_from())["seq"] == 3


@pytest.mark.parametrize("desk", [Pace(watch_seconds=0.01, compare_seconds=3600)], indirect=True)
@pytest.mark.skipif("sqlite3" not in settings.DATABASES["default"]["ENGINE"], reason="SQLite has no other way")
async def test_on_sqlite_a_change_of_the_file_is_enough(desk: Desk, journal: Journal, cleo: User) -> None:
    socket = await desk.follow(cleo, "t1", after=2)
    await socket.receive_json_from()
    await add(journal, "step_2")
    assert (await socket.receive_json_from())["seq"] == 3


async def test_a_new_question_and_one_that_left_are_told_to_the_queue(desk: Desk, journal: Journal, cleo: User) -> None:
    old = await sync_to_async(journal.ask)("a" * 32, "Old?")
    socket = await desk.connect(cleo)
    since = f"{old.asked_at.isoformat()}_{old.id}"
    await socket.send_json_to({"queue": {"since": since, "shown": [old.id]}})
    assert await socket.receive_json_from() == {"queue": {"new": 0, "gone": 0, "waiting": 1}}
    await sync_to_async(journal.ask)("b" * 32, "New?")
    desk.hub.moved(["t1"])
    assert await socket.receive_json_from() == {"queue": {"new": 1, "gone": 0, "waiting": 2}}
    old.status = "answered"
    await old.asave()
    desk.hub.moved(["t1"])
    assert await socket.receive_json_from() == {"queue": {"new": 1, "gone": 1, "waiting": 1}}


@pytest.mark.parametrize(
    ("watch", "new"),
    [
        ({}, 1),
        ({"workflow": "graph"}, 1),
        ({"workflow": "other"}, 0),
        ({"q": "nEw"}, 1),
        ({"q": "x"}, 0),
        ({"mine": 1}, 0),
    ],
)
async def test_the_queue_counts_as_new_what_its_filter_lets_through(
    desk: Desk, journal: Journal, cleo: User, watch: dict[str, Any], new: int
) -> None:
    await sync_to_async(journal.ask)("b" * 32, "New?")
    socket = await desk.connect(cleo)
    await socket.send_json_to({"queue": watch})
    assert (await socket.receive_json_from())["queue"]["new"] == new


async def test_http_goes_to_the_application_that_was_given() -> None:
    seen: list[str] = []

    async def http(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["path"])

    live = asgi.application(http, hub=Hub(NEVER))
    await live({"type": "http", "path": "/x"}, asyncio.Queue().get, asyncio.Queue().put)
    await live.stop()
    assert seen == ["/x"]


async def test_the_server_starts_and_stops_the_hub() -> None:
    live = asgi.application(no_http, hub=Hub(NEVER))
    said: asyncio.Queue[Any] = asyncio.Queue()
    heard: asyncio.Queue[Any] = asyncio.Queue()
    server = asyncio.create_task(live({"type": "lifespan"}, said.get, heard.put))
    await said.put({"type": "lifespan.startup"})
    assert (await heard.get())["type"] == "lifespan.startup.complete"
    assert live.hub.loop is asyncio.get_running_loop()
    await said.put({"type": "lifespan.shutdown"})
    assert (await heard.get())["type"] == "lifespan.shutdown.complete"
    await server
    assert live.hub.loop is None


def test_a_message_is_json_that_a_page_can_read(journal: Journal) -> None:
    message = reader.message("t1", after=0, languages=["en"])
    assert json.loads(message.texts["en"])["seq"] == message.seq == 2
