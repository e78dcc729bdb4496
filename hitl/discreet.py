"""What a log may say of an exception: messages often quote the value that they fail at, so most are left out."""

from __future__ import annotations

import traceback

from django.db import InterfaceError, OperationalError

from hitl import failures
from hitl.errors import JournalUnreachable, RunStopped

# Their messages name threads, hosts and processes, nothing that was stored.
TOLD_IN_FULL = (RunStopped, JournalUnreachable, OperationalError, InterfaceError, OSError)


def plain(error: BaseException) -> str:
    """An exception in a few words; its message only where that cannot quote a stored value."""
    name = type(error).__name__
    return f"{name}: {failures.message(error).strip()}" if isinstance(error, TOLD_IN_FULL) else name


def trace(error: BaseException) -> str:
    """The traceback of an exception and of those behind it, the first cause first, told by `plain`."""
    told = ["".join([*traceback.format_tb(one.__traceback__), plain(one)]) for one in failures.chain(error)]
    return "\nThis led to:\n".join(reversed(told))
