"""What the engine's tests share: both stores, workflows that come and go with a test, an engine with threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from hitl import registry, testing
from hitl.checkpoint.memory import InMemorySaver
from hitl.store import Store
from hitl.workflow import Workflow


@pytest.fixture(params=["memory", pytest.param("database", marks=pytest.mark.django_db(transaction=True))])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """Each store in turn: what holds for one holds for the other."""
    if request.param == "memory":
        yield InMemorySaver()
        return
    from hitl.checkpoint.database import saver

    yield saver()
    testing.close()


@pytest.fixture
def engine(transactional_db: Any) -> Iterator[None]:
    """The database with committed transactions, for tests in which the engine's own threads work."""
    yield
    testing.close()


@pytest.fixture
def register(monkeypatch: pytest.MonkeyPatch) -> Callable[[Workflow], Workflow]:
    """Make a workflow known for the length of the test."""
    monkeypatch.setattr(registry, "_workflows", dict(registry._workflows))
    return registry.register
