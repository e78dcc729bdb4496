"""What fits a type or a schema, and what is said of what does not; nothing is ever fetched."""

from __future__ import annotations

import dataclasses
import enum
import socket
import subprocess
import sys
import typing
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

import pydantic
import pytest
import typing_extensions

from hitl import schema
from hitl.errors import InvalidAnswer, InvalidInput, InvalidSchema


class Review(pydantic.BaseModel):
    decision: Literal["ship", "hold"]
    score: int = pydantic.Field(ge=1, le=5)
    note: str = ""


@dataclasses.dataclass
class Order:
    lines: list[int]
    paid: bool = False


class Modern(typing_extensions.TypedDict):
    a: int


class Nested(typing.TypedDict):
    b: typing_extensions.NotRequired[str]


class Classic(typing.TypedDict):
    a: int
    nested: list[Nested] | None


class Opaque:
    pass


class Mood(enum.Enum):
    GOOD = "good"


@pytest.mark.parametrize("annotation", [Any, None, object, "Forward", Opaque, [1, 2], {}], ids=repr)
def test_what_cannot_be_told_allows_everything(annotation: Any) -> None:
    assert schema.from_annotation(annotation) == {}
    for value in (1, None, "x", {"a": ()}):
        assert schema.coerce(annotation, value) is value


def test_no_annotation_allows_everything() -> None:
    import inspect

    assert schema.from_annotation(inspect.Parameter.empty) == {}


@pytest.mark.parametrize(
    ("annotation", "given", "wanted"),
    [
        (int, "5", 5),
        (str, "x", "x"),
        (list[int], ["1", 2], [1, 2]),
        (Order, {"lines": ["1"]}, Order([1])),
        (Order, Order([1]), Order([1])),
        (Review, {"decision": "ship", "score": "4"}, Review(decision="ship", score=4)),
        (Modern, {"a": "5"}, {"a": 5}),
        (Classic, {"a": "5", "nested": [{"b": "x"}, {}]}, {"a": 5, "nested": [{"b": "x"}, {}]}),
        (Mood, "good", Mood.GOOD),
        (Mood | None, None, None),
        (Annotated[int, pydantic.Field(ge=1)], "1", 1),
        (Decimal, "1.50", Decimal("1.50")),
    ],
    ids=repr,
)
def test_a_value_becomes_what_its_annotation_says(annotation: Any, given: Any, wanted: Any) -> None:
    found = schema.coerce(annotation, given)
    assert type(found) is type(wanted)
    assert found == wanted
    assert schema.from_annotation(annotation)
    assert schema.coerce_answer(annotation, given) == wanted


def test_what_does_not_fit_is_told_with_its_place() -> None:
    with pytest.raises(InvalidInput) as caught:
        schema.coerce(list[Order], [{"lines": [1, "x"]}, {}])
    assert [path for path, _ in caught.value.errors] == ["$[0].lines[1]", "$[1].lines"]
    assert "$[0].lines[1]" in str(caught.value)
    with pytest.raises(InvalidAnswer) as refused:
        schema.coerce_answer(int, "x")
    assert [path for path, _ in refused.value.errors] == [""]


def test_annotations_of_unknown_names_are_no_obstacle() -> None:
    assert schema.coerce(list["Nowhere"], [1]) == [1]  # type: ignore[name-defined]  # noqa: F821


def test_a_response_schema_is_a_schema_or_a_type_that_tells_one() -> None:
    given = {"type": "string"}
    assert schema.from_model(given) is given
    for model in (Review, Order, Modern, Classic, Mood, Literal["a", "b"]):
        schema.check_schema(schema.from_model(model))
    assert schema.from_model(Review)["properties"]["score"] == {
        "maximum": 5, "minimum": 1, "title": "Score", "type": "integer",
    }  # fmt: skip
    assert schema.from_model(Classic)["required"] == ["a", "nested"]
    with pytest.raises(InvalidSchema, match=r"Opaque.*tells no JSON Schema"):
        schema.from_model(Opaque)


def test_an_answer_to_a_plain_schema_is_not_changed() -> None:
    value = {"a": "5"}
    assert schema.coerce_answer({"type": "object"}, value) is value


@pytest.mark.parametrize(
    "good",
    [
        {},
        {"type": "object", "properties": {"$ref": {"type": "string"}}, "required": ["$ref"]},
        {"$defs": {"a": {"type": "integer"}}, "items": {"$ref": "#/$defs/a"}},
        {"$id": "https://example.com/x", "$defs": {"a": {"$ref": "#"}}, "properties": {"a": {"$ref": "#/$defs/a"}}},
        {"$schema": "http://json-schema.org/draft-07/schema#", "items": [{"type": "string"}]},
        {"enum": [{"$ref": "https://example.com"}]},
        {"properties": {"child": {"$ref": "#"}}},
        {"x-ui": {"widget": "slider"}, "discriminator": {"propertyName": "type"}},
    ],
    ids=repr,
)
def test_valid_schemas_pass(good: dict[str, Any]) -> None:
    schema.check_schema(good)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("string", "is a dict"),
        (True, "is a dict"),
        ({"type": "text"}, r"\$\.type"),
        ({"properties": {"a": {"minimum": "1"}}}, r"\$\.properties\.a\.minimum"),
        ({"pattern": "("}, "pattern"),
        ({"$ref": "https://example.com/schema.json"}, "nothing is fetched"),
        ({"$ref": "other.json"}, "nothing is fetched"),
        ({"$ref": "file:///etc/passwd"}, "nothing is fetched"),
        ({"$ref": "#/$defs/missing"}, "not within it"),
        ({"anyOf": [{"items": {"not": {"$ref": "http://127.0.0.1/"}}}]}, "http://127.0.0.1/"),
        ({"definitions": {"a": {"$ref": "http://b/"}}, "items": {"$ref": "#/definitions/a"}}, "http://b/"),
        ({"x-parts": {"a": {"items": 5}}, "$ref": "#/x-parts/a"}, "no valid JSON Schema"),
        ({"$dynamicRef": "http://a/#b"}, "nothing is fetched"),
        ({"$ref": "#"}, "without end"),
        ({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}, "without end"),
    ],
    ids=repr,
)
def test_schemas_that_are_wrong_or_lead_elsewhere_are_refused(bad: Any, message: str) -> None:
    with pytest.raises(InvalidSchema, match=message):
        schema.check_schema(bad)


def test_checking_an_answer_never_opens_a_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "socket", lambda *_, **__: pytest.fail("a connection was opened"))
    errors = schema.validate(1, {"$ref": "http://127.0.0.1:9/schema.json"})
    assert [path for path, _ in errors] == [""]
    assert "not within it" in errors[0][1]


REVIEW = Review.model_json_schema()


@pytest.mark.parametrize(
    ("value", "errors"),
    [
        ({"decision": "ship", "score": 4}, []),
        ({"decision": "ship"}, [("$.score", "This is required.")]),
        ({}, [("$.decision", "This is required."), ("$.score", "This is required.")]),
        ({"decision": "no", "score": 4}, [("$.decision", "This must be one of: ship, hold.")]),
        ({"decision": "hold", "score": 9}, [("$.score", "This must be at most 5.")]),
        ({"decision": "hold", "score": "4"}, [("$.score", "This must be a whole number.")]),
        ([], [("", "This must be an object.")]),
        (None, [("", "This must be an object.")]),
    ],
    ids=repr,
)
def test_what_is_wrong_is_said_in_plain_words_at_its_place(value: Any, errors: list[tuple[str, str]]) -> None:
    assert sorted(schema.validate(value, REVIEW)) == errors


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        ("email", "ana@example.com", "ana"),
        ("date", "2024-02-29", "2024-02-30"),
        ("date-time", "2024-02-29T10:00:00Z", "2024-02-29"),
        ("date-time", "2024-02-29T10:00", "soon"),
        ("time", "10:00", "25:00"),
        ("uri", "https://example.com/a", "example"),
        ("duration", "P1DT2H", "1 day"),
        ("uuid", "00000000-0000-0000-0000-000000000007", "7"),
    ],
)
def test_formats_are_checked(form: str, good: str, bad: str) -> None:
    wanted = {"type": "string", "format": form}
    assert schema.validate(good, wanted) == []
    assert schema.validate(bad, wanted) == [("", f"This must be a valid {form}.")]
    assert schema.validate(5, {"format": form}) == []


def test_an_alternative_is_explained_by_the_branch_that_was_meant() -> None:
    one_of = {
        "oneOf": [
            {"properties": {"type": {"const": "approve"}}, "required": ["type"]},
            {"properties": {"type": {"const": "edit"}, "args": {"type": "object"}}, "required": ["type", "args"]},
        ]
    }
    assert schema.validate({"type": "edit", "args": {}}, one_of) == []
    ((path, message),) = schema.validate({"type": "edit", "args": 3}, one_of)
    assert path.startswith("$.")
    assert message


def test_objects_are_judged_by_how_they_look_as_json() -> None:
    assert schema.validate((1, 2), {"type": "array"}) == []
    assert schema.validate({"a": Decimal("1.5")}, {"properties": {"a": {"type": "string"}}}) == []

    class Pair(NamedTuple):
        a: int

    from hitl import codec

    codec.register(Pair)
    assert schema.validate(Pair(1), {"required": ["a"]}) == []


def test_a_huge_value_does_not_fill_the_message() -> None:
    ((_, message),) = schema.validate("x" * 10_000, {"not": {"type": "string"}})
    assert len(message) <= 200


@pytest.mark.parametrize(
    ("parts", "path"),
    [([], ""), (["a", 0, "b"], "$.a[0].b"), (["a b", "", "1"], '$["a b"][""]["1"]'), ([2], "$[2]")],
)
def test_places_are_json_paths(parts: list[Any], path: str) -> None:
    assert schema.json_path(parts) == path


def test_importing_it_imports_neither_django_nor_the_libraries() -> None:
    program = (
        "import sys, hitl.codec, hitl.schema, hitl.questions\n"
        "print([name for name in ('django', 'pydantic', 'jsonschema') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
