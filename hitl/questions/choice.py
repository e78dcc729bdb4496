"""A payload with `options`: the answer is one of them, or with `multiple` a list of them.

An option is matched as itself or as it looks in JSON, so that a page can send back what it showed; the
answer is then the option as it was asked. 1, 1.0 and True are three options.
"""

from __future__ import annotations

from typing import Any

from hitl import codec
from hitl.errors import InvalidAnswer
from hitl.questions.base import Description, Kind, refuse
from hitl.questions.data import described
from hitl.questions.wording import as_json, one_line
from hitl.words import gettext


class Choice(Kind):
    name = "choice"

    def detect(self, value: Any, response_schema: dict[str, Any] | None) -> bool:
        return isinstance(value, dict) and bool(_options(value))

    def describe(self, value: Any) -> Description:
        return described(value, without=("options", "multiple", "defaults"))

    def schema(self, value: Any, response_schema: dict[str, Any] | None) -> dict[str, Any] | None:
        options = {"enum": [_plain(option) for option in _options(value)]}
        return {"type": "array", "items": options, "uniqueItems": True} if value.get("multiple") else options

    def example(self, value: Any, response_schema: dict[str, Any] | None) -> Any:
        first = [_plain(option) for option in _options(value)[:1]]
        return first if isinstance(value, dict) and value.get("multiple") else next(iter(first), None)

    def check(self, answer: Any, value: Any, response_schema: dict[str, Any] | None) -> Any:
        options = _options(value)
        if not options:
            return super().check(answer, value, response_schema)
        if not value.get("multiple"):
            return _chosen(answer, options)
        if not isinstance(answer, list | tuple):
            raise _invalid("", " ".join((gettext("This must be a list of options."), _offer(options))))
        refuse(_wrong_items(list(answer), options))
        return [_chosen(item, options) for item in answer]


def _options(value: Any) -> list[Any]:
    options = value.get("options") if isinstance(value, dict) else None
    return list(options) if isinstance(options, list | tuple) else []


def _chosen(answer: Any, options: list[Any]) -> Any:
    place = _place(answer, options)
    if place is None:
        raise _invalid("", f"{_no_option(answer)} {_offer(options)}")
    return options[place]


def _wrong_items(answer: list[Any], options: list[Any]) -> list[tuple[str, str]]:
    errors, seen = [], set[int]()
    for at, item in enumerate(answer):
        place = _place(item, options)
        if place is None:
            errors.append((f"$[{at}]", f"{_no_option(item)} {_offer(options)}"))
        elif place in seen:
            errors.append((f"$[{at}]", gettext("{option} is chosen twice.").format(option=one_line(as_json(item)))))
        else:
            seen.add(place)
    return errors


def _place(answer: Any, options: list[Any]) -> int | None:
    wanted = codec.digest(answer)
    digests = [codec.digest(option) for option in options]
    if wanted not in digests:
        digests = [codec.digest(_plain(option)) for option in options]
    return digests.index(wanted) if wanted in digests else None


def _plain(option: Any) -> Any:
    return codec.plain(codec.encode(option, where="option"))


def _offer(options: list[Any]) -> str:
    offered = one_line(", ".join(as_json(_plain(option)) for option in options))
    return gettext("Choose from: {options}.").format(options=offered)


def _no_option(answer: Any) -> str:
    return gettext("{option} is no option.").format(option=one_line(as_json(answer)))


def _invalid(path: str, message: str) -> InvalidAnswer:
    return InvalidAnswer(
        gettext("The answer does not fit: {problem}").format(problem=message), errors=[(path, message)]
    )
