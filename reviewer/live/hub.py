"""One hub a process: it learns which threads moved, reads each new fact once, renders it once in each language that
somebody reads it in, and fans it out.

A subscription is made first and read afterwards, so that nothing falls between; what arrives twice is told
apart by its seq. What many connections have missed alike is read once for them, too. The hub hears of moved
threads from this process (`hitl.announce`), from the others (the bridge; on SQLite by watching the file), and it
trusts none of them: every few seconds it compares the seq of the threads it serves with the table. All state here
belongs to the serving loop; all reading happens in two threads of the hub's own. One reads what is for all, the
other what a single connection asks for, so that a thousand that come back, or one that has missed a lot, keep
nobody waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import functools
import json
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from hitl import announce, discreet
from reviewer import metrics
from reviewer.live import bridge, codes, reader, wire
from reviewer.live import watch as watches
from reviewer.live.rooms import Rooms
from reviewer.live.subscriber import Message, Subscriber

logger = logging.getLogger("reviewer.live")
# So many different gaps of one thread are remembered until it moves.
MOST_MISSED = 64
# What a page then asks for over HTTP takes the process about so long.
SECONDS_A_PAGE = 0.01
P = ParamSpec("P")
R = TypeVar("R")


@dataclasses.dataclass(frozen=True, slots=True)
class Pace:
    """How often the hub does what, in seconds."""

    watch_seconds: float = 0.25
    compare_seconds: float = 5
    queue_seconds: float = 0.25
    recheck_seconds: float = 300
    life_seconds: float = 3600


def spread(pages: int) -> dict[str, float]:
    """Over how many seconds so many pages should ask for what has changed; nothing where they may ask at once."""
    seconds = pages * SECONDS_A_PAGE
    return {"within": round(seconds, 1)} if seconds > 1 else {}


@dataclasses.dataclass(slots=True)
class Topic:
    """A thread that is served: how far it was broadcast, to whom, and what those who came later had missed."""

    seq: int
    readers: set[Subscriber] = dataclasses.field(default_factory=set)
    missed: dict[tuple[int, str], asyncio.Future[Message]] = dataclasses.field(default_factory=dict)


class Hub:
    """See the module. `start` and every other method but `call` belong to the serving loop."""

    def __init__(self, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self.topics: dict[str, Topic] = {}
        self.connections: set[Subscriber] = set()
        self.loop: asyncio.AbstractEventLoop | None = None
        self._dirty: set[str] = set()
        self._queue_moved = False
        self._queue_told_at = float("-inf")
        self._recheck_due = False
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._leave: list[Callable[[], None]] = []
        self.rooms = Rooms(self)

    # Life

    def start(self) -> None:
        """Begin to serve in the running loop; a second call in the same loop does nothing."""
        loop = asyncio.get_running_loop()
        if self.loop is loop:
            return
        self.loop, self._wake = loop, asyncio.Event()
        self._for_all = ThreadPoolExecutor(1, thread_name_prefix="hitl-live")
        self._for_one = ThreadPoolExecutor(1, thread_name_prefix="hitl-live-one")
        self._leave = [announce.listen(functools.partial(self.call, "moved")), bridge.join(self)]
        work = (self._serve(), self._watch(), self._hear())
        self._tasks = [loop.create_task(one) for one in work]

    async def stop(self) -> None:
        """End every connection and the hub's own thread."""
        for leave in self._leave:
            leave()
        self.rooms.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for subscriber in list(self.connections):
            subscriber.close(codes.RESTART)
        for thread in (self._for_all, self._for_one):
            await self._read_in(thread, reader.forget_connection)
            thread.shutdown(wait=False)
        self.loop = None

    # Connections

    async def join(self, session_key: str, *, language: str = "") -> Subscriber | None:
        """A connection for the session's user, whose page is in this language; None if it has none."""
        user = await self._read_for_one(reader.person, session_key) if session_key else None
        if user is None:
            return None
        subscriber = Subscriber(
            user_id=user.pk,
            name=user.get_username(),
            session_key=session_key,
            language=await self._read_for_one(reader.language, language),
        )
        self.connections.add(subscriber)
        metrics.sockets(+1)
        return subscriber

    def leave(self, subscriber: Subscriber) -> None:
        if subscriber in self.connections:
            self.connections.remove(subscriber)
            metrics.sockets(-1)
        for thread_id in list(subscriber.sent):
            self._forget(subscriber, thread_id)
        self.rooms.leave(subscriber)

    async def follow(self, subscriber: Subscriber, thread_id: str, *, after: int) -> bool:
        """Send the thread's facts after `after`, and those to come; False if it may not be seen."""
        seq = await self._read_for_one(reader.admit, subscriber.session_key, thread_id)
        if seq is None or subscriber not in self.connections:
            return False
        topic = self.topics.setdefault(thread_id, Topic(seq))
        topic.readers.add(subscriber)
        subscriber.follow(thread_id, after=min(max(after, 0), seq))
        return True

    async def stand_beside(self, subscriber: Subscriber, question_id: str) -> bool:
        """Tell it what changes beside a question, and others that its reader looks; False if it may not be seen."""
        if not await self._read_for_one(reader.admit_beside, subscriber.session_key, question_id):
            return False
        if subscriber in self.connections:
            self.rooms.enter(subscriber, question_id)
        return True

    async def watch(self, subscriber: Subscriber, watch: watches.Watch) -> None:
        """Tell it what has changed in the queue since its page was made, and whenever that changes."""
        subscriber.watch = watch
        self._queue_moved = True
        self._wake.set()

    async def catch_up(self, subscriber: Subscriber, thread_id: str) -> None:
        """Read for one connection what it has missed; those that have missed the same share one reading."""
        topic, after = self.topics[thread_id], subscriber.sent[thread_id]
        missed = after, subscriber.language
        reading = topic.missed.get(missed)
        if reading is None or (reading.done() and reading.exception()):
            if len(topic.missed) >= MOST_MISSED:
                topic.missed.clear()
            read = self._read_for_one(reader.message, thread_id, after=after, languages=[subscriber.language])
            reading = topic.missed[missed] = asyncio.ensure_future(read)
        # Shielded: that one of them goes must not take it from the others.
        message = await asyncio.shield(reading)
        subscriber.caught_up(message, topic_seq=topic.seq)

    # What moved

    def call(self, what: str, *args: Any) -> None:
        """Call a method that is told by others (`bridge.TOLD`) from any thread."""
        if self.loop is not None:
            with contextlib.suppress(RuntimeError):  # The loop has closed: nobody listens any more.
                self.loop.call_soon_threadsafe(getattr(self, what), *args)

    def moved(self, thread_ids: Iterable[str]) -> None:
        """These threads have new facts, or may have."""
        self._dirty.update(thread_id for thread_id in thread_ids if thread_id in self.topics)
        self._queue_moved = True
        self._wake.set()

    def signed_out(self, session_digest: str) -> None:
        """The session has ended: its connections end too."""
        for subscriber in self.connections:
            if bridge.digest(subscriber.session_key) == session_digest:
                subscriber.close(codes.SIGNED_OUT)

    def user_changed(self, user_id: Any) -> None:
        """The account has changed: look again, at once, at what its connections may see."""
        for subscriber in self.connections:
            if str(subscriber.user_id) == str(user_id):
                subscriber.checked_at = float("-inf")
        self._recheck_due = True
        self._wake.set()

    def beside(self, question_id: str) -> None:
        """Something was said beside a question."""
        self.rooms.changed(question_id)

    def typed(self, question_id: str, name: str) -> None:
        """Somebody types an answer to a question."""
        self.rooms.typed(question_id, name)

    def present(self, hub: str, question_id: str, names: Iterable[str]) -> None:
        """Another hub says who looks at a question."""
        self.rooms.present(hub, question_id, names)

    def wake(self) -> None:
        """There is something to tell."""
        self._wake.set()

    # Serving

    async def _serve(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._broadcast()
                await self._tell_queue()
                await self.rooms.tell()
                await self._recheck()
            except Exception as error:
                # Whatever it was, the next comparison finds what is missing now.
                logger.error(
                    "The live layer could not read what changed; it will look again.\n%s", discreet.trace(error)
                )

    async def _broadcast(self) -> None:
        dirty, self._dirty = self._dirty, set()
        for thread_id in dirty:
            topic = self.topics.get(thread_id)
            if topic is None:
                continue
            languages = {subscriber.language for subscriber in topic.readers}
            message = await self.read(reader.message, thread_id, after=topic.seq, languages=languages)
            if message.seq > topic.seq:
                topic.seq = message.seq
                topic.missed.clear()
                for subscriber in topic.readers:
                    subscriber.offer(message)

    async def _tell_queue(self) -> None:
        watching = [(one, one.watch) for one in self.connections if one.watch is not None]
        if not (self._queue_moved and watching) or self._too_soon():
            return
        self._queue_moved = False
        states = await self.read(reader.queue, [watch for _, watch in watching])
        texts: dict[watches.State, str] = {}
        for (subscriber, watch), state in zip(watching, states, strict=True):
            if subscriber.watch is watch and state != watch.last:
                watch.last = state
                if state not in texts:
                    texts[state] = json.dumps({"queue": state.told(), **spread(len(watching))})
                subscriber.notice(texts[state])

    def _too_soon(self) -> bool:
        """Whether the queue was told a moment ago; then it is told again when that moment has passed."""
        now = self._now()
        wait = self._queue_told_at + self.pace.queue_seconds - now
        if wait > 0:
            asyncio.get_running_loop().call_later(wait, self._wake.set)
            return True
        self._queue_told_at = now
        return False

    async def _recheck(self) -> None:
        """Ask again whether those whose turn it is may still see what they follow."""
        if not self._recheck_due:
            return
        self._recheck_due, now = False, self._now()
        for one in list(self.connections):
            if now - one.joined_at > self.pace.life_seconds:
                one.close(codes.RENEW)
            elif now - one.checked_at > self.pace.recheck_seconds:
                one.checked_at = now
                await self._check(one)

    async def _check(self, subscriber: Subscriber) -> None:
        if await self._read_for_one(reader.person, subscriber.session_key) is None:
            subscriber.close(codes.SIGNED_OUT)
            return
        for thread_id in list(subscriber.sent):
            if await self._read_for_one(reader.admit, subscriber.session_key, thread_id) is None:
                self._forget(subscriber, thread_id)

    async def _watch(self) -> None:
        """Look for what nobody told: on SQLite as soon as the file changes, everywhere every few seconds."""
        version, next_compare = -1, self._now() + self.pace.compare_seconds
        while True:
            await asyncio.sleep(self.pace.watch_seconds)
            try:
                changed, version = await self._file_changed(version)
                if changed or self._now() >= next_compare:
                    next_compare = self._now() + self.pace.compare_seconds
                    await self._compare()
            except Exception as error:
                logger.error("The live layer could not look for changes; it will try again.\n%s", discreet.trace(error))

    async def _hear(self) -> None:
        """Listen to the other processes. While the wire is broken, comparing has to do."""
        line = wire.wire()
        while line is not None:
            try:
                await line.hear(functools.partial(bridge.heard, self))
            except Exception as error:
                logger.warning("Other processes are not heard; trying again. %s", error)
            await asyncio.sleep(self.pace.compare_seconds)

    async def _file_changed(self, version: int) -> tuple[bool, int]:
        if not self.connections:
            return False, version
        if not await self.read(reader.watches_file):
            return False, version
        found = await self.read(reader.data_version)
        return found != version, found

    async def _compare(self) -> None:
        served = {thread_id: topic.seq for thread_id, topic in self.topics.items()}
        self._recheck_due = True
        self.rooms.repeat()
        self.moved(await self.read(reader.moved, served) if served else ())

    # Pieces

    def _forget(self, subscriber: Subscriber, thread_id: str) -> None:
        subscriber.drop(thread_id)
        topic = self.topics.get(thread_id)
        if topic is not None:
            topic.readers.discard(subscriber)
            if not topic.readers:
                del self.topics[thread_id]

    async def read(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Read what is for all."""
        return await self._read_in(self._for_all, function, *args, **kwargs)

    async def _read_for_one(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._read_in(self._for_one, function, *args, **kwargs)

    async def _read_in(
        self, thread: ThreadPoolExecutor, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run it in a thread of the hub. After an error its connection is given up: the next one is fresh."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(thread, functools.partial(function, *args, **kwargs))
        except Exception:
            thread.submit(reader.forget_connection)
            raise

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
