"""The workflows of this process: those in `workflows.py` of every installed app and in `HITL_WORKFLOWS`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured

from hitl import conf
from hitl.errors import UnknownWorkflow
from hitl.workflow import Workflow

_workflows: dict[str, Workflow] = {}
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
    for value in list(vars(module).values()):
        if isinstance(value, Workflow) and value.__module__ == module.__name__:
            register(value)


def register(workflow: Workflow) -> Workflow:
    """Make a workflow known under its given name, else its function's; ImproperlyConfigured if that is taken."""
    name = workflow.given_name or workflow.node
    other = _workflows.get(name)
    if other is not None and other.function is not workflow.function and _origin(other) != _origin(workflow):
        raise ImproperlyConfigured(
            f"Two workflows are called {name!r}: {_origin(other)} and {_origin(workflow)}. Threads belong to a "
            'workflow by its name, so give one of them another: @entrypoint(name="…").'
        )
    workflow.name = name
    _workflows[name] = workflow
    return workflow


def find(name: str) -> Workflow | None:
    return _workflows.get(name)


def get(name: str) -> Workflow:
    """The workflow of this name, or UnknownWorkflow with the names there are."""
    workflow = _workflows.get(name)
    if workflow is None:
        known = ", ".join(sorted(_workflows)) or "none"
        raise UnknownWorkflow(f"There is no workflow {name!r}. Registered: {known}.")
    return workflow


def all() -> list[Workflow]:
    """Every registered workflow, by title."""
    return sorted(_workflows.values(), key=lambda workflow: (workflow.title, workflow.name))


def _origin(workflow: Workflow) -> str:
    return f"{workflow.function.__module__}.{workflow.function.__qualname__}"
