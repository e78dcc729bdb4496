"""The workflows of this process: those in `workflows.py` of every installed app and in `HITL_WORKFLOWS`."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from hitl import conf
from hitl.errors import UnknownVersion, UnknownWorkflow
from hitl.workflow import VERSIONED, Workflow

# By name and version.
_workflows: dict[tuple[str, str], Workflow] = {}
_problems: dict[str, Exception] = {}

logger = logging.getLogger(__name__)


def load() -> None:
    """Import the modules and register what they define. Called when Django starts; harmless to repeat.

    A module that fails does not take the others along: it is logged, and `manage.py check` says so.
    """
    _problems.clear()
    for name in _module_names():
        try:
            register_module(import_module(name))
        except Exception as error:
            _problems[name] = error
            logger.exception("The workflows of %s are not available.", name)


def problems() -> dict[str, Exception]:
    """What kept modules from being loaded, by their names."""
    return dict(_problems)


def _module_names() -> Iterator[str]:
    for app in apps.get_app_configs():
        name = f"{app.name}.workflows"
        if name in sys.modules or find_spec(name) is not None:
            yield name
    yield from conf.settings().workflows


def register_module(module: ModuleType) -> None:
    """Register the workflows that a module defines (not those it only imports)."""
    for value in [*VERSIONED.get(module.__name__, ()), *vars(module).values()]:
        if isinstance(value, Workflow) and value.__module__ == module.__name__ and _is_global(value):
            register(value)


def register(workflow: Workflow) -> Workflow:
    """Make a workflow known under its given name, else its function's, and its version.

    Raises ImproperlyConfigured where that is taken.
    """
    name, version = workflow.given_name or workflow.node, workflow.version
    other = _workflows.get((name, version))
    if other is not None and other.function is not workflow.function and _origin(other) != _origin(workflow):
        both = f"{_origin(other)} and {_origin(workflow)}"
        if version:
            raise ImproperlyConfigured(
                f"Two functions are version {version!r} of workflow {name!r}: {both}. Give one of them another version."
            )
        raise ImproperlyConfigured(
            f"Two workflows are called {name!r}: {both}. Threads belong to a workflow by its name, so give one of them "
            'another, @entrypoint(name="…"), or make it another version, @entrypoint(version="…").'
        )
    workflow.name = name
    _workflows[name, version] = workflow
    return workflow


def find(name: str, *, version: str | None = None) -> Workflow | None:
    """The workflow of this name, the newest or that of a version; None where it is not registered."""
    if version is not None:
        return _workflows.get((name, version))
    return max(_of(name), key=_newness, default=None)


def get(name: str, *, version: str | None = None) -> Workflow:
    """The same, but UnknownWorkflow with the names there are, or UnknownVersion with the versions."""
    workflow = find(name, version=version)
    if workflow is not None:
        return workflow
    if version is not None:
        raise UnknownVersion(
            f"An open turn of workflow {name!r} needs {told(version)} of its code, and here is only "
            f"{_listed(name) or 'none'}. Register the old function beside the new one until its turns are finished: "
            f"@entrypoint(name={name!r}{f', version={version!r}' if version else ''})."
        )
    known = ", ".join(sorted({name for name, _ in _workflows})) or "none"
    raise UnknownWorkflow(f"There is no workflow {name!r}. Registered: {known}.")


def all() -> list[Workflow]:
    """The newest version of every registered workflow, by title."""
    newest = {workflow.name: workflow for workflow in sorted(_workflows.values(), key=_newness)}
    return sorted(newest.values(), key=lambda workflow: (workflow.title, workflow.name))


def versions(name: str) -> list[str]:
    """The versions of this workflow that are registered, oldest first; "" is code that declares none."""
    return [workflow.version for workflow in sorted(_of(name), key=_newness)]


def told(version: str) -> str:
    """A version in a sentence."""
    return f"version {version!r}" if version else "the code without a version"


def _listed(name: str) -> str:
    return ", ".join(told(version) for version in versions(name))


def _of(name: str) -> list[Workflow]:
    return [workflow for (known, _), workflow in _workflows.items() if known == name]


def _newness(workflow: Workflow) -> tuple[list[tuple[int, int, str]], str]:
    """Versions in their natural order, so that it does not matter which module is imported first."""
    parts = [part for part in re.split(r"([0-9]+)", workflow.version) if part]
    return [(1, int(part), "") if part[0] in "0123456789" else (0, 0, part) for part in parts], workflow.version


def _is_global(workflow: Workflow) -> bool:
    return "<locals>" not in workflow.function.__qualname__


def _origin(workflow: Workflow) -> str:
    return f"{workflow.function.__module__}.{workflow.function.__qualname__}"
