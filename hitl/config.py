"""What running code can ask for: the run's config and the writer of custom events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hitl import events
from hitl import scope as scopes


def get_config() -> dict[str, Any]:
    """The config of the running workflow: `{"configurable": {"thread_id": …}, "metadata": {…}}`. NotInRun outside."""
    return scopes.require("get_config()").leg.config


def get_stream_writer() -> Callable[[Any], None]:
    """A function that writes a custom event, any storable value, to `stream_mode="custom"` and the journal."""
    scope = scopes.require("get_stream_writer()")
    return lambda value: events.write(scope.leg, scopes.current.get() or scope, value)
