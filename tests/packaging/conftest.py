"""The wheel, built once, and an empty environment into which nothing but it is installed."""

from __future__ import annotations

import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging.project import Project, run
from tests.services import server

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("packaging")


@pytest.fixture(scope="session")
def workplace() -> Iterator[Path]:
    with server.directory("packaging") as home:
        yield home


@pytest.fixture(scope="session")
def wheel(workplace: Path) -> Path:
    """The wheel, built by way of the source distribution, as a release is."""
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", workplace / "dist", ROOT, cwd=workplace)
    (built,) = (workplace / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="session")
def python(workplace: Path, wheel: Path) -> Path:
    """The Python of an environment that holds the wheel and what it asks for."""
    venv.create(workplace / "venv", with_pip=True)
    python = workplace / "venv/bin/python"
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--constraint", ROOT / "requirements-dev.lock", wheel, cwd=workplace)
    return python


@pytest.fixture
def project(tmp_path: Path, python: Path) -> Project:
    """A project called `shop`, with an app `orders` that has a workflow."""
    run(python, "-m", "django", "startproject", "shop", tmp_path, cwd=tmp_path)
    project = Project(tmp_path, python)
    project.add(
        "shop/settings.py",
        """
        DATABASES["default"]["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        }
        """,
    )
    project.add("orders/__init__.py", "")
    project.add(
        "orders/workflows.py",
        '''
        from hitl.func import entrypoint, task
        from hitl.types import interrupt


        @task
        def priced(order: str) -> str:
            return f"{order} for 40"


        @entrypoint()
        def purchase(order: str) -> str:
            """Buys what somebody has approved."""
            offer = priced(order).result()
            return f"{offer}: {interrupt(f'Buy {offer}?')}"
        ''',
    )
    return project
