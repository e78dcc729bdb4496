"""What `manage.py check` says of a project that has the desk."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from pytest_django import Settings

from reviewer import checks


def test_this_project_is_well() -> None:
    assert run_checks(tags=["reviewer"]) == []


@pytest.mark.parametrize(("missing", "told"), [(checks.OURS, "reviewer.E001"), (checks.CSRF, "reviewer.W002")])
def test_a_middleware_that_is_missing_is_told(settings: Settings, missing: str, told: str) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != missing]
    assert [message.id for message in run_checks(tags=["reviewer"])] == [told]
