"""`manage.py serve`: the desk under uvicorn, on this machine alone unless told otherwise."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    help = "Serve the desk: pages and live sockets, in one process."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument(
            "--port", type=int, default=os.environ.get("PORT", 8000), help="port, or $PORT (default: 8000)"
        )

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        # Whitenoise's files are small, and it has no asynchronous form.
        warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
        server = uvicorn.Server(
            uvicorn.Config(
                application(),
                host=host,
                port=port,
                lifespan="auto",
                # Django's logging is set up already; one line for each request is for the proxy to write.
                log_config=None,
                access_log=settings.DEBUG,
                # Sockets stay open as long as browsers do; they reconnect elsewhere.
                timeout_graceful_shutdown=3,
            )
        )
        with suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
            server.run()
        if not server.started:
            raise CommandError(f"Nothing could be served on {host}:{port}; see above.")


def application() -> str:
    """The project's ASGI application as uvicorn spells it."""
    path = getattr(settings, "ASGI_APPLICATION", None)
    if not path:
        raise CommandError("ASGI_APPLICATION is not set; it is the dotted path of the application in asgi.py.")
    module, _, name = path.rpartition(".")
    return f"{module}:{name}"
