"""The wheel carries what the two packages need, and nothing else."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


@pytest.mark.parametrize("kind", ["templates", "static"])
def test_everything_the_browser_gets_travels_inside_reviewer(names: set[str], kind: str) -> None:
    top = ROOT / kind / "reviewer"
    files = {str(path.relative_to(top)) for path in top.rglob("*") if path.is_file()}
    assert files, f"{top} is empty"
    assert {f"reviewer/{kind}/reviewer/{file}" for file in files} <= names


def test_both_packages_tell_that_they_are_typed(names: set[str]) -> None:
    assert {"hitl/py.typed", "reviewer/py.typed"} <= names


def test_migrations_travel(names: set[str]) -> None:
    assert any(name.startswith("hitl/migrations/0001") for name in names)


def test_catalogues_travel_as_django_reads_them(names: set[str]) -> None:
    for app in ("hitl", "reviewer"):
        assert f"{app}/locale/de/LC_MESSAGES/django.mo" in names
    assert "reviewer/locale/django.pot" in names


def test_nothing_else_is_installed(names: set[str]) -> None:
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"hitl", "reviewer"}
