"""A payload that is a dict: its texts are found by their names, and any JSON value is a legal answer."""

from __future__ import annotations

from typing import Any

from hitl.questions import wording
from hitl.questions.base import Description, Kind
from hitl.questions.text import Text

TITLES = ("question", "title", "subject", "message", "prompt")
BODIES = ("description", "body", "markdown", "draft", "text")


class Data(Kind):
    name = "data"

    def detect(self, value: Any, response_schema: dict[str, Any] | None) -> bool:
        return isinstance(value, dict)

    def describe(self, value: Any) -> Description:
        return described(value)


def described(value: Any, *, without: tuple[str, ...] = ()) -> Description:
    """The description of any payload; keys in `without` are shown elsewhere and are no rows."""
    if not isinstance(value, dict):
        return Text().describe(value)
    heading, text = _first(value, TITLES), _first(value, BODIES)
    used = {heading, text, *without}
    rows = tuple((str(key), item) for key, item in value.items() if key not in used)
    if heading:
        title, rest = wording.title_and_body(value[heading])
        texts = [rest, value[text].strip() if text else ""]
        return Description(title, "\n\n".join(filter(None, texts)), rows)
    if text:
        return Description(*wording.title_and_body(value[text]), rows)
    return Description(wording.summary(dict(rows)), "", rows)


def _first(value: dict[Any, Any], names: tuple[str, ...]) -> str | None:
    """The first of these keys that holds a text."""
    return next((name for name in names if isinstance(value.get(name), str) and value[name].strip()), None)
