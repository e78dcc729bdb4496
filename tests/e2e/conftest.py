"""Browser tests: a real Chromium against a real uvicorn process of the desk.

    def test_ben_answers(sign_in, ask):
        question = ask()                    a thread of the test's own that waits for an answer
        page = sign_in("ben")               a page of a browser of Ben's own, signed in
        open_question(page, question)       addresses are relative to the server
        other = sign_in("cleo", viewport={"width": 360, "height": 800}, color_scheme="dark")

`server`    a `tests.services.desk.Desk`, the same for all tests: `.url`, `.manage(…)`, `.kill()`, `.start()`,
            `.stop()`, `.log`; one that a test has ended runs again for the next. It has the people ana
            (administers), ben (starts and answers) and cleo (may only look), the demo's workflows and those
            of `tests/e2e/workflows.py`. Data stay from one test to the next: threads are named for their test.
`new_desk`  such a desk for the test module alone, with no threads, where others' would be seen.
`start`, `ask`  start a thread through the web form, without a browser; `ask` waits for its question.
`journal`   what the database holds. It belongs to the server's process: never look into it through models
            (Playwright's loop runs in the tests' thread, and Django refuses to work there).
`open_gate` lets a workflow of `tests/e2e/workflows.py` go on.
`line`      between a browser and the desk, to be cut: `sign_in("ben", through=line)`.
`sign_in`   a function from a name (and options of Playwright's `new_context`) to a page. Each call is a
            browser of its own; the session is made once, unless `fresh=True`.
`page`      a page that is not signed in.
`complaints`  what the browser reported on any page of the test: violations of the content security policy,
            uncaught script errors, requests to other sites. The test fails at its end if there are any; one
            that provokes them calls `complaints.clear()`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from reviewer.demo.people import PASSWORD
from tests.e2e import workflows
from tests.e2e.journal import Journal, Question
from tests.e2e.line import Line
from tests.services import Unavailable, chromium
from tests.services.desk import Desk
from tests.services.server import directory
from tests.services.visitor import Visitor

HERE = Path(__file__).parent
PATIENCE_MS = 15_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this directory needs the browser, whether it says so or not."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session", autouse=True)
def patience() -> None:
    expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    try:
        path = chromium.find()
    except Unavailable as unavailable:
        pytest.fail(str(unavailable), pytrace=False)
    return {**browser_type_launch_args, "executable_path": str(path), "args": chromium.ARGUMENTS}


# The desk


@pytest.fixture(scope="session")
def prepared() -> Iterator[Path]:
    """The files of a desk that is migrated and peopled, made once, since that takes seconds."""
    with directory("desk") as home:
        Desk(home).prepare()
        yield home


@pytest.fixture(scope="session")
def desk(prepared: Path) -> Iterator[Desk]:
    yield from running_desk(prepared)


@pytest.fixture(scope="module")
def new_desk(prepared: Path) -> Iterator[Desk]:
    yield from running_desk(prepared)


def running_desk(prepared: Path) -> Iterator[Desk]:
    with directory("desk") as home:
        desk = Desk(home, HITL_WORKFLOWS=f"reviewer.demo.workflows,reviewer.demo.agents,{workflows.__name__}")
        desk.copy_from(prepared)
        desk.start()
        try:
            yield desk
        finally:
            desk.stop()


@pytest.fixture
def server(desk: Desk) -> Desk:
    if desk.process is None:
        desk.start()
    return desk


@pytest.fixture
def journal(server: Desk) -> Journal:
    return Journal(server.home)


@pytest.fixture
def open_gate(server: Desk) -> Callable[[str], None]:
    return lambda name: workflows.gate(server.home, name).touch()


@pytest.fixture(scope="session")
def starter(desk: Desk) -> Visitor:
    """Ben, without a browser."""
    visitor = Visitor(desk.url)
    visitor.sign_in("ben", password=PASSWORD)
    return visitor


@pytest.fixture
def start(server: Desk, starter: Visitor, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Start a workflow by its form; returns the thread's id, the test's name with `suffix`."""

    def start_one(workflow: str = "graph", *, suffix: str = "", **fields: str) -> str:
        case = request.node.callspec.id.removeprefix("chromium")
        thread = request.node.originalname.removeprefix("test_").replace("_", "-") + case + suffix
        starter.post(f"/start/{workflow}/", **({"input": "foo"} | fields), key=thread, thread=thread)
        return thread

    return start_one


@pytest.fixture
def ask(start: Callable[..., str], journal: Journal) -> Callable[..., Question]:
    """Start a workflow by its form and return its question, once it waits."""
    return lambda *arguments, **fields: journal.question(start(*arguments, **fields))


# Browsers


@pytest.fixture
def line(server: Desk) -> Iterator[Line]:
    with Line(server.port) as line:
        yield line


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

    def open_one(*, home: str = server.url, **options: Any) -> BrowserContext:
        context = new_context(base_url=home, **options)
        context.set_default_timeout(PATIENCE_MS)
        context.on("weberror", lambda error: complaints.append(f"script error: {error.error}"))
        context.on("console", lambda message: complaints.extend(violations(message.text)))
        context.on("request", lambda request: complaints.extend(strays(request.url, home=home)))
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


@pytest.fixture(scope="session")
def sessions() -> dict[tuple[str, str], Any]:
    """What a browser knows of somebody who has signed in, by desk and name."""
    return {}


@pytest.fixture
def sign_in(
    open_browser: Callable[..., BrowserContext], server: Desk, sessions: dict[tuple[str, str], Any]
) -> Callable[..., Page]:
    def sign_in_as(
        name: str, *, fresh: bool = False, at: Desk = server, through: Line | None = None, **options: Any
    ) -> Page:
        options["home"] = through.url if through else at.url
        if (at.url, name) in sessions and not fresh:
            return open_browser(storage_state=sessions[at.url, name], **options).new_page()
        page = open_browser(**options).new_page()
        page.goto("/accounts/login/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_label("Password").press("Enter")
        page.wait_for_url(lambda address: "/accounts/login/" not in address)
        if not fresh:
            sessions[at.url, name] = page.context.storage_state()
        return page

    return sign_in_as
