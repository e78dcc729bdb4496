"""Markdown from payloads: readable, and unable to run, style, fetch or track anything."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from reviewer.markdown import LONGEST_PARSED, render


class Elements(HTMLParser):
    """The elements a browser would make of it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def elements(html: str) -> list[tuple[str, dict[str, str | None]]]:
    parser = Elements()
    parser.feed(html)
    return parser.found


def test_what_text_is_made_of_is_kept() -> None:
    html = render("# Title\n\n*a* **b** `c` ~~d~~\n\n1. one\n\n> said\n\n| x |\n|---|\n| 1 |\n\n```py\ncode\n```")
    for tag in ("<h1>", "<em>", "<strong>", "<code>", "<s>", "<ol>", "<blockquote>", "<table>", "<pre>"):
        assert tag in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](JaVaScRiPt:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "[x](vbscript:x)",
        '<a href="javascript:alert(1)">x</a>',
        "<svg/onload=alert(1)>",
        '<iframe src="https://evil.example"></iframe>',
        '<div style="background:url(https://evil.example)">x</div>',
        '[x](https://ok.example "a\\" onmouseover=\\"alert(1)")',
        "![x](javascript:alert(1))",
        '![a" onerror="alert(1)](https://evil.example/a.png)',
    ],
)
def test_nothing_runs_and_nothing_is_styled(text: str) -> None:
    for tag, attributes in elements(render(text)):
        assert tag in ("p", "a")
        assert attributes.keys() <= {"href", "title", "rel"}
        assert (attributes.get("href") or "https:").startswith("https:")


def test_an_image_becomes_a_link_so_that_nothing_is_fetched() -> None:
    html = render("![the receipt](https://shop.example/r.png?id=1&x=2)")
    assert "<img" not in html
    assert 'href="https://shop.example/r.png?id=1&amp;x=2"' in html
    assert ">the receipt</a>" in html


def test_links_tell_nobody_where_they_were_followed() -> None:
    assert 'rel="noopener noreferrer nofollow"' in render("[x](https://ok.example)")


def test_a_very_long_text_is_shown_as_it_is() -> None:
    html = render("<b>" + "*" * LONGEST_PARSED)
    assert html.startswith("<pre>&lt;b&gt;*")
