"""The socket: what a page follows goes in, what the hub has for it comes out. Commands are POSTs, never here."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.http import QueryDict

from reviewer.live import codes
from reviewer.live.hub import Hub
from reviewer.live.subscriber import Closed, Subscriber
from reviewer.live.watch import Watch

MAX_MESSAGE_CHARS = 64 * 1024
# What a server need not take at all.
MAX_MESSAGE_BYTES = 4 * MAX_MESSAGE_CHARS
MAX_THREADS = 50
MAX_QUESTIONS = 5


class DeskConsumer(AsyncWebsocketConsumer):
    """`{"thread": id, "after": seq}` follows a thread, `{"queue": {…}}` watches the queue, `{"question": id}` stands
    beside one."""

    subscriber: Subscriber | None = None
    sending: asyncio.Task[None] | None = None

    @property
    def hub(self) -> Hub:
        hub: Hub = self.scope["hitl.hub"]
        return hub

    async def connect(self) -> None:
        await self.accept()
        asked = QueryDict(self.scope["query_string"])
        session_key = self.scope["session"].session_key or ""
        self.subscriber = await self.hub.join(session_key, language=asked.get("language", ""))
        if self.subscriber is None:
            await self.close(codes.SIGNED_OUT)
        else:
            self.sending = asyncio.create_task(self._send_all(self.subscriber))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.subscriber is None:
            return
        try:
            if text_data is None or len(text_data) > MAX_MESSAGE_CHARS:
                raise ValueError("not a message of ours")
            message = json.loads(text_data)
            if not isinstance(message, dict):
                raise ValueError("not an object")
            await self._take(self.subscriber, message)
        except (ValueError, TypeError, OverflowError, RecursionError):
            await self.close(codes.NOT_UNDERSTOOD)

    async def disconnect(self, code: int) -> None:
        if self.sending is not None:
            self.sending.cancel()
        if self.subscriber is not None:
            self.hub.leave(self.subscriber)

    async def _take(self, subscriber: Subscriber, message: dict[str, Any]) -> None:
        if "thread" in message and len(subscriber.sent) < MAX_THREADS:
            thread_id = str(message["thread"])
            if not await self.hub.follow(subscriber, thread_id, after=int(message.get("after") or 0)):
                await self.send(text_data=json.dumps({"thread": thread_id, "refused": True}))
        if "question" in message and len(subscriber.rooms) < MAX_QUESTIONS:
            await self.hub.stand_beside(subscriber, str(message["question"]))
        if "queue" in message:
            await self.hub.watch(subscriber, Watch.parse(message["queue"], user_id=subscriber.user_id))

    async def _send_all(self, subscriber: Subscriber) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            try:
                while True:
                    await self.send(text_data=await subscriber.next(self.hub.catch_up))
            except Closed as closed:
                await self.close(closed.code)
            except Exception:
                await self.close(codes.RESTART)
                raise
