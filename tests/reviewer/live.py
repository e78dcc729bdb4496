"""The live layer as tests drive it: an application with a hub, and sockets that sign in."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from reviewer.live import asgi
from reviewer.live.hub import Hub, Pace

# So long that only what a test does can wake the hub.
NEVER = Pace(watch_seconds=3600, compare_seconds=3600, queue_seconds=0)


class Desk:
    """An application with a hub, and the sockets that a test opened on it."""

    def __init__(self, pace: Pace) -> None:
        self.hub = Hub(pace)
        self.application = asgi.application(no_http, hub=self.hub)
        self.sockets: list[WebsocketCommunicator] = []

    def socket(self, client: Client, *, origin: str = "http://testserver", language: str = "") -> WebsocketCommunicator:
        cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
        headers = [(b"origin", origin.encode()), (b"cookie", cookies.encode())]
        address = f"{asgi.socket_path()}?language={language}"
        socket = WebsocketCommunicator(self.application, address, headers=headers)
        self.sockets.append(socket)
        return socket

    async def connect(self, user: User | None, *, language: str = "") -> WebsocketCommunicator:
        socket = self.socket(await sync_to_async(signed_in)(user), language=language)
        accepted, _ = await socket.connect()
        assert accepted
        return socket

    async def opens(self, user: User, *, origin: str) -> bool:
        accepted, _ = await self.socket(await sync_to_async(signed_in)(user), origin=origin).connect()
        return bool(accepted)

    async def follow(self, user: User, thread_id: str, *, after: int = 0, language: str = "") -> WebsocketCommunicator:
        socket = await self.connect(user, language=language)
        await socket.send_json_to({"thread": thread_id, "after": after})
        return socket

    async def close(self) -> None:
        for socket in self.sockets:
            await socket.disconnect()
        await self.application.stop()
        # The thread that async tests reach the database through outlives them; its connection must not.
        await sync_to_async(connections.close_all)()


async def no_http(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("no test here asks for a page over ASGI")


def signed_in(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
    return client


async def closed_with(socket: WebsocketCommunicator) -> int:
    message = await socket.receive_output()
    assert message["type"] == "websocket.close"
    return int(message["code"])
