"""`manage.py metrics`: the figures for Prometheus, printed once or served where no web process is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from reviewer import metrics

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Command(BaseCommand):
    help = "Print what waits in the database and what this machine's processes have counted; serve it with --port."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
        parser.add_argument("--port", type=int, help="serve on this port until stopped")

    def handle(self, *args: Any, host: str, port: int | None, **options: Any) -> None:
        if not metrics.is_installed():
            raise CommandError("This needs prometheus-client: install hitl-reviewer[metrics].")
        if port is None:
            self.stdout.write(page("")[0].decode(), ending="")
            return
        if host not in LOOPBACK and not metrics.token():
            raise CommandError(f"Set HITL_METRICS_TOKEN before you serve on {host}: others could read the figures.")
        serve(host, port)


def serve(host: str, port: int) -> None:
    try:
        server = make_server(host, port, answer, handler_class=Quiet)
    except OSError as problem:
        raise CommandError(f"Cannot listen on {host}:{port}: {problem.strerror}. Choose another port.") from problem
    with server, suppress(KeyboardInterrupt):
        server.serve_forever()


class Quiet(WSGIRequestHandler):
    """One scraper after another; one that sends nothing must not keep the others waiting for long."""

    timeout = 5

    def log_message(self, format: str, *args: Any) -> None:
        pass


def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The WSGI application behind the port."""
    if environ["PATH_INFO"] != "/metrics":
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"The figures are at /metrics.\n"]
    if metrics.token() and not metrics.is_token(environ.get("HTTP_AUTHORIZATION", "")):
        start_response("401 Unauthorized", [("Content-Type", "text/plain"), ("WWW-Authenticate", "Bearer")])
        return [b"Send Authorization: Bearer with the token of HITL_METRICS_TOKEN.\n"]
    try:
        text, content_type = page(environ.get("HTTP_ACCEPT", ""))
    finally:
        connections.close_all()
    start_response("200 OK", [("Content-Type", content_type)])
    return [text]


def page(accept: str) -> tuple[bytes, str]:
    from reviewer.metrics import exposition

    return exposition.page(accept)
