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


def test_its_users_may_have_keys_of_any_type(project: Project) -> None:
    project.add("people/__init__.py", "")
    project.add("people/migrations/__init__.py", "")
    project.add(
        "people/models.py",
        """
        import uuid
        from django.contrib.auth.models import AbstractUser
        from django.db import models

        class Person(AbstractUser):
            id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        """,
    )
    more = 'INSTALLED_APPS += ["orders", "people"]\nAUTH_USER_MODEL = "people.Person"\n'
    project.add("shop/settings.py", ENGINE["settings.py"] + more)
    project.manage("makemigrations", "people", "--verbosity", "0")
    project.manage("migrate", "--verbosity", "0")
    project.add(
        "drive.py",
        """
        import json
        from hitl import rebuild, testing, verbs
        from hitl.models import Interrupt, Run
        from people.models import Person

        ana, ben = (Person.objects.create(username=name) for name in ("ana", "ben"))
        verbs.start("purchase", "tea", thread_id="1", by=ana)
        testing.drain()
        asked = Interrupt.objects.get()
        verbs.assign(asked.id, to=ben, by=ana)
        verbs.answer(asked.id, "yes", version=1, by=ben)
        testing.drain()
        asked.refresh_from_db()
        first, _ = Run.objects.order_by("seq")
        print(json.dumps([
            first.requested_by == ana, asked.assignee == ben, asked.answered_by == ben,
            [str(difference) for difference in rebuild.compare("1")],
        ]))
        """,
    )
    printed = project.manage("shell", "--no-imports", "-v", "0", "-c", "import drive")
    assert json.loads(printed) == [True, True, True, []]
