"""A thousand sockets on one web process, and what a queue event costs there.

The desk runs as it is deployed, in a process of its own; the sockets and the person who answers are here.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from statistics import median
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from bench import asking, report
from bench.cost import Cost
from bench.latency import prepared
from reviewer.demo.people import PASSWORD
from tests.services.desk import Desk
from tests.services.server import directory
from tests.services.visitor import Visitor

TITLE = "A thousand sockets on one web process"
NOTE = """Each socket watches the queue as a page of it does, and follows two threads. A question of the page is
answered with a POST, and the time runs from there to the message over each socket that says that a row has left;
likewise for the answer to a thread that is followed, to the rendered facts that show it as finished. Slow readers have
the same subscriptions and take nothing off their sockets; the system's buffers hold most of what they are sent here,
and a test (tests/reviewer/test_live_many.py) shows what happens when those are full. The sockets are opened and read on
the same machine, in one other process, whose own work for a thousand messages is in the times. Embedded tier, answers
are not held for an undo; processor and memory are the web process's."""
SOCKETS, SLOW, EVENTS = 1_000, 50, 20
OPENING_AT_ONCE = 20
PATIENCE_SECONDS = 60
MOST_MS = 500

Message = dict[str, Any]


class Reader:
    """One socket, read as messages come."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: asyncio.Queue[tuple[float, Message]] = asyncio.Queue()
        self.reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for text in self.socket:
            self.seen.put_nowait((time.perf_counter(), json.loads(text)))

    async def until(self, holds: Callable[[Message], bool]) -> float:
        """When the first message came for which it holds."""
        while True:
            when, message = await self.seen.get()
            if holds(message):
                return when


def measure() -> str:
    with directory("bench") as home:
        desk = Desk(home, HITL_WORKFLOWS="bench.asking", HITL_UNDO_SECONDS="0")
        desk.prepare()
        try:
            desk.start()
            return asyncio.run(measured(desk))
        finally:
            desk.kill()


async def measured(desk: Desk) -> str:
    assert desk.process
    pid = desk.process.pid
    visitor = Visitor(desk.url)
    visitor.sign_in("ben", password=PASSWORD)
    asked = await asyncio.to_thread(asking.questions, desk, 2 * (EVENTS + 1))
    visitor.get("/")
    warm = Cost.of(pid)
    rows: list[list[str]] = []
    cost: list[list[str]] = [["before the sockets", f"{warm.megabytes:.0f}", ""]]
    sockets: list[ClientConnection] = []
    try:
        begun = time.perf_counter()
        readers = await gathered(desk, visitor, asked, sockets)
        opened = Cost.of(pid)
        spent = opened.seconds - warm.seconds
        cost.append(
            [
                f"{SOCKETS:,} sockets opened in {time.perf_counter() - begun:.1f} s",
                f"{opened.megabytes:.0f}",
                f"{spent:.1f}",
            ]
        )
        half = len(asked) // 2
        rows += await told("", readers, visitor, asked[:half], pid, cost)
        for _ in range(SLOW):
            slow = await open_socket(desk, visitor, subscriptions(asked))
            slow.transport.pause_reading()
            sockets.append(slow)
        rows += await told(f", {SLOW} slow readers beside them", readers, visitor, asked[half:], pid, cost)
        for reader in readers:
            reader.reading.cancel()
    finally:
        for socket in sockets:
            with suppress(Exception):
                socket.transport.abort()
    times = report.table(("event, over all sockets", "p50, ms", "p95, ms", "worst, ms", "p95 at most, ms", ""), rows)
    return f"{times}\n\n{report.table(('the web process', 'memory, MB', 'processor, s'), cost)}"


def subscriptions(asked: Sequence[Message]) -> list[Message]:
    """Of a page that shows these questions, and of a run's page for the last of them but one half."""
    shown = [one["id"] for one in asked]
    followed = [asked[len(asked) // 2 - 1], asked[-1]]
    return [
        {"queue": {"since": asked[-1]["cursor"], "shown": shown}},
        *({"thread": one["thread"], "after": 0} for one in followed),
    ]


async def open_socket(desk: Desk, visitor: Visitor, wanted: Sequence[Message]) -> ClientConnection:
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.cookies)
    socket = await connect(
        desk.url.replace("http", "ws", 1) + "/ws/",
        additional_headers={"Cookie": cookies, "Origin": desk.url},
        open_timeout=PATIENCE_SECONDS,
        ping_interval=None,
    )
    for one in wanted:
        await socket.send(json.dumps(one))
    return socket


async def gathered(
    desk: Desk, visitor: Visitor, asked: Sequence[Message], sockets: list[ClientConnection]
) -> list[Reader]:
    """A thousand readers, each with an answer to each of its subscriptions."""
    few, wanted = asyncio.Semaphore(OPENING_AT_ONCE), subscriptions(asked)

    async def one() -> Reader:
        async with few:
            socket = await open_socket(desk, visitor, wanted)
            sockets.append(socket)
            reader = Reader(socket)
            for _ in wanted:
                await reader.seen.get()
            return reader

    return await asyncio.gather(*(one() for _ in range(SOCKETS)))


async def told(
    how: str, readers: Sequence[Reader], visitor: Visitor, asked: Sequence[Message], pid: int, cost: list[list[str]]
) -> list[list[str]]:
    """Answer them one by one: those before the last are rows that leave, the last is a run that is followed."""
    *leaving, followed = asked
    before = Cost.of(pid)
    seen: list[float] = []
    for question in leaving:
        seen += await all_hear(readers, visitor, question["id"], lambda message: bool(message.get("queue")))
    after = Cost.of(pid)
    spent = (after.seconds - before.seconds) / len(leaving)
    cost.append([f"an answer told to all{how}", f"{after.megabytes:.0f}", f"{spent:.2f}"])
    thread = followed["thread"]

    def finished(message: Message) -> bool:
        return message.get("thread") == thread and 'data-state="finished"' in message["html"]

    run = await all_hear(readers, visitor, followed["id"], finished)
    return [cells(f"a row leaves the queue{how}", seen), cells(f"a run is finished{how}", run)]


async def all_hear(
    readers: Sequence[Reader], visitor: Visitor, question_id: str, holds: Callable[[Message], bool]
) -> list[float]:
    """Milliseconds from the answer's POST to each reader."""
    send = await asyncio.to_thread(prepared, question_id, visitor)
    for reader in readers:
        while not reader.seen.empty():
            reader.seen.get_nowait()
    hearing = [asyncio.create_task(reader.until(holds)) for reader in readers]
    begun = time.perf_counter()
    sending = asyncio.create_task(asyncio.to_thread(send))
    async with asyncio.timeout(PATIENCE_SECONDS):
        whens = await asyncio.gather(*hearing)
        await sending
    # What the answer moves besides is told by then, and belongs to no other answer.
    await asyncio.sleep(1)
    return [(when - begun) * 1000 for when in whens]


def cells(what: str, seen: Sequence[float]) -> list[str]:
    p95 = sorted(seen)[int(len(seen) * 0.95)]
    figures = f"{median(seen):.0f}", f"{p95:.0f}", f"{max(seen):.0f}", str(MOST_MS)
    return [what, *figures, "reached" if p95 <= MOST_MS else "**missed**"]
