"""What a workflow takes and gives, as JSON Schema (item 10), and where it keeps that."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hitl.ending import Final

if TYPE_CHECKING:
    from hitl.store import Store


class Described:
    """The JSON Schemas of a workflow's input, output and context, from its annotations."""

    function: Callable[..., Any]
    _context_schema: type[Any] | None
    _checkpointer: Store | None

    @property
    def keeps_elsewhere(self) -> bool:
        """Whether its calls keep their journal in a store of their own, and not in the database."""
        return self._checkpointer is not None

    def get_input_jsonschema(self, config: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Of the input: a model's own, else one under the title LangGraphInput. `config` is not looked at."""
        name = next(iter(inspect.signature(self.function).parameters))
        return _titled("LangGraphInput", self._hints().get(name, Any))

    def get_output_jsonschema(self, config: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Of what it returns: of `entrypoint.final[A, B]` that is A."""
        returned = self._hints().get("return", Any)
        if typing.get_origin(returned) is Final:
            returned = typing.get_args(returned)[0]
        return _titled("LangGraphOutput", returned)

    def get_context_jsonschema(self) -> dict[str, Any] | None:
        """Of `context=`; None where no `context_schema` was declared."""
        from hitl import schema

        return None if self._context_schema is None else schema.from_annotation(self._context_schema)

    def _hints(self) -> dict[str, Any]:
        try:
            return typing.get_type_hints(self.function, include_extras=True)
        except Exception:  # a name that only a type checker knows: what is not known is not described
            return {}


def _titled(title: str, annotation: Any) -> dict[str, Any]:
    from hitl import schema

    if schema.is_model(annotation):
        return schema.from_annotation(annotation)
    return schema.from_annotation(annotation, title=title) or {"title": title}
