"""A pooler in transaction mode before a PostgreSQL: as little of one as it takes to be told from none.

It lends the session that was given back last to whoever begins a transaction, or makes one. Sessions outlive clients,
with what those prepared in them.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

# "Here is what you asked for": authenticated, and idle.
WELCOME = b"R" + struct.pack("!ii", 8, 0) + b"S" + struct.pack("!i", 25) + b"client_encoding\0UTF8\0"
READY = b"Z" + struct.pack("!ic", 5, b"I")


class Pooler:
    """One thread a client."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._free: list[socket.socket] = []
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        for one in self._free:
            one.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            startup = _startup(client)
            client.sendall(WELCOME + READY)
            while first := client.recv(65536):
                with self._lock:
                    session = self._free.pop() if self._free else self._session(startup)
                try:
                    _transaction(client, session, first)
                finally:
                    self._give_back(session)
        except (OSError, EOFError):
            pass
        finally:
            client.close()

    def _session(self, startup: bytes) -> socket.socket:
        session = socket.socket(socket.AF_UNIX)
        session.connect(self._upstream)
        session.sendall(startup)
        while _message(session)[0:1] != b"Z":
            continue
        return session

    def _give_back(self, session: socket.socket) -> None:
        with self._lock:
            self._free.append(session)


def _transaction(client: socket.socket, session: socket.socket, data: bytes) -> None:
    """Pass on what client and session say until the session is idle again."""
    while True:
        if data[0:1] == b"X":
            raise EOFError
        session.sendall(data)
        status = b""
        while not status:
            message = _message(session)
            client.sendall(message)
            status = message[5:6] if message[0:1] == b"Z" else b""
        if status == b"I":
            return
        if not (data := client.recv(65536)):
            raise EOFError


def _startup(client: socket.socket) -> bytes:
    while True:
        size = _exactly(client, 4)
        rest = _exactly(client, struct.unpack("!i", size)[0] - 4)
        if rest[:2] != b"\x04\xd2":
            return size + rest
        client.sendall(b"N")  # no TLS, no GSS


def _message(session: socket.socket) -> bytes:
    head = _exactly(session, 5)
    return head + _exactly(session, struct.unpack("!i", head[1:])[0] - 4)


def _exactly(source: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (more := source.recv(size - len(data))):
            raise EOFError
        data += more
    return data


@contextmanager
def running(upstream: str) -> Iterator[int]:
    """The port of a pooler before the server at this socket file."""
    pooler = Pooler(upstream)
    try:
        yield pooler.port
    finally:
        pooler.close()
