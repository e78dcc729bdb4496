"""Executors, chosen by `HITL_EXECUTOR`. In the box: `inprocess`, threads in the web process."""

from __future__ import annotations

from functools import cache

from django.utils.module_loading import import_string

from hitl import conf
from hitl.executors.base import Executor

__all__ = ["Executor", "current", "serve", "stop"]


def current() -> Executor:
    """The executor of this process."""
    return _made(conf.settings().executor)


def serve() -> None:
    """This process is a server: let its executor, if it is one of the process, begin."""
    current().serve()


def stop() -> None:
    current().stop()


@cache
def _made(path: str) -> Executor:
    made = import_string(path)()
    if not isinstance(made, Executor):
        raise TypeError(f"HITL_EXECUTOR names {path}, which is no hitl.executors.Executor.")
    return made
