"""Real scrapes of real processes: what the web process and a worker beside it did comes out at either's port."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from reviewer.demo.people import PASSWORD
from tests.services import server
from tests.services.desk import ROOT, Desk
from tests.services.visitor import Visitor

TOKEN = "a token that only the scraper has"
WAIT_SECONDS = 30


@pytest.fixture(scope="module")
def desk() -> Iterator[Desk]:
    with server.directory("scraped") as home:
        desk = Desk(home, HITL_METRICS_TOKEN=TOKEN, PROMETHEUS_MULTIPROC_DIR=str(home / "figures"), LOG_FORMAT="json")
        desk.prepare()
        desk.start()
        yield desk
        desk.stop()


def fetch(url: str, *, token: str = TOKEN) -> str:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def value(text: str, series: str) -> float:
    """The value of the line that begins so; 0 where there is none."""
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{series} "))


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {WAIT_SECONDS} s"
        time.sleep(0.1)


INTERRUPTED = 'hitl_run_seconds_count{outcome="interrupted",workflow="graph"}'


def test_the_desk_tells_that_it_lives_and_is_ready(desk: Desk) -> None:
    assert fetch(f"{desk.url}/healthz") == '{"status": "ok"}'
    wait_until(lambda: '"status": "ready"' in fetch(f"{desk.url}/readyz"))


def test_runs_of_every_process_come_out_and_sockets_only_of_those_that_live(desk: Desk) -> None:
    desk.manage("hitl", "start", "graph", "--input", "foo")
    wait_until(lambda: value(fetch(f"{desk.url}/metrics"), INTERRUPTED) == 1)
    assert value(fetch(f"{desk.url}/metrics"), 'hitl_questions_pending{workflow="graph"}') == 1

    ben = Visitor(desk.url)
    ben.sign_in("ben", password=PASSWORD)
    with ben.socket() as first, ben.socket() as second:
        for socket in (first, second):
            socket.send('{"thread": "no such thread"}')
            socket.recv(timeout=WAIT_SECONDS)
        assert value(fetch(f"{desk.url}/metrics"), "hitl_sockets") == 2
        desk.kill()

    # A worker takes the next thread, and the killed server's counts are not lost with it.
    desk.manage("hitl", "start", "graph", "--input", "bar")
    desk.manage("hitl", "sweep")
    told = desk.manage("metrics")
    assert value(told, INTERRUPTED) == 2
    assert value(told, 'hitl_questions_pending{workflow="graph"}') == 2
    assert value(told, "hitl_sockets") == 0
    desk.start()
    assert value(fetch(f"{desk.url}/metrics"), INTERRUPTED) == 2
    assert '"thread_id": ' in desk.log and '"message": "The run ended: interrupted."' in desk.log


def test_a_machine_without_a_web_process_serves_them_too(desk: Desk) -> None:
    port = server.free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    command = [sys.executable, "manage.py", "metrics", "--port", str(port)]
    process = subprocess.Popen(command, cwd=ROOT, env=desk.environment)
    try:
        wait_until(lambda: process.poll() is None and answers(url))
        assert value(fetch(url), "hitl_database_up") == 1
        with pytest.raises(urllib.error.HTTPError, match="401"):
            fetch(url, token="wrong")
    finally:
        process.terminate()
        process.wait(WAIT_SECONDS)


def answers(url: str) -> bool:
    try:
        fetch(url)
    except OSError:
        return False
    return True


def test_it_is_not_served_to_everybody(desk: Desk) -> None:
    desk.environment.pop("HITL_METRICS_TOKEN")
    try:
        desk.manage("metrics", "--port", "0", "--host", "0.0.0.0", expect=1)
    finally:
        desk.environment["HITL_METRICS_TOKEN"] = TOKEN
