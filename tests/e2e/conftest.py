"""Browser tests: a real Chromium against a real uvicorn process of the desk.

    @pytest.mark.browser
    def test_ben_answers(server, sign_in):
        server.manage("hitl", "start", "graph", "--input", "foo", "--thread", "t1")
        page = sign_in("ben")               a page of a browser of Ben's own, signed in
        page.goto("/")                      addresses are relative to the server
        other = sign_in("cleo", viewport={"width": 360, "height": 800}, color_scheme="dark")

`server`    a `tests.services.desk.Desk`, one for each test module: `.url`, `.manage(…)`, `.kill()`,
            `.start()`, `.stop()`, `.restart()`, `.log`. It has the people ana (administers), ben (starts and
            answers) and cleo (may only look), no threads, the demo's workflows and those of
            `tests/e2e/workflows.py` where that exists. Data stay from one test of a module to the next:
            give threads names of the test's own.
`sign_in`   a function from a name (and options of Playwright's `new_context`) to a page. Each call is a
            browser of its own; the session is made once a module, unless `fresh=True`.
`page`      a page that is not signed in.
`complaints`  what the browser reported on any page of the test: violations of the content security policy,
            uncaught script errors, requests to other sites. The test fails at its end if there are any; one
            that provokes them calls `complaints.clear()`.

The database belongs to the server's process: look into it through `server.manage`, never through models
(Playwright's loop runs in the tests' thread, and Django refuses to work there).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from reviewer.demo.people import PASSWORD
from tests.services import Unavailable, chromium
from tests.services.desk import Desk
from tests.services.server import directory

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this directory needs the browser, whether it says so or not."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    try:
        path = chromium.find()
    except Unavailable as unavailable:
        pytest.fail(str(unavailable), pytrace=False)
    return {**browser_type_launch_args, "executable_path": str(path), "args": chromium.ARGUMENTS}


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """The files of a desk that is migrated and peopled, made once, since that takes seconds."""
    with directory("desk") as home:
        Desk(home).prepare()
        yield home


@pytest.fixture(scope="module")
def server(prepared: Path) -> Iterator[Desk]:
    with directory("desk") as home:
        desk = Desk(home, HITL_WORKFLOWS=",".join(workflow_modules()))
        desk.copy_from(prepared)
        desk.start()
        try:
            yield desk
        finally:
            desk.stop()


def workflow_modules() -> list[str]:
    own = ["tests.e2e.workflows"] if (HERE / "workflows.py").exists() else []
    return ["reviewer.demo.workflows", *own]


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    found: list[str] = []
    yield found
    assert not found, "the browser complained:\n" + "\n".join(found)


@pytest.fixture
def open_browser(
    new_context: Callable[..., BrowserContext], server: Desk, complaints: list[str]
) -> Callable[..., BrowserContext]:
    """A browser with cookies of its own, whose complaints are collected."""

    def open_one(**options: Any) -> BrowserContext:
        context = new_context(base_url=server.url, **options)
        context.on("weberror", lambda error: complaints.append(f"script error: {error.error}"))
        context.on("console", lambda message: complaints.extend(violations(message.text)))
        context.on("request", lambda request: complaints.extend(strays(request.url, home=server.url)))
        return context

    return open_one


def violations(text: str) -> list[str]:
    return [text] if "Content Security Policy" in text else []


def strays(address: str, *, home: str) -> list[str]:
    ours = (f"{home}/", f"{home.replace('http', 'ws', 1)}/", "data:", "blob:", "about:")
    return [] if address.startswith(ours) else [f"request to another site: {address}"]


@pytest.fixture
def page(open_browser: Callable[..., BrowserContext]) -> Page:
    return open_browser().new_page()


@pytest.fixture(scope="module")
def sessions(server: Desk) -> dict[str, Any]:
    """What a browser knows of somebody who has signed in, by name."""
    return {}


@pytest.fixture
def sign_in(open_browser: Callable[..., BrowserContext], sessions: dict[str, Any]) -> Callable[..., Page]:
    def sign_in_as(name: str, *, fresh: bool = False, **options: Any) -> Page:
        if name in sessions and not fresh:
            return open_browser(storage_state=sessions[name], **options).new_page()
        page = open_browser(**options).new_page()
        page.goto("/accounts/login/")
        page.locator("input[name=username]").fill(name)
        page.locator("input[name=password]").fill(PASSWORD)
        page.locator("input[name=password]").press("Enter")
        page.wait_for_url(lambda address: "/accounts/login/" not in address)
        if not fresh:
            sessions[name] = page.context.storage_state()
        return page

    return sign_in_as
