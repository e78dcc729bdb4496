"""The arrows run one way: reviewer → hitl → django. And the functional API needs no Django set up."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# What a plain script imports; it must not need settings.
WITHOUT_DJANGO = ["hitl.func", "hitl.types", "hitl.config", "hitl.errors", "hitl.checkpoint.memory"]

PROGRAM = """
import sys
from hitl.checkpoint.memory import InMemorySaver
from hitl.config import get_config
from hitl.func import entrypoint, task
from hitl.types import Command, interrupt

@task
def step_1(input_query):
    return f"{input_query} bar"

@task
def human_feedback(input_query):
    return f"{input_query} {interrupt(f'Please provide feedback: {input_query}')}"

@entrypoint(checkpointer=InMemorySaver())
def graph(input_query):
    return human_feedback(step_1(input_query).result()).result()

config = {"configurable": {"thread_id": "1"}}
graph.invoke("foo", config)
assert graph.invoke(Command(resume="baz"), config) == "foo bar baz"

from django.conf import settings
assert not settings.configured, "the program set Django up"
assert "hitl.models" not in sys.modules, "the program loaded the database models"
"""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and full name of every module that the file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(), filename=str(path))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import hides where it points"
            yield node.lineno, node.module or ""


def arrows(package: str, *, to: set[str]) -> list[str]:
    """Imports anywhere in `package` that lead to one of the top-level packages `to`."""
    return [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for line, module in imports(path)
        if module.split(".")[0] in to
    ]


def circles(package: str) -> list[str]:
    """Modules that lead back to themselves by what is imported while they are loaded."""
    modules = {name_of(path): path for path in (ROOT / package).rglob("*.py")}
    leads = {name: {to for to in loaded(path) if to in modules and to != name} for name, path in modules.items()}
    return sorted(name for name in leads if name in reached(leads, name))


def reached(leads: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    ahead = set(leads[start])
    while ahead:
        found |= ahead
        ahead = {to for name in ahead for to in leads[name]} - found
    return found


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def loaded(path: Path) -> Iterator[str]:
    """What the file imports at once: neither within functions nor for types alone."""
    for node in ast.parse(path.read_text(), filename=str(path)).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            inner = [f"{node.module}.{alias.name}" for alias in node.names]
            are_modules = [(ROOT / name.replace(".", "/")).with_suffix(".py").exists() for name in inner]
            yield from (name for name, is_module in zip(inner, are_modules, strict=True) if is_module)
            if not all(are_modules):
                yield node.module or ""


@pytest.mark.parametrize("package", ["hitl", "reviewer"])
def test_no_module_leads_back_to_itself(package: str) -> None:
    """Which of them is loaded first is chance, or another project's."""
    assert circles(package) == []


def test_the_engine_knows_neither_desk_nor_web_sockets_nor_exporter() -> None:
    web = {
        "reviewer",
        "channels",
        "channels_redis",
        "django_htmx",
        "template_partials",
        "prometheus_client",
        "uvicorn",
        "whitenoise",
    }
    assert arrows("hitl", to=web) == []


@pytest.mark.parametrize("package", ["hitl", "reviewer"])
def test_neither_package_imports_its_tests(package: str) -> None:
    assert arrows(package, to={"tests", "bench", "pytest"}) == []


def run(code: str) -> None:
    """Run it in a Python that has no settings."""
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("module", WITHOUT_DJANGO)
def test_the_functional_api_imports_without_settings(module: str) -> None:
    run(f"import {module}, sys; assert 'hitl.models' not in sys.modules")


def test_a_plain_script_pauses_and_resumes_without_django_set_up() -> None:
    run(PROGRAM)
