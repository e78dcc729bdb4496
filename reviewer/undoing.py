"""How long an answer given here can be undone: as the workflow says, unless the person wants it otherwise."""

from __future__ import annotations

from django.http import HttpRequest

from hitl import conf, registry
from hitl.errors import UnknownWorkflow
from reviewer.context import Desk


def seconds(request: HttpRequest, workflow: str) -> float:
    """The window for this person's answer. A workflow that switches undo off (0) has the last word."""
    try:
        declared = registry.get(workflow).undo_seconds
    except UnknownWorkflow:
        declared = conf.settings().undo_seconds
    wanted = Desk(request).undo
    return float(wanted) if wanted and declared else declared
