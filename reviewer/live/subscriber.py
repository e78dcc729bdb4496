"""One connection's side of the hub.

Messages wait in a bounded queue. When it is full the connection has fallen behind: what it misses is not
kept for it, the thread is only marked, and once the queue has drained the connection reads the gap from the
journal itself. So a reader that stops reading costs a few messages of memory and delays nobody.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from reviewer.live.watch import Watch

MAX_WAITING = 32


class Closed(Exception):
    """The hub wants this connection closed, with `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


@dataclasses.dataclass(frozen=True, slots=True)
class Message:
    """What a thread's readers are sent: rendered and encoded once for all who read the same language."""

    thread_id: str
    seq: int
    texts: Mapping[str, str]


class Subscriber:
    """Who is connected, how far each of its threads was sent, and what waits to be sent."""

    def __init__(
        self, *, user_id: Any, session_key: str, name: str = "", language: str = "en", max_waiting: int = MAX_WAITING
    ) -> None:
        self.user_id = user_id
        self.session_key = session_key
        self.name = name
        self.language = language
        # The questions whose pages it shows.
        self.rooms: set[str] = set()
        self.sent: dict[str, int] = {}
        self.behind: set[str] = set()
        self.watch: Watch | None = None
        self.checked_at = self.joined_at = asyncio.get_running_loop().time()
        self._max_waiting = max_waiting
        self._waiting: deque[str] = deque()
        self._wake = asyncio.Event()
        self._close_code: int | None = None

    def follow(self, thread_id: str, *, after: int) -> None:
        self.sent[thread_id] = after
        self.behind.add(thread_id)
        self._wake.set()

    def drop(self, thread_id: str) -> None:
        self.sent.pop(thread_id, None)
        self.behind.discard(thread_id)

    def offer(self, message: Message) -> None:
        """Take a message, or fall behind. One that is behind already gets it by catching up."""
        if message.thread_id in self.behind or message.seq <= self.sent[message.thread_id]:
            return
        # Somebody who came while it was rendered may read a language that nobody read before.
        if len(self._waiting) >= self._max_waiting or self.language not in message.texts:
            self.behind.add(message.thread_id)
            return
        self._push(message)

    def caught_up(self, message: Message, *, topic_seq: int) -> None:
        """Take what a reading of the journal gave; more may have come since, then it stays behind."""
        if message.thread_id not in self.sent:
            return
        if message.seq >= topic_seq:
            self.behind.discard(message.thread_id)
        self._push(message)

    def notice(self, text: str) -> None:
        """A message about the queue: the newest says everything, so only lack of room drops one."""
        if len(self._waiting) < self._max_waiting:
            self._waiting.append(text)
            self._wake.set()
        elif self.watch is not None:
            self.watch.last = None

    def close(self, code: int) -> None:
        self._close_code = code
        self._wake.set()

    async def next(self, catch_up: Callable[[Subscriber, str], Awaitable[None]]) -> str:
        """The next text to send. Raises Closed when the hub has ended the connection."""
        while True:
            if self._close_code is not None:
                raise Closed(self._close_code)
            if self._waiting:
                return self._waiting.popleft()
            if self.behind:
                await catch_up(self, next(iter(self.behind)))
                continue
            self._wake.clear()
            await self._wake.wait()

    def _push(self, message: Message) -> None:
        self.sent[message.thread_id] = message.seq
        self._waiting.append(message.texts[self.language])
        self._wake.set()
