"""Types and JSON Schemas: which value fits, told so that a person can mend it.

Two doors. A Python annotation gives a schema, and coerces what it is given (`annotations.py`, pydantic). A
JSON Schema, which may come from an agent, only checks, and is never a reason to fetch anything: its
references must lead to somewhere within itself (`checking.py`, jsonschema).

Both libraries are imported when first needed, since every program that has a workflow imports this package.
"""

from hitl.schema.annotations import coerce, coerce_answer, from_annotation, from_model, is_model
from hitl.schema.checking import check_schema, validate
from hitl.schema.references import followed, referred
from hitl.schema.telling import Errors, in_words, json_path

__all__ = [
    "Errors",
    "check_schema",
    "coerce",
    "coerce_answer",
    "followed",
    "from_annotation",
    "from_model",
    "in_words",
    "is_model",
    "json_path",
    "referred",
    "validate",
]
