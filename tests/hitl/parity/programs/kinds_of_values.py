import datetime
import enum
import uuid
from dataclasses import dataclass
from decimal import Decimal

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint, task
from langgraph.types import Command, interrupt
from pydantic import BaseModel


class Colour(enum.Enum):
    RED = "red"


@dataclass
class Point:
    x: int


class Order(BaseModel):
    amount: Decimal


VALUES = [
    {1, 2},
    frozenset("a"),
    datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC),
    Decimal("1.50"),
    uuid.UUID(int=5),
    b"\x00\xff",
    {1: "int key", "a": None},
    float("inf"),
    Colour.RED,
    Point(3),
    Order(amount=Decimal("2.5")),
]


@task
def give(number) -> Colour | Point | Order | object:
    return VALUES[number]


@entrypoint(checkpointer=InMemorySaver())
def graph(value):
    given = [give(number).result() for number in range(len(VALUES))]
    interrupt("?")
    return [one == two and type(one) is type(two) for one, two in zip(given, VALUES, strict=True)]


config = {"configurable": {"thread_id": "1"}}
graph.invoke("in", config)
assert all(graph.invoke(Command(resume="yes"), config))
