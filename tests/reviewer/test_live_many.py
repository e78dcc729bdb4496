"""Many sockets cost one reading, and one that does not read keeps none of the others waiting."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.db import connection
from django.test.signals import template_rendered
from django.test.utils import CaptureQueriesContext

from bench import filling
from hitl.models import Interrupt
from reviewer.live import asgi, watch
from reviewer.live.hub import spread
from reviewer.live.subscriber import MAX_WAITING
from tests.reviewer.journal import Journal
from tests.reviewer.live import NEVER, Desk, signed_in

pytestmark = pytest.mark.django_db(transaction=True)

SOCKETS = 25
FRAGMENT = "reviewer/events/fragment.html"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk(NEVER)
    yield desk
    await desk.close()


@pytest.fixture
def journal(settings: Any, transactional_db: Any) -> Journal:
    settings.ALLOWED_HOSTS = ["testserver"]
    journal = Journal("t1")
    journal.add("input", value="foo", workflow="graph", by_name="ana", channel="web")
    return journal


@pytest.fixture
def rendered() -> Any:
    """The names of the templates that are rendered meanwhile, in whichever thread."""
    names: list[str] = []

    def note(*, template: Any, **_: Any) -> None:
        names.append(template.name)

    template_rendered.connect(note)
    yield names
    template_rendered.disconnect(note)


async def add(journal: Journal, name: str) -> None:
    await sync_to_async(journal.add)("task", path=name, name=name, value=name)


async def test_a_fact_is_read_and_rendered_once_for_all_sockets(
    desk: Desk, journal: Journal, cleo: User, rendered: list[str]
) -> None:
    sockets = [await desk.follow(cleo, "t1", after=1) for _ in range(SOCKETS)]
    for socket in sockets:
        await socket.receive_json_from()
    await add(journal, "step_1")
    rendered.clear()
    desk.hub.moved(["t1"])
    messages = {await socket.receive_from() for socket in sockets}
    assert len(messages) == 1
    assert rendered.count(FRAGMENT) == 1


async def test_those_who_come_back_with_the_same_gap_share_its_reading(
    desk: Desk, journal: Journal, cleo: User, rendered: list[str]
) -> None:
    await add(journal, "step_1")
    sockets = [await desk.follow(cleo, "t1", after=1) for _ in range(SOCKETS)]
    messages = {await socket.receive_from() for socket in sockets}
    assert len(messages) == 1
    assert rendered.count(FRAGMENT) == 1
    late = await desk.follow(cleo, "t1", after=0)
    assert (await late.receive_json_from())["seq"] == 2, "another gap is read for itself"
    assert rendered.count(FRAGMENT) == 2
    await add(journal, "step_2")
    desk.hub.moved(["t1"])
    assert (await late.receive_json_from())["seq"] == 3
    again = await desk.follow(cleo, "t1", after=1)
    assert (await again.receive_json_from())["seq"] == 3, "what was read before the thread moved is not told again"


async def test_one_who_goes_while_a_shared_gap_is_read_takes_it_from_nobody(
    desk: Desk, journal: Journal, cleo: User
) -> None:
    goes, stays = [await desk.connect(cleo) for _ in range(2)]
    for socket in (goes, stays):
        await socket.send_json_to({"thread": "t1", "after": 0})
    await goes.disconnect()
    assert (await stays.receive_json_from())["seq"] == 1


class Stuck:
    """A connection whose other end takes nothing until it is released."""

    def __init__(self, desk: Desk, user: User, subscription: dict[str, Any]) -> None:
        self.desk = desk
        self.user = user
        self.got: list[dict[str, Any]] = []
        self.released = asyncio.Event()
        self._asked: asyncio.Queue[Any] = asyncio.Queue()
        self._asked.put_nowait({"type": "websocket.connect"})
        self._asked.put_nowait({"type": "websocket.receive", "text": json.dumps(subscription)})

    async def open(self) -> None:
        client = await sync_to_async(signed_in)(self.user)
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        headers = [(b"host", b"testserver"), (b"origin", b"http://testserver"), (b"cookie", cookies.encode())]
        scope = {"type": "websocket", "path": asgi.socket_path(), "headers": headers, "query_string": b""}
        self._serving = asyncio.create_task(self.desk.application(scope, self._asked.get, self._send))

    async def _send(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            await self.released.wait()
            self.got.append(json.loads(message["text"]))

    async def close(self) -> None:
        self._asked.put_nowait({"type": "websocket.disconnect", "code": 1001})
        with suppress(Exception):
            await self._serving


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)


async def test_a_socket_that_takes_nothing_costs_a_few_messages_and_delays_nobody(
    desk: Desk, journal: Journal, ben: User, cleo: User
) -> None:
    stuck = Stuck(desk, ben, {"thread": "t1", "after": 0})
    await stuck.open()
    await until(lambda: any(one.user_id == ben.pk and one.sent for one in desk.hub.connections))
    (slow,) = [one for one in desk.hub.connections if one.user_id == ben.pk]
    quick = await desk.follow(cleo, "t1", after=1)
    await quick.receive_json_from()
    for number in range(MAX_WAITING + 10):
        await add(journal, f"step_{number}")
        desk.hub.moved(["t1"])
        assert (await quick.receive_json_from())["seq"] == number + 2
    assert len(slow._waiting) <= MAX_WAITING and "t1" in slow.behind
    stuck.released.set()
    await until(lambda: bool(stuck.got) and stuck.got[-1]["seq"] == journal.seq)
    seqs = [message["seq"] for message in stuck.got]
    assert seqs == sorted(set(seqs)) and len(seqs) <= MAX_WAITING + 3
    html = "".join(message["html"] for message in stuck.got)
    assert all(f">step_{number}<" in html for number in range(MAX_WAITING + 10))
    await stuck.close()


class TestComparing:
    """What a thousand queue pages are told takes as many queries as what one is told."""

    @pytest.fixture
    def questions(self, transactional_db: Any) -> list[Interrupt]:
        filling.fill(1_300, pending=1_200)
        return list(Interrupt.objects.pending().page(after=None, order="newest"))

    def test_a_thousand_watches_are_compared_together(self, questions: list[Interrupt]) -> None:
        watches = [
            watch.Watch(
                since=(questions[at].asked_at, questions[at].id),
                shown=frozenset(one.id for one in questions[at : at + 50]),
            )
            for at in range(400)
        ] * 3
        with CaptureQueriesContext(connection) as asked:
            states = watch.compare(watches)
        assert len(asked) <= 4
        assert [state.new for state in states[:400]] == list(range(400))
        assert {state.gone for state in states} == {0}
        assert {state.waiting for state in states} == {1001}, "more than a thousand is not counted"

    def test_rows_are_looked_up_however_many_there_are(self, questions: list[Interrupt]) -> None:
        ids = [one.id for one in questions] + [f"gone-{number}" for number in range(2_000)]
        assert Interrupt.objects.still_pending(ids) == {one.id for one in questions}
        Interrupt.objects.among([questions[-1].id]).update(status="answered")
        (state,) = watch.compare([watch.Watch(shown=frozenset(one.id for one in questions[-50:]))])
        assert (state.new, state.gone) == (500, 1)

    def test_each_filter_counts_its_own(self, questions: list[Interrupt]) -> None:
        since = (questions[100].asked_at, questions[100].id)
        wanted = [
            watch.Filter(),
            watch.Filter(workflow="filled.3"),
            watch.Filter(words=("refund", "hundredth7")),
            watch.Filter(assignee_id=7),
        ]
        states = watch.compare([watch.Watch(since=since, filter=one) for one in wanted])
        assert [state.new for state in states] == [100, 10, 11, 0]


@pytest.mark.parametrize(("pages", "said"), [(1, {}), (100, {}), (101, {"within": 1.0}), (1_000, {"within": 10.0})])
def test_a_crowd_is_told_to_ask_one_after_another(pages: int, said: dict[str, float]) -> None:
    assert spread(pages) == said
