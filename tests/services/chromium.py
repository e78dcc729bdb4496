"""Chromium: what `HITL_CHROMIUM` names, Playwright's own, the system's, or one newly installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.services import Unavailable, server

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Nothing in the background, no network of its own, and root may start it.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def find(*, install: bool = False) -> Path:
    """The path of a Chromium that starts. With `install`, one is fetched if there is none."""
    path = named() or playwrights_own() or systems()
    if path is None and install:
        path = fetched()
    if path is None:
        raise Unavailable("no Chromium found; `make test` installs one, HITL_CHROMIUM= names one")
    return path


def named() -> Path | None:
    return Path(value) if (value := os.environ.get("HITL_CHROMIUM")) else None


def systems() -> Path | None:
    return next((Path(path) for name in NAMES if (path := shutil.which(name))), None)


def playwrights_own() -> Path | None:
    """Asked in another process, since Playwright's loop and pytest's do not mix."""
    script = (
        "from playwright.sync_api import sync_playwright as start\n"
        "with start() as playwright: print(playwright.chromium.executable_path)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    path = Path(done.stdout.strip() or "/nonexistent")
    return path if path.exists() else None


def fetched() -> Path | None:
    try:
        server.run([sys.executable, "-m", "playwright", "install", "chromium"], seconds=180)
    except Unavailable:
        server.install_from_debian("chromium")
        return systems()
    path = playwrights_own()
    return path if path and starts(path) else debians()


def debians() -> Path | None:
    """For machines where Playwright's download lacks libraries that Debian's package brings."""
    server.install_from_debian("chromium")
    return systems()


def starts(path: Path) -> bool:
    command = [str(path), *ARGUMENTS, "--headless", "--dump-dom", "about:blank"]
    try:
        return subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
