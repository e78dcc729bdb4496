"""A Python annotation as a schema: what fits it, and the value as it wants it."""

from __future__ import annotations

import functools
import inspect
from typing import Any

from hitl.errors import InvalidAnswer, InvalidInput, InvalidSchema, ValidationFailed
from hitl.schema.telling import in_words, json_path


def is_model(annotation: Any) -> bool:
    """Whether it is a pydantic model, whose schema has a title of its own."""
    from pydantic import BaseModel

    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def from_annotation(annotation: Any, *, title: str = "") -> dict[str, Any]:
    """The JSON Schema of what an annotation allows; {} where it allows anything or cannot be told.

    title: the schema's own, with what has a name of its own among its definitions.
    """
    adapter = _adapter_of(_entitled(annotation, title)) if title else _adapter_of(annotation)
    if adapter is None:
        return {}
    try:
        return dict(adapter.json_schema(schema_generator=_quiet_generator()))
    except Exception:  # a type that can be checked but not described
        return {}


def _entitled(annotation: Any, title: str) -> Any:
    from pydantic import RootModel, create_model

    from hitl.schema import typeddicts

    root: Any = RootModel
    try:
        return create_model(title, __base__=root[typeddicts.modern(annotation)])
    except Exception:  # a type that cannot be described
        return None


def from_model(response_schema: Any) -> dict[str, Any]:
    """The JSON Schema of a `response_schema`: a schema itself, a pydantic model, TypedDict or dataclass.

    Raises `InvalidSchema` for anything that has none.
    """
    if isinstance(response_schema, dict):
        return response_schema
    found = from_annotation(response_schema)
    if not found:
        raise InvalidSchema(
            f"response_schema={response_schema!r} tells no JSON Schema. Give a JSON Schema as a dict, a "
            "pydantic model, a TypedDict or a dataclass."
        )
    return found


def coerce(annotation: Any, value: Any) -> Any:
    """The value as its annotation wants it ("4" as 4, a dict as the model); raises `InvalidInput`."""
    return _coerced(annotation, value, InvalidInput, "The input does not fit")


def coerce_answer(response_schema: Any, value: Any) -> Any:
    """An answer as the object its response schema describes; raises `InvalidAnswer`."""
    if isinstance(response_schema, dict):
        return value
    return _coerced(response_schema, value, InvalidAnswer, "The answer does not fit")


def _coerced(annotation: Any, value: Any, error_class: type[ValidationFailed], told: str) -> Any:
    adapter = _adapter_of(annotation)
    if adapter is None:
        return value
    from pydantic import PydanticUserError, ValidationError

    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        errors = [(json_path(one["loc"]), one["msg"]) for one in found]
        raise error_class(f"{told}: {in_words(errors)}", errors=errors) from error
    except PydanticUserError:  # an annotation with names that are still unknown
        return value


def _adapter_of(annotation: Any) -> Any:
    if any(annotation is anything for anything in _ANYTHING) or isinstance(annotation, str):
        return None
    try:
        return _cached_adapter(annotation)
    except TypeError:  # not hashable
        return _adapter(annotation)


_ANYTHING = (None, Any, object, inspect.Parameter.empty)


def _adapter(annotation: Any) -> Any:
    from pydantic import TypeAdapter

    from hitl.schema import typeddicts

    try:
        return TypeAdapter(typeddicts.modern(annotation))
    except Exception:  # an annotation may be any object at all; what has no schema is not checked
        return None


_cached_adapter = functools.lru_cache(maxsize=1000)(_adapter)


@functools.cache
def _quiet_generator() -> Any:
    from pydantic.json_schema import GenerateJsonSchema

    class Quiet(GenerateJsonSchema):
        """Leaves out what JSON Schema cannot say, without a warning."""

        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}

    return Quiet
