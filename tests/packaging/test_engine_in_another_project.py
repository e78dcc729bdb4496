"""A project that adds one app has the engine: no page, no web socket, no middleware."""

from __future__ import annotations

import json

import pytest

from tests.packaging.project import Project
from tests.packaging.readme import additions

ENGINE = additions('[..., "hitl"]')


@pytest.fixture
def shop(project: Project) -> Project:
    project.add("shop/settings.py", ENGINE["settings.py"] + 'INSTALLED_APPS += ["orders"]\n')
    project.manage("migrate", "--verbosity", "0")
    return project


def test_the_checks_are_content(shop: Project) -> None:
    shop.manage("check", "--fail-level", "WARNING")
    shop.manage("makemigrations", "--check", "--dry-run", "hitl")


def test_a_workflow_of_the_project_pauses_and_ends(shop: Project) -> None:
    shop.add(
        "drive.py",
        """
        import json
        from hitl.types import Command
        from orders.workflows import purchase

        config = {"configurable": {"thread_id": "1"}}
        asked = list(purchase.stream("tea", config))
        (question,) = asked[-1]["__interrupt__"]
        print(json.dumps([question.value, purchase.invoke(Command(resume="yes"), config)]))
        """,
    )
    printed = shop.manage("shell", "--no-imports", "-v", "0", "-c", "import drive")
    assert json.loads(printed) == ["Buy tea for 40?", "tea for 40: yes"]


def test_the_desk_is_not_even_loaded(shop: Project) -> None:
    code = "import sys; print([name for name in ('reviewer', 'channels', 'uvicorn') if name in sys.modules])"
    assert shop.manage("shell", "--no-imports", "-v", "0", "-c", code).strip() == "[]"
