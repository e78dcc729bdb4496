"""Run a command with services: `python -m tests.services postgres redis -- COMMAND …`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack

from tests.services import chromium, postgres, redis


def main(arguments: list[str]) -> int:
    names, command = arguments[: arguments.index("--")], arguments[arguments.index("--") + 1 :]
    # The end of this process by another's wish unwinds the stack, too.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with ExitStack() as stack:
        for name in names:
            os.environ.update(bring_up(name, stack))
        try:
            return subprocess.run(command).returncode
        except KeyboardInterrupt:
            return 130


def bring_up(name: str, stack: ExitStack) -> dict[str, str]:
    """Start the service for as long as `stack` is open; return the variables that lead to it."""
    if name == "postgres":
        return {"DATABASE_URL": stack.enter_context(postgres.running())}
    if name == "redis":
        return {"REDIS_URL": stack.enter_context(redis.running())}
    if name == "chromium":
        return {"HITL_CHROMIUM": str(chromium.find(install=True))}
    raise SystemExit(f"no service is called {name!r}; there are postgres, redis and chromium")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
