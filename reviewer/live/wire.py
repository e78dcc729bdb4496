"""Between processes: a short text from one to all that listen. It may be lost, and it may come back to its sender.

Where a channel layer reaches other processes (Redis), that is the wire; else on PostgreSQL it is NOTIFY, sent
by itself and never inside a fact's transaction (in there it would make commits wait for each other). With
SQLite there is none, and none is needed: every hub watches the file.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import connections

from hitl import conf

GROUP = "hitl.moved"
CHANNEL = "hitl_moved"
# NOTIFY takes 8,000 bytes.
MAX_BYTES = 7_000
# Layers forget who is in a group after a day.
RENEW_SECONDS = 3600

Take = Callable[[str], None]


class Wire(ABC):
    """How processes reach each other."""

    @abstractmethod
    def send(self, text: str) -> None:
        """Tell everybody; called from one thread alone, which has no event loop running."""

    @abstractmethod
    async def hear(self, take: Take) -> None:
        """Call `take` with every text, until cancelled or the wire breaks."""


def wire() -> Wire | None:
    """The wire that this deployment has. Nothing is opened yet."""
    layer = get_channel_layer()
    if layer is not None and not isinstance(layer, InMemoryChannelLayer):
        return LayerWire(layer)
    alias = conf.settings().database
    # An alias that is not there is the system checks' to tell (hitl.E010), so it must not end the process here.
    known = alias in connections.settings
    return PostgresWire(alias) if known and connections[alias].vendor == "postgresql" else None


class LayerWire(Wire):
    """A group of the channel layer."""

    def __init__(self, layer: Any) -> None:
        self._layer = layer
        self._loop: asyncio.AbstractEventLoop | None = None

    def send(self, text: str) -> None:
        # One loop for good: layers keep a connection for each loop they are used in.
        self._loop = self._loop or asyncio.new_event_loop()
        self._loop.run_until_complete(self._layer.group_send(GROUP, {"type": GROUP, "text": text}))

    async def hear(self, take: Take) -> None:
        channel = await self._layer.new_channel()
        while True:
            await self._layer.group_add(GROUP, channel)
            try:
                async with asyncio.timeout(RENEW_SECONDS):
                    while True:
                        take((await self._layer.receive(channel))["text"])
            except TimeoutError:
                continue


class PostgresWire(Wire):
    """LISTEN and NOTIFY, on connections of their own."""

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def send(self, text: str) -> None:
        connection = connections[self._alias]
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, text])
        finally:
            connection.close()

    async def hear(self, take: Take) -> None:
        import psycopg

        ours = ("cursor_factory", "context", "pool")
        given = connections[self._alias].get_connection_params()
        parameters = {name: value for name, value in given.items() if name not in ours}
        async with await psycopg.AsyncConnection.connect(**parameters, autocommit=True) as connection:
            await connection.execute(f"LISTEN {CHANNEL}")
            async for notice in connection.notifies():
                take(notice.payload)
