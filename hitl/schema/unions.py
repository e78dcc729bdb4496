"""Of several schemas that a value might fit, the one that it was meant for.

A value that fits none of them is wrong in as many ways as there are branches. Where a constant tells the
branches apart (`"type": "edit"`), only the branch that the value names is worth talking about.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

UNIONS = ("oneOf", "anyOf")


def meant(error: ValidationError) -> Iterator[ValidationError]:
    """The errors of the branch that the value names, however deep; the error itself where it names none."""
    branches = _branches(error)
    named = [errors for errors in branches.values() if not any(map(_is_of_constant, errors))]
    if len(named) != 1 or len(branches) < 2:
        yield error
        return
    for one in named[0]:
        yield from meant(one)


def names(error: ValidationError) -> tuple[list[Any], list[Any]] | None:
    """Where the constant stands that tells the branches apart, and its values, if the value's own is none of them."""
    branches = _branches(error)
    found = [next(filter(_is_of_constant, errors), None) for errors in branches.values()]
    constants = [one for one in found if one is not None]
    places = {tuple(one.absolute_path) for one in constants}
    if len(constants) < 2 or len(constants) != len(branches) or len(places) != 1:
        return None
    return list(places.pop()), [one.validator_value for one in constants]


def _branches(error: ValidationError) -> dict[Any, list[ValidationError]]:
    """The errors of each branch, by its place."""
    branches: defaultdict[Any, list[ValidationError]] = defaultdict(list)
    if error.validator in UNIONS:
        for one in error.context or []:
            branches[one.relative_schema_path[0]].append(one)
    return branches


def _is_of_constant(error: ValidationError) -> bool:
    return error.validator == "const" and len(error.relative_path) == 1
