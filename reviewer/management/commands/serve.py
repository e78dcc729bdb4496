"""`manage.py serve`: the desk under uvicorn, on this machine alone unless told otherwise."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from importlib.util import find_spec
from typing import Any

import uvicorn
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.module_loading import import_string

from reviewer import checks, listening
from reviewer.live.consumer import MAX_MESSAGE_BYTES

WHITENOISE = "whitenoise.middleware.WhiteNoiseMiddleware"


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
        for message in checks.static_files():
            raise CommandError(f"{message.msg}. {message.hint}")
        served = with_static_files(imported(application()))
        with listening.take(host, port) as taken:
            server = uvicorn.Server(
                uvicorn.Config(
                    served,
                    lifespan="auto",
                    # Django's logging is set up already; one line for each request is for the proxy to write.
                    log_config=None,
                    access_log=settings.DEBUG,
                    # Sockets stay open as long as browsers do; they reconnect elsewhere.
                    timeout_graceful_shutdown=3,
                    ws="websockets-sansio",
                    # Compressing would be done again for each socket, and keep a window in memory for each.
                    ws_per_message_deflate=False,
                    ws_max_size=MAX_MESSAGE_BYTES,
                )
            )
            with suppress(KeyboardInterrupt):  # Ctrl-C is how it is meant to end
                server.run(sockets=[taken])
        if not server.started:
            raise CommandError(f"Nothing could be served on {host}:{port}; see above.")


def application() -> str:
    """The dotted path of the project's ASGI application: a setting, or where `startproject` puts it."""
    if path := getattr(settings, "ASGI_APPLICATION", None):
        return str(path)
    wsgi = getattr(settings, "WSGI_APPLICATION", None) or ""
    for package in (wsgi.removesuffix(".wsgi.application"), settings.ROOT_URLCONF.rpartition(".")[0]):
        if package and find_spec(f"{package}.asgi"):
            return f"{package}.asgi.application"
    raise CommandError(
        'No ASGI application was found. Set ASGI_APPLICATION to its dotted path, as "mysite.asgi.application".'
    )


def imported(path: str) -> Any:
    try:
        return import_string(path)
    except ImportError as problem:
        raise CommandError(f"The ASGI application {path} cannot be imported: {problem}") from problem


def with_static_files(served: Any) -> Any:
    """The application as it is; in DEBUG with the static files that `runserver` would serve."""
    by_itself = WHITENOISE in settings.MIDDLEWARE or not apps.is_installed("django.contrib.staticfiles")
    return served if by_itself or not settings.DEBUG else ASGIStaticFilesHandler(served)
