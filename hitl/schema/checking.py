"""A JSON Schema as a check. Nothing is ever fetched for it."""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from hitl.errors import InvalidSchema
from hitl.schema import unions
from hitl.schema.telling import Errors, json_path, shortened
from hitl.words import gettext, ngettext

if TYPE_CHECKING:
    from jsonschema import FormatChecker
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator


def check_schema(schema: Any) -> None:
    """Raises `InvalidSchema` unless this is a JSON Schema (2020-12, or what its `$schema` says) by itself."""
    from jsonschema.exceptions import SchemaError

    if not isinstance(schema, dict):
        raise InvalidSchema(f"A JSON Schema is a dict here, and this is a {type(schema).__name__}.")
    try:
        checker = _validator_class(schema)
        checker.check_schema(schema, format_checker=checker.FORMAT_CHECKER)
        _check_references(schema, checker)
        _validator(schema).is_valid(None)
    except SchemaError as error:
        place = json_path(error.absolute_path)
        raise InvalidSchema(f"This is no valid JSON Schema: {place} {shortened(error.message)}") from error
    except RecursionError:
        raise InvalidSchema("This is no valid JSON Schema: it refers to itself without end.") from None


def _check_references(schema: dict[str, Any], checker: Any) -> None:
    """Follow every reference; each must lead to somewhere within the schema."""
    from referencing import Registry, exceptions
    from referencing.jsonschema import DRAFT202012, specification_with

    draft = specification_with(schema.get("$schema", ""), default=DRAFT202012)
    root = draft.create_resource(schema)
    base = root.id() or ""
    pending = [(Registry().with_resource(base, root).resolver(base), root)]
    seen = set()
    while pending:
        resolver, here = pending.pop()
        if id(here.contents) in seen or not isinstance(here.contents, dict):
            continue
        seen.add(id(here.contents))
        for reference in _references(here.contents):
            try:
                found = resolver.lookup(reference)
            except exceptions.Unresolvable as error:
                raise InvalidSchema(
                    f"The schema refers to {reference!r}, which is not within it, and nothing is fetched. "
                    "Put what it needs under $defs."
                ) from error
            # It may lie where the check of the whole has seen no schema.
            checker.check_schema(found.contents)
            pending.append((found.resolver, draft.create_resource(found.contents)))
        pending.extend((resolver.in_subresource(one), one) for one in here.subresources())


def _references(schema: dict[str, Any]) -> list[str]:
    found = (schema.get(keyword) for keyword in ("$ref", "$dynamicRef"))
    return [reference for reference in found if isinstance(reference, str)]


def validate(value: Any, schema: dict[str, Any]) -> Errors:
    """What is wrong with a value, as pairs of a JSON path ("" for the whole) and a message; [] if it fits.

    What is no JSON data (tuples, Decimals, models) is judged by how it is shown as JSON. A value that
    cannot be stored raises `UnstorableValue`.
    """
    from referencing.exceptions import Unresolvable

    from hitl import codec

    shown = codec.plain(codec.encode(value, where="answer"))
    try:
        found = _validator(schema).iter_errors(shown)
        return [_told(error) for one in found for error in unions.meant(one)]
    except Unresolvable as error:
        return [
            ("", gettext("The question's schema refers to something that is not within it: {what}").format(what=error))
        ]
    except RecursionError:
        return [("", gettext("This, or the question's schema, is nested too deeply to be checked."))]


def _validator_class(schema: dict[str, Any]) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    return validator_for(schema, default=Draft202012Validator)


def _validator(schema: dict[str, Any]) -> Validator:
    from referencing import Registry

    # An empty registry retrieves nothing; left out, jsonschema would go and fetch.
    return cast("Validator", _validator_class(schema)(schema, registry=Registry(), format_checker=_format_checker()))


@functools.cache
def _format_checker() -> FormatChecker:
    """The library's own formats, and those for which it would need further packages."""
    from jsonschema import Draft202012Validator, FormatChecker

    checker = FormatChecker(())
    checker.checkers = dict(Draft202012Validator.FORMAT_CHECKER.checkers)
    for name, fits in _FORMATS.items():
        checker.checkers[name] = (_for_text(fits), ValueError)
    return checker


def _for_text(fits: Callable[[str], bool]) -> Callable[[object], bool]:
    return lambda value: not isinstance(value, str) or fits(value)


def _is_datetime(text: str) -> bool:
    """With or without an offset: a browser's date and time field has none."""
    datetime.datetime.fromisoformat(text)
    return len(text) > len("2024-01-01")


def _is_time(text: str) -> bool:
    datetime.time.fromisoformat(text)
    return True


def _is_uri(text: str) -> bool:
    parts = urlsplit(text)
    return bool(parts.scheme and (parts.netloc or parts.path)) and not re.search(r"\s", text)


_DURATION = re.compile(r"-?P(?=.)(\d+W|(\d+Y)?(\d+M)?(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?)")


def _is_duration(text: str) -> bool:
    return _DURATION.fullmatch(text) is not None


_FORMATS: dict[str, Callable[[str], bool]] = {
    "date-time": _is_datetime,
    "time": _is_time,
    "uri": _is_uri,
    "duration": _is_duration,
}


def _told(error: ValidationError) -> tuple[str, str]:
    """The error that explains most, at the place a person would look for it."""
    from jsonschema.exceptions import best_match

    if (names := unions.names(error)) is not None:
        path, values = names
        return json_path(path), shortened(_one_of(values))
    most = best_match([error])
    path = list(most.absolute_path)
    if most.validator == "required" and isinstance(most.validator_value, list):
        # One error for each missing name, and only its message says which.
        path += [name for name in most.validator_value if most.message.startswith(f"{name!r} is")]
    words = _WORDS.get(str(most.validator))
    message = words(most.validator_value) if words else most.message
    return json_path(path), shortened(message)


def _types(wanted: Any) -> str:
    said = {
        "string": gettext("This must be a text."),
        "integer": gettext("This must be a whole number."),
        "number": gettext("This must be a number."),
        "boolean": gettext("This must be true or false."),
        "object": gettext("This must be an object."),
        "array": gettext("This must be a list."),
        "null": gettext("This must be empty (null)."),
    }
    if isinstance(wanted, str):
        return said[wanted]
    names = {
        "string": gettext("a text"),
        "integer": gettext("a whole number"),
        "number": gettext("a number"),
        "boolean": gettext("true or false"),
        "object": gettext("an object"),
        "array": gettext("a list"),
        "null": gettext("empty (null)"),
    }
    return gettext("This must be one of: {values}.").format(values=", ".join(names[name] for name in wanted))


def _one_of(values: Any) -> str:
    return gettext("This must be one of: {values}.").format(values=_listed(values))


def _listed(values: Any) -> str:
    return ", ".join(value if isinstance(value, str) else repr(value) for value in values)


def _valid(name: Any) -> str:
    return gettext("This must be a valid {format}.").format(format=name)


_WORDS: dict[str, Callable[[Any], str]] = {
    "required": lambda names: gettext("This is required."),
    "type": _types,
    "enum": _one_of,
    "const": lambda value: gettext("This must be {value}.").format(value=repr(value)),
    "minimum": lambda least: gettext("This must be at least {limit}.").format(limit=least),
    "maximum": lambda most: gettext("This must be at most {limit}.").format(limit=most),
    "exclusiveMinimum": lambda least: gettext("This must be more than {limit}.").format(limit=least),
    "exclusiveMaximum": lambda most: gettext("This must be less than {limit}.").format(limit=most),
    "minLength": lambda least: ngettext(
        "This must have at least {n} character.", "This must have at least {n} characters.", least
    ).format(n=least),
    "maxLength": lambda most: ngettext(
        "This must have at most {n} character.", "This must have at most {n} characters.", most
    ).format(n=most),
    "minItems": lambda least: ngettext("This needs at least {n} item.", "This needs at least {n} items.", least).format(
        n=least
    ),
    "maxItems": lambda most: ngettext(
        "This may have at most {n} item.", "This may have at most {n} items.", most
    ).format(n=most),
    "uniqueItems": lambda _: gettext("No item may occur twice."),
    "pattern": lambda pattern: gettext("This must match {pattern}.").format(pattern=pattern),
    "format": _valid,
    "oneOf": lambda _: gettext("This fits none of the forms that it may have, or more than one."),
    "anyOf": lambda _: gettext("This fits none of the forms that it may have."),
    "multipleOf": lambda step: gettext("This must be a multiple of {step}.").format(step=step),
}
