"""One line in a project's asgi.py makes the desk live: `application = reviewer.live.asgi.application(application)`.

HTTP goes to the application that was given; sockets under the desk's address go to its consumer. The hub and
the engine's in-process executor start with the server and stop with it. A server that knows no lifespan
starts them with its first request.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from channels.sessions import SessionMiddlewareStack
from django.urls import path, reverse

from hitl import executors
from reviewer.live.consumer import DeskConsumer
from reviewer.live.hub import Hub

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def application(http_app: App, *, hub: Hub | None = None) -> LiveApplication:
    """Any Django ASGI application, made live."""
    return LiveApplication(http_app, hub or Hub())


def socket_path() -> str:
    """Where the desk's socket is, from the root of the host: beside its queue."""
    return reverse("reviewer:queue") + "ws/"


class LiveApplication:
    """See the module."""

    def __init__(self, http_app: App, hub: Hub) -> None:
        self.http_app = http_app
        self.hub = hub
        self.serving = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        self.start()
        await self._router({**scope, "hitl.hub": self.hub}, receive, send)

    @functools.cached_property
    def _router(self) -> App:
        # Made with the first request: only then are the project's URLs loaded.
        socket = URLRouter([path(socket_path().lstrip("/"), DeskConsumer.as_asgi())])
        sockets = AllowedHostsOriginValidator(SessionMiddlewareStack(socket))
        router: App = ProtocolTypeRouter({"http": self.http_app, "websocket": sockets})
        return router

    def start(self) -> None:
        """Start the hub in the running loop, and the executor once in the process."""
        self.hub.start()
        if not self.serving:
            self.serving = True
            executors.serve()

    async def stop(self) -> None:
        await self.hub.stop()
        if self.serving:
            self.serving = False
            await asyncio.to_thread(executors.stop)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self.start()
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return
