"""The address that `serve` listens on, taken before anything is said about it."""

from __future__ import annotations

import socket

from django.core.management.base import CommandError


def take(host: str, port: int) -> socket.socket:
    """A socket that is bound to it. CommandError, in one line, where that cannot be."""
    if not 0 <= port <= 65535:
        raise CommandError(f"There is no port {port}; ports go from 1 to 65535.", returncode=2)
    try:
        (family, kind, protocol, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        taken = socket.socket(family, kind, protocol)
    except OSError as problem:
        raise CommandError(f"There is no address {host}: {problem.strerror}.") from problem
    # As servers do: a port whose last connections are only just closing counts as free.
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind(address)
        taken.listen()
    except OSError as problem:
        taken.close()
        raise CommandError(f"Cannot listen on {host}:{port}: {problem.strerror}. Choose another port.") from problem
    return taken
