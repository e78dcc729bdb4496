"""Races: several writers let go at the same moment, as threads or as processes of their own.

python -m tests.hitl.racing VERB JSON      does it in a process when a line comes in, and prints what came of it
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

WAIT_SECONDS = 60


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run each in a thread of its own, released together; what each returned, or was refused with, in order.

    Only refusals (HitlError) are outcomes: anything else that a racer raises is raised here, whoever looks at it.
    """
    from django.db import connections

    from hitl.errors import HitlError

    barrier = threading.Barrier(len(works))
    outcomes: list[Any] = [None] * len(works)
    broken: list[BaseException] = []

    def run(index: int) -> None:
        try:
            barrier.wait(WAIT_SECONDS)
            outcomes[index] = works[index]()
        except HitlError as error:
            outcomes[index] = error
        except BaseException as error:
            broken.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[index], daemon=True) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)
        assert not thread.is_alive(), "a racer hangs"
    if broken:
        raise broken[0]
    return outcomes


def in_background(work: Callable[[], Any]) -> Background:
    return Background(work)


class Background:
    """Work in a thread of its own; `outcome()` waits for it and returns or raises what it did."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._value: Any = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        from django.db import connections

        try:
            self._value = self._work()
        except BaseException as error:
            self._error = error
        finally:
            connections.close_all()

    def outcome(self) -> Any:
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive(), "it hangs"
        if self._error is not None:
            raise self._error
        return self._value


def database_url() -> str:
    """The URL of the database that this test is connected to, for other processes."""
    from django.db import connection

    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    host = quote(str(settings["HOST"]), safe="/")
    return f"postgres://{settings['USER']}:{settings['PASSWORD']}@/{settings['NAME']}?host={host}"


def processes(requests: Sequence[tuple[str, dict[str, Any]]], *, workflows: str) -> list[Any]:
    """Each request in a process of its own, released together; what each printed, in order."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "DATABASE_URL": database_url(),
        "HITL_WORKFLOWS": workflows,
    }
    racers = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.hitl.racing", verb, json.dumps(arguments)],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for verb, arguments in requests
    ]
    try:
        for racer in racers:
            assert racer.stdout is not None and racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        return [json.loads(racer.communicate(timeout=WAIT_SECONDS)[0]) for racer in racers]
    finally:
        for racer in racers:
            racer.kill()
            racer.wait()


def main(verb: str, arguments: dict[str, Any]) -> None:
    import django

    django.setup()
    from django.db import connection

    from hitl import run, verbs
    from hitl.errors import HitlError

    connection.ensure_connection()
    print("ready", flush=True)
    sys.stdin.readline()
    acts: dict[str, Callable[..., Any]] = {
        "start": verbs.start,
        "answer": verbs.answer,
        "cancel": verbs.cancel,
        "run": run.run_thread,
    }
    try:
        done = acts[verb](**arguments)
        print(json.dumps({"value": done if isinstance(done, bool) else done.pk}))
    except HitlError as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}))


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
