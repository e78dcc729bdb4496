"""A project that adds to its files what README says has the desk, from the wheel alone."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from websockets.exceptions import ConnectionClosed

from tests.packaging.project import Project, bare_environment
from tests.packaging.readme import additions
from tests.services import server
from tests.services.visitor import Visitor

DESK = additions("ReviewerMiddleware")
NAME, PASSWORD = "dana", "a password of some length"


@pytest.fixture
def shop(project: Project) -> Project:
    project.add("shop/settings.py", DESK["settings.py"] + 'INSTALLED_APPS += ["orders"]\n')
    project.add("shop/urls.py", "from django.urls import include\n" + DESK["urls.py"])
    project.manage("migrate", "--verbosity", "0")
    create = f"User.objects.create_superuser({NAME!r}, password={PASSWORD!r})"
    project.manage("shell", "-c", f"from django.contrib.auth.models import User; {create}")
    return project


@contextmanager
def served(project: Project, *command: str) -> Iterator[str]:
    """The project under uvicorn, or this command; yields its address, without a scheme."""
    port = server.free_port()
    start = command or ("-m", "uvicorn", "shop.asgi:application")
    with server.serving(
        [project.python, *start, "--port", str(port)],
        cwd=project.home,
        ready=lambda: listens(port),
        env=bare_environment(),
    ):
        yield f"127.0.0.1:{port}"


def listens(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/admin/login/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def signed_in(address: str) -> Visitor:
    visitor = Visitor(f"http://{address}/desk")
    visitor.sign_in(NAME, password=PASSWORD)
    return visitor


def wait_until(holds: Callable[[], bool], *, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.1)


def test_the_checks_are_content(shop: Project) -> None:
    shop.manage("check", "--fail-level", "WARNING")


def test_what_the_browser_gets_is_found_inside_the_package(shop: Project) -> None:
    shop.manage("collectstatic", "--noinput", "--verbosity", "0", "--settings", static_settings(shop))
    collected = {path.suffix for path in (shop.home / "collected/reviewer").rglob("*")}
    assert {".css", ".js"} <= collected


def static_settings(shop: Project) -> str:
    shop.add("shop/static_settings.py", "from shop.settings import *\nSTATIC_ROOT = BASE_DIR / 'collected'\n")
    return "shop.static_settings"


def test_a_person_signs_in_and_sees_the_queue_without_the_live_line(shop: Project) -> None:
    shop.manage("hitl", "start", "purchase", "--input", "tea")
    with served(shop) as address:
        dana = signed_in(address)
        wait_until(lambda: "Buy tea for 40?" in dana.get("/"))


def test_with_the_line_in_asgi_the_socket_is_open_to_whoever_is_signed_in(shop: Project) -> None:
    shop.add("shop/asgi.py", DESK["asgi.py"])
    with served(shop) as address:
        dana, stranger = signed_in(address), Visitor(f"http://{address}/desk")
        with dana.socket() as line:
            line.send('{"thread": "no such thread"}')
            assert "refused" in str(line.recv(timeout=10))
        with stranger.socket() as line, pytest.raises(ConnectionClosed):
            line.recv(timeout=10)


def test_serve_needs_no_more_settings_and_serves_static_files_while_debugging(shop: Project) -> None:
    shop.add("shop/asgi.py", DESK["asgi.py"])
    with served(shop, "manage.py", "serve") as address:
        dana = signed_in(address)
        sheets = re.findall(r'href="(/static/reviewer/[^"]+\.css)"', dana.get("/"))
        assert sheets
        for sheet in sheets:
            assert status_of(address, sheet) == 200
        assert status_of(address, "/static/reviewer/nope.css") == 404
        with dana.socket() as line:
            line.send('{"thread": "no such thread"}')
            assert "refused" in str(line.recv(timeout=10))


def test_a_port_that_is_taken_is_told_in_one_line(shop: Project) -> None:
    with socket_on_some_port() as port:
        complaint = refused(shop, "serve", "--port", str(port), code=1)
    assert complaint == f"CommandError: Cannot listen on 127.0.0.1:{port}: Address already in use. Choose another port."
    assert refused(shop, "serve", "--port", "99999", code=2).startswith("CommandError: There is no port 99999")


def status_of(address: str, path: str) -> int:
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@contextmanager
def socket_on_some_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


def refused(shop: Project, *arguments: str, code: int) -> str:
    """What the command complains of."""
    done = subprocess.run(
        [shop.python, "manage.py", *arguments],
        cwd=shop.home,
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == code
    return done.stderr.strip()
