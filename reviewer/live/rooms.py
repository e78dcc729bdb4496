"""The questions whose pages are open: who is there, and whom to tell when something changes beside one.

A page of a question is told that something changed and fetches what it may see of it; a row of the queue, which
says the same to everybody, is rendered once for each language and sent.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import uuid4

from reviewer import leases
from reviewer.live import bridge, presence, reader

if TYPE_CHECKING:
    from reviewer.live.hub import Hub
    from reviewer.live.subscriber import Subscriber

REPEAT_SECONDS = 10


class Rooms:
    """See the module. It belongs to its hub's loop."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.name = uuid4().hex
        self.readers: dict[str, set[Subscriber]] = {}
        self._dirty: set[str] = set()
        self._typing: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._repeat_at = 0.0

    def enter(self, subscriber: Subscriber, question_id: str) -> None:
        """Somebody has opened the page of a question."""
        self.readers.setdefault(question_id, set()).add(subscriber)
        subscriber.rooms.add(question_id)
        self.tell_presence(question_id)
        subscriber.notice(json.dumps({"question": question_id}))

    def leave(self, subscriber: Subscriber) -> None:
        for question_id in subscriber.rooms:
            there = self.readers.get(question_id, set())
            there.discard(subscriber)
            if not there:
                self.readers.pop(question_id, None)
            self.tell_presence(question_id)
        subscriber.rooms.clear()

    def close(self) -> None:
        for handle in self._typing.values():
            handle.cancel()

    def changed(self, question_id: str) -> None:
        """Something changed beside a question: its readers, and the rows that show it, are told soon."""
        self._dirty.add(question_id)
        self.hub.wake()

    def typed(self, question_id: str, name: str) -> None:
        """Somebody types an answer. Told when it begins and when it ends, not with every letter."""
        running = self._typing.pop((question_id, name), None)
        if running is None:
            self.changed(question_id)
        else:
            running.cancel()
        later = asyncio.get_running_loop().call_later
        self._typing[question_id, name] = later(leases.TYPING_SECONDS, self._rested, question_id, name)

    def present(self, hub: str, question_id: str, names: Iterable[str]) -> None:
        """Another hub says who looks at a question there."""
        if presence.told(hub, question_id, names):
            self.changed(question_id)

    def tell_presence(self, question_id: str) -> None:
        names = sorted({one.name for one in self.readers.get(question_id, ())})
        if presence.told(self.name, question_id, names):
            self.changed(question_id)
        bridge.send("present", self.name, question_id, names)

    def repeat(self) -> None:
        """Say again who is here, before the others forget it, and forget whom they no longer speak of."""
        now = asyncio.get_running_loop().time()
        if now < self._repeat_at:
            return
        self._repeat_at = now + REPEAT_SECONDS
        for question_id in list(self.readers):
            self.tell_presence(question_id)
        for question_id in presence.forget_old():
            self.changed(question_id)

    async def tell(self) -> None:
        """Tell whoever shows a question beside which something changed."""
        dirty, self._dirty = self._dirty, set()
        for question_id in dirty:
            for subscriber in self.readers.get(question_id, ()):
                subscriber.notice(json.dumps({"question": question_id}))
        watching = [(one, dirty & one.watch.shown) for one in self.hub.connections if one.watch is not None]
        shown = set[str]().union(*(some for _, some in watching))
        languages = {subscriber.language for subscriber, some in watching if some}
        rows = await self.hub.read(reader.company, shown, languages=languages) if shown else {}
        for subscriber, some in watching:
            html = "".join(rows.get((question_id, subscriber.language), "") for question_id in sorted(some))
            if html:
                subscriber.notice(json.dumps({"html": html}))

    def _rested(self, question_id: str, name: str) -> None:
        self._typing.pop((question_id, name), None)
        self.changed(question_id)
        rest = leases.LEASE_SECONDS - leases.TYPING_SECONDS + 1
        asyncio.get_running_loop().call_later(rest, self.changed, question_id)
