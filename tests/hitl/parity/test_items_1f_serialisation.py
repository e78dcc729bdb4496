"""Items 71 and 72 of LangGraph's functional API are facts that are not copied: what is stored here instead."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from hitl import codec
from hitl.errors import HitlError
from hitl.func import entrypoint, task
from hitl.store import Store
from hitl.types import Command, interrupt
from tests.hitl.programs import facts, on


@dataclass
class Point:
    x: int


def test_item_71_stored_as_readable_json(store: Store) -> None:
    @task
    def give():
        return {"when": (1, 2), "price": 1.5, "name": "té"}

    @entrypoint(checkpointer=store)
    def graph(value):
        return [give().result(), interrupt("?")]

    graph.invoke("in", on())
    (stored,) = facts(store, "task")
    assert stored.value.isascii()
    assert json.loads(stored.value)["price"] == 1.5
    assert graph.invoke(Command(resume="yes"), on()) == [{"when": (1, 2), "price": 1.5, "name": "té"}, "yes"]


def test_item_71_classes_are_kept_by_annotation_or_registration(store: Store) -> None:
    """LangGraph's strict mode reads its allow-list from annotations too; here that is the only mode."""

    @task
    def give() -> Point:
        return Point(3)

    @entrypoint(checkpointer=store)
    def graph(value: str) -> list[Any]:
        return [give().result(), interrupt("?")]

    graph.invoke("in", on())
    assert graph.invoke(Command(resume="yes"), on()) == [Point(3), "yes"]


def test_item_71_a_crafted_row_runs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = json.loads(codec.encode(Point(3), where="value"))
    text = json.dumps(stored).replace(f"{__name__}", "os").replace("Point", "getenv")
    assert "getenv" in text
    with pytest.raises(HitlError, match="getenv"):
        codec.decode(text)
