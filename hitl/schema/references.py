"""Where the references of a JSON Schema lead, within the schema and never out of it."""

from __future__ import annotations

from typing import Any

MOST_STEPS = 20


def referred(reference: Any, root: dict[str, Any]) -> dict[str, Any]:
    """What a reference points to within the whole schema; {} where that is nothing."""
    if not isinstance(reference, str) or not reference.startswith("#/"):
        return {}
    found: Any = root
    for key in reference.removeprefix("#/").split("/"):
        found = found.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def followed(schema: Any, root: dict[str, Any]) -> dict[str, Any]:
    """The schema itself, or what its references lead to; {} for what is no schema."""
    for _ in range(MOST_STEPS):
        if not isinstance(schema, dict) or "$ref" not in schema:
            return schema if isinstance(schema, dict) else {}
        schema = {**referred(schema["$ref"], root), **{key: one for key, one in schema.items() if key != "$ref"}}
    return {}
