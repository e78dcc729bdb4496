"""Log lines that say which run they belong to, and never what a person or a workflow has written.

`RunFilter` on a handler gives every record that is made while a thread is run, by the engine or by the code of
a body or task, on whichever thread of the engine, the attributes `thread_id`, `run_id`, `workflow`, `task` and
`attempt`. `LineFormatter` and `JSONFormatter` print them. What the engine itself logs of an exception is told
by `hitl.discreet`.
"""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from django.db import Error

from hitl import discreet, failures, scope

FIELDS = ("thread_id", "run_id", "workflow", "task", "attempt")
# What every record has; anything else was given as `extra`.
OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_about: ContextVar[dict[str, Any]] = ContextVar("hitl_log_about", default={})  # noqa: B039 - never changed in place


@contextlib.contextmanager
def about(**fields: str) -> Iterator[None]:
    """Lines logged in the block are about this thread, also before its code runs and after."""
    token = _about.set(fields)
    try:
        yield
    finally:
        _about.reset(token)


def place() -> dict[str, Any]:
    """What is being run here: the fields that are known, empty outside a run."""
    here = scope.current.get()
    if here is None:
        return _about.get()
    turn = here.leg.turn
    fields = {"thread_id": turn.thread_id, "run_id": turn.run_id, "workflow": turn.workflow}
    return fields | ({"task": here.name} if here.name else {}) | {"attempt": here.tries}


class RunFilter(logging.Filter):
    """Lets every record through, with the fields of the run it was made in. What a line says itself stays."""

    def filter(self, record: logging.LogRecord) -> bool:
        for name, value in place().items():
            if not hasattr(record, name):
                setattr(record, name, value)
        return True


class Formatter(logging.Formatter):
    """What both have in common: a database's error is told without the row that it quotes."""

    def formatException(
        self,
        ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None],
    ) -> str:
        error = ei[1]
        if any(isinstance(one, Error) and not isinstance(one, discreet.TOLD_IN_FULL) for one in failures.chain(error)):
            assert error is not None
            return discreet.trace(error)
        return super().formatException(ei)


class LineFormatter(Formatter):
    """A line for people, with the run's fields at its end: `… [thread_id=7 run_id=… workflow=graph]`."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = [f"{name}={getattr(record, name)}" for name in FIELDS if hasattr(record, name)]
        return super().formatMessage(record) + (f" [{' '.join(fields)}]" if fields else "")


class JSONFormatter(Formatter):
    """One JSON object a line: time, level, logger, message, process, the run's fields, and plain extras."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            "thread_name": record.threadName,
        }
        for name, value in vars(record).items():
            if name not in OF_EVERY_RECORD and isinstance(value, str | int | float | bool):
                line.setdefault(name, value)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)
