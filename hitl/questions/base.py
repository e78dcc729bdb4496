"""What every kind of question can do."""

from __future__ import annotations

import abc
import dataclasses
from typing import Any, ClassVar

from hitl import schema
from hitl.errors import InvalidAnswer
from hitl.words import gettext


@dataclasses.dataclass(frozen=True, slots=True)
class Description:
    """What a question says: a title of one line (200 characters at most, never empty), a text in Markdown,
    what else came with it, as pairs of a name and a value, and what it consists of, each described itself."""

    title: str
    body: str = ""
    rows: tuple[tuple[str, Any], ...] = ()
    parts: tuple[Description, ...] = ()


class Kind(abc.ABC):
    """One way to read a payload: which payloads, what they say, and what is a legal answer.

    Values may come as they were asked, or as `codec.plain` shows them. All but `detect` and `describe` have
    a default: what `schema` says is checked, and the answer stays as it was given.
    """

    name: ClassVar[str]

    @abc.abstractmethod
    def detect(self, value: Any, response_schema: dict[str, Any] | None) -> bool:
        """Whether this payload is of this kind."""

    @abc.abstractmethod
    def describe(self, value: Any) -> Description:
        """What the question says, of any value at all: an open question may outlive a rule of `detect`."""

    def schema(self, value: Any, response_schema: dict[str, Any] | None) -> dict[str, Any] | None:
        """The JSON Schema of a legal answer; None where any JSON value is one."""
        return response_schema or None

    def check(self, answer: Any, value: Any, response_schema: dict[str, Any] | None) -> Any:
        """The answer in its normal form, or `InvalidAnswer` with all that is wrong with it."""
        if wanted := self.schema(value, response_schema):
            refuse(schema.validate(answer, wanted))
        return self.normal(answer, value)

    def example(self, value: Any, response_schema: dict[str, Any] | None) -> Any:
        """A legal answer, for somebody who has to write one by hand; None where there is none to suggest."""
        return None

    def normal(self, answer: Any, value: Any) -> Any:
        """A legal answer as the workflow gets it."""
        return answer


def refuse(errors: schema.Errors) -> None:
    """Raises `InvalidAnswer` if there are errors."""
    if errors:
        raise InvalidAnswer(
            gettext("The answer does not fit: {problem}").format(problem=schema.in_words(errors)), errors=errors
        )
