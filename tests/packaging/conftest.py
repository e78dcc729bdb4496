"""The wheel, built once, and an empty environment into which nothing but it is installed."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.services import server

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("packaging")


def run(*command: str | Path, cwd: Path, expect: int = 0) -> str:
    """Run it without anything of this environment, and return what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == expect, f"{command} exited with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def bare_environment() -> dict[str, str]:
    """So bare that neither the source tree nor its settings can be found by accident."""
    keep = ("PATH", "HOME", "LANG", "TMPDIR", "PIP_INDEX_URL", "PIP_CONFIG_FILE")
    return {name: value for name, value in os.environ.items() if name in keep}


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
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--constraint", ROOT / "requirements-dev.lock", wheel, cwd=workplace)
    return python


@dataclass(frozen=True)
class Project:
    """Somebody's Django project, as `startproject` makes it."""

    home: Path
    python: Path

    def manage(self, *arguments: str, expect: int = 0) -> str:
        return run(self.python, "manage.py", *arguments, cwd=self.home, expect=expect)

    def add(self, path: str, lines: str) -> None:
        """Append the lines to the file."""
        file = self.home / path
        file.parent.mkdir(exist_ok=True)
        with file.open("a") as existing:
            existing.write("\n" + textwrap.dedent(lines))


@pytest.fixture
def project(tmp_path: Path, python: Path) -> Project:
    """A project called `shop`, with an app `orders` that has a workflow."""
    run(python, "-m", "django", "startproject", "shop", tmp_path, cwd=tmp_path)
    project = Project(tmp_path, python)
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
