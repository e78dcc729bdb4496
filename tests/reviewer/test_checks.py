"""What `manage.py check` says of a project that has the desk."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from pytest_django import Settings

from reviewer import checks


def test_this_project_is_well() -> None:
    assert run_checks(tags=["reviewer"]) == []


@pytest.mark.parametrize(("missing", "told"), [(checks.OURS, "reviewer.E001"), (checks.CSRF, "reviewer.W002")])
def test_a_middleware_that_is_missing_is_told(settings: Settings, missing: str, told: str) -> None:
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != missing]
    assert [message.id for message in run_checks(tags=["reviewer"])] == [told]


@pytest.fixture
def uncollected(settings: Settings, tmp_path: Path) -> None:
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    }


def test_static_files_that_nobody_collected_are_told(uncollected: None) -> None:
    found = run_checks(tags=["reviewer"], include_deployment_checks=True)
    assert [message.id for message in found] == ["reviewer.W004"]


@pytest.mark.django_db
def test_nothing_is_served_without_them(uncollected: None) -> None:
    with pytest.raises(CommandError, match=r"Run `manage\.py collectstatic"):
        call_command("serve", "--port", "1")
