"""Markdown from payloads, made harmless.

Whoever wrote a payload (often a model) must not be able to run a script in a reviewer's browser, nor
to make the browser fetch anything: an image's address alone would tell its owner that, when and where the
question was read. So raw HTML is shown as text, images become links, and what is left passes an allow-list.
"""

from __future__ import annotations

import re
from collections.abc import MutableMapping, Sequence
from typing import Any

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererProtocol
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from reviewer.shown import printable

# Parsing is linear, but nobody reads this much: longer texts are shown as they are.
LONGEST_PARSED = 100_000

TAGS = {
    *("a", "br", "code", "del", "em", "s", "strong"),
    *("blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre", "ul"),
    *("table", "tbody", "td", "th", "thead", "tr"),
}
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}}


def image_as_link(
    renderer: RendererProtocol,
    tokens: Sequence[Token],
    position: int,
    options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    token = tokens[position]
    address = str(token.attrs.get("src", ""))
    return f'<a href="{escape(address)}">{escape(token.content or "image")}</a> (image)'


def text_with_mentions(
    renderer: RendererProtocol,
    tokens: Sequence[Token],
    position: int,
    options: OptionsDict,
    env: MutableMapping[str, Any],
) -> str:
    html = str(escape(tokens[position].content))
    mentions: re.Pattern[str] | None = env.get("mentions")
    return mentions.sub(r"<strong>\g<0></strong>", html) if mentions else html


PARSER = MarkdownIt("js-default")
PARSER.add_render_rule("image", image_as_link)
PARSER.add_render_rule("text", text_with_mentions)


def render(text: str, *, mentions: Sequence[str] = ()) -> SafeString:
    """The HTML of `text`: no script, no style, no image, links without a referrer.

    mentions: names that stand out where they are written as `@name`, outside of code.
    """
    text = printable(text)
    if len(text) > LONGEST_PARSED:
        return mark_safe(f"<pre>{escape(text)}</pre>")
    html = nh3.clean(
        PARSER.render(text, {"mentions": _pattern(mentions)}),
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(html)


def words(text: str) -> str:
    """What of a text is neither code nor an address."""
    inline = (token.children or [] for token in PARSER.parse(text[:LONGEST_PARSED]) if token.type == "inline")
    return "\n".join("".join(_word(one) for one in children) for children in inline)


def _word(token: Token) -> str:
    return token.content if token.type == "text" else " "


def _pattern(names: Sequence[str]) -> re.Pattern[str] | None:
    longest_first = sorted(names, key=len, reverse=True)
    return re.compile(rf"(?<!\w)@({'|'.join(map(re.escape, longest_first))})(?!\w)") if names else None
