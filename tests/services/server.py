"""A server process for the length of a `with` block."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.services import Unavailable

START_SECONDS = 30
STOP_SECONDS = 15


@contextmanager
def directory(name: str, *, owner: str | None = None) -> Iterator[Path]:
    """An empty directory that `owner` (or whoever runs this) may write and everybody may enter."""
    path = Path(tempfile.mkdtemp(prefix=f"hitl-{name}-"))
    path.chmod(0o755)
    if owner:
        shutil.chown(path, owner)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def serving(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    ready: Callable[[], bool],
    user: str | None = None,
    env: dict[str, str] | None = None,
    stop_with: signal.Signals = signal.SIGTERM,
) -> Iterator[None]:
    """Run `command` until the block ends, beginning when `ready()` holds. Its output goes to `cwd`/log."""
    with (cwd / "log").open("ab") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Of its own session: a Ctrl-C is for the tests, which stop their servers when they are done.
            start_new_session=True,
            user=user,
            group=group_of(user),
            extra_groups=[] if user else None,
        )
    try:
        wait_until(ready, process=process, log=cwd / "log")
        yield
    finally:
        stop(process, stop_with)


def wait_until(ready: Callable[[], bool], *, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not ready():
        if process.poll() is not None or time.monotonic() > deadline:
            last = log.read_text(errors="replace").strip().splitlines()[-3:]
            raise Unavailable(f"it did not start: {' / '.join(last)}")
        time.sleep(0.02)


def stop(process: subprocess.Popen[bytes], stop_with: signal.Signals) -> None:
    if process.poll() is None:
        process.send_signal(stop_with)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def group_of(user: str | None) -> int | None:
    return pwd.getpwnam(user).pw_gid if user else None


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def install_from_pypi(requirement: str, *, into: Path) -> Path:
    """Install one package into a directory of its own, and return that directory."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run([*pip, "--target", str(into), requirement])
    return into


def install_from_debian(package: str) -> None:
    """`apt-get install` it; only root can."""
    if not is_root() or not shutil.which("apt-get"):
        raise Unavailable(f"only root can `apt-get install {package}`")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-qq"], env=quiet)
    run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", package], env=quiet)


def run(command: Sequence[str], *, env: dict[str, str] | None = None, seconds: int = 300) -> None:
    try:
        subprocess.run(command, env=env, check=True, capture_output=True, text=True, timeout=seconds)
    except FileNotFoundError as error:
        raise Unavailable(str(error)) from error
    except subprocess.TimeoutExpired as error:
        raise Unavailable(f"`{' '.join(command[:4])} …` took more than {seconds} s") from error
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout or "").strip().splitlines()[-1:]
        raise Unavailable(f"`{' '.join(command[:4])} …` failed: {' '.join(last)}") from error
