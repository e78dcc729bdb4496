"""The desk as it is deployed: a uvicorn process of its own, with a database of its own.

with directory("desk") as home:
    desk = Desk(home)
    desk.prepare()              migrated, static files collected, people created
    desk.start()
    desk.manage("hitl", "start", "graph", "--input", "foo")
    desk.kill()                 as a power cut would
    desk.start()                on the same port, so browsers find it again
    desk.stop()
"""

from __future__ import annotations

import http.client
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.services import Unavailable, server

ROOT = Path(__file__).resolve().parent.parent.parent
START_SECONDS = 40
# What would lead the process to somebody else's data.
FOREIGN = ("DJANGO_SETTINGS_MODULE", "REDIS_URL", "DEBUG", "ALLOWED_HOSTS", "LOG_LEVEL", "PORT")


class Desk:
    """One deployment: its files in `home`, its address in `url`, its process while it runs.

    `environment` is added to the process's own: `DATABASE_URL` for another database than a SQLite file
    in `home`, `HITL_WORKFLOWS` for other workflows than the demo's, `HITL_UNDO_SECONDS` for answers that
    do not stand at once.
    """

    def __init__(self, home: Path, **environment: str) -> None:
        self.home = home
        self.port = server.free_port()
        self.process: subprocess.Popen[bytes] | None = None
        inherited = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        self.environment = inherited | {
            "DATABASE_URL": f"sqlite:///{home / 'hitl.sqlite3'}",
            "DATA_DIR": str(home),
            "SECRET_KEY": "of a desk that lives as long as a test",
            "HITL_DEMO": "1",
            "HITL_UNDO_SECONDS": "0",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }

    @property
    def url(self) -> str:
        """Without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What the process has written so far, over all its lives."""
        path = self.home / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def prepare(self) -> None:
        """Migrate, collect the static files, and create ana, ben and cleo (password `demo`)."""
        self.manage("migrate", "--verbosity", "0")
        self.manage("collectstatic", "--noinput", "--verbosity", "0")
        self.manage("demo", "--people-only")

    def copy_from(self, prepared: Path) -> None:
        """Begin with the files of a prepared desk that is not running (SQLite only)."""
        shutil.copytree(prepared, self.home, dirs_exist_ok=True, ignore=shutil.ignore_patterns("log"))

    def manage(self, *arguments: str, stdin: str | None = None, expect: int = 0) -> str:
        """Run `manage.py` on the same data and return what it printed; it must exit with `expect`."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
        )
        if done.returncode != expect:
            raise AssertionError(
                f"manage.py {' '.join(arguments)} exited with {done.returncode}, not {expect}:\n"
                f"{done.stdout}{done.stderr}"
            )
        return done.stdout

    def start(self) -> None:
        """Start the process and wait until it answers."""
        assert self.process is None, "it runs already"
        with (self.home / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise Unavailable(f"the desk did not start:\n{self.log[-3000:]}")
            time.sleep(0.05)

    def answers(self) -> bool:
        """Whether the sign-in page comes."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/accounts/login/")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def kill(self) -> None:
        """End it as `kill -9` does, with nothing tidied up."""
        self.end(signal.SIGKILL)

    def stop(self) -> None:
        """End it as a deployment does; sockets are closed with code 1012."""
        self.end(signal.SIGTERM)

    def restart(self) -> None:
        """`stop()` and `start()`; the port stays the same."""
        self.stop()
        self.start()

    def end(self, number: signal.Signals) -> None:
        if self.process is not None:
            server.stop(self.process, number)
            self.process = None
