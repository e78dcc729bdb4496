"""The classes that a task's annotations name can be stored without being registered one by one."""

from __future__ import annotations

import dataclasses
import enum
from collections import namedtuple
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, NamedTuple, NewType, TypeVar

import pydantic
import pytest
from typing_extensions import TypedDict

from hitl import codec
from hitl.errors import UnstorableValue

if TYPE_CHECKING:
    from nowhere import Absent

T = TypeVar("T")


class Mood(enum.Enum):
    GOOD = 1


class Kind(enum.Enum):
    A = "a"


class Leaf(NamedTuple):
    mood: Mood


@dataclasses.dataclass
class Branch:
    leaves: list[Leaf | None]
    up: Tree | None = None


class Tree(pydantic.BaseModel):
    branches: dict[str, Annotated[list[Branch], "all of them"]] = {}
    site: pydantic.HttpUrl | None = None


class Row(TypedDict):
    tree: Tree


@dataclasses.dataclass
class Box(Generic[T]):
    content: T


@dataclasses.dataclass
class Inner:
    pass


Bare = namedtuple("Bare", "a")
Name = NewType("Name", Inner)


def kept(value: Any) -> bool:
    try:
        return codec.decode(codec.encode(value)) == value
    except UnstorableValue:
        return False


def test_everything_an_annotation_reaches_is_registered() -> None:
    def task(row: Row, *, bare: Callable[[Bare], None], kind: Literal[Kind.A]) -> Box[Name] | None: ...

    values = [
        Tree(branches={"x": [Branch([Leaf(Mood.GOOD), None])]}, site=pydantic.HttpUrl("http://a.b")),
        Bare(1),
        Kind.A,
        Box(Inner()),
    ]
    assert not any(map(kept, values))
    codec.register_annotations(task)
    assert all(map(kept, values))


@dataclasses.dataclass
class Known:
    pass


def test_one_annotation_that_cannot_be_resolved_does_not_hide_the_others() -> None:
    def task(a: Absent, b: Known) -> Nothing: ...  # type: ignore[name-defined]  # noqa: F821

    codec.register_annotations(task)
    assert kept(Known())


@pytest.mark.parametrize("func", [None, 3, len, print, lambda x: x, Mood, dataclasses.dataclass], ids=repr)
def test_it_never_raises(func: Any) -> None:
    codec.register_annotations(func)


def test_strange_annotations_do_no_harm() -> None:
    def task(a: Any) -> None: ...

    task.__annotations__ = {"a": [1, {}], "b": "((", "c": {"x": []}, "d": Ellipsis, "return": list["Nope"]}  # type: ignore[name-defined]  # noqa: F821
    codec.register_annotations(task)


def test_a_registered_class_brings_the_classes_of_its_fields() -> None:
    class Part(enum.Enum):
        X = 1

    codec.register(dataclasses.make_dataclass("Whole", [("part", Part)]))
    assert kept(Part.X)
