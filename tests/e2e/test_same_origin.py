"""No page asks another site for anything, and none breaks its own content security policy.

`complaints` listens to every page of every browser test; here every page is visited, and the page itself is
asked as well, for a violation may come without a line in the console.
"""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

LISTEN = """
window.violations = [];
document.addEventListener("securitypolicyviolation", event =>
    window.violations.push(`${event.violatedDirective} ${event.blockedURI} on ${location.pathname}`));
"""
PAGES = [
    "/",
    "/?q=nothing-like-this&order=newest&mine=1",
    "/runs/",
    "/runs/?status=error",
    "/start/",
    "/start/graph/",
    "/start/refund/",
    "/start/article/",
    "/start/import/",
    "/accounts/settings/",
    "/accounts/password/",
    "/nowhere/",
    "/admin/",
    "/admin/hitl/thread/",
]


@pytest.fixture
def visit(sign_in):
    page: Page = sign_in("ana")
    page.add_init_script(LISTEN)

    def go(path: str) -> Page:
        page.goto(path, wait_until="networkidle")
        assert page.evaluate("window.violations") == []
        return page

    return go


@pytest.mark.parametrize("path", PAGES)
def test_a_page_keeps_to_its_site_and_its_policy(path: str, visit) -> None:
    expect(visit(path).get_by_role("main")).to_be_visible()


def test_the_sign_in_page(page: Page) -> None:
    page.add_init_script(LISTEN)
    page.goto("/accounts/login/", wait_until="networkidle")
    assert page.evaluate("window.violations") == []


def test_a_question_that_tries_to_reach_out(visit, ask) -> None:
    """Remote images become links, script and style in a question's text stay text."""
    text = (
        "![pixel](https://evil.example/pixel.png) <img src=https://evil.example/2.png onerror=alert(1)>"
        "<script>alert(2)</script> <p style='background:url(https://evil.example/3.png)'>styled</p>"
    )
    question = ask("article", **{"input.subject": text, "input.points": "one"})
    page = visit(question.page)
    expect(page.locator("#answer form")).to_be_visible()
    expect(page.locator("main img, main script, main [style]")).to_have_count(0)
    visit(question.run)


def test_every_page_carries_the_policy(visit) -> None:
    page = visit("/")
    with page.expect_response("**/runs/") as answer:
        page.goto("/runs/")
    policy = answer.value.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_policy_would_be_noticed(visit, complaints) -> None:
    """That the listeners above hear what they listen for."""
    page = visit("/")
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.evaluate("""() => {
        const image = new Image(); image.src = "https://elsewhere.example/pixel.png"; document.body.append(image); }""")
    page.wait_for_function("window.violations.length > 0")
    assert complaints
    complaints.clear()
