"""Futures of tasks: the standard library's, which know when their outcome reached the caller.

A call is *alone* when every earlier call's outcome has reached its parent (rule 12), so a future tells its
parent's scope once it is observed. And a signal is raised by `exception()` too, not handed over as a
value (rule 16).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Generator
from concurrent.futures import Future
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from hitl.signals import Signal

if TYPE_CHECKING:
    from hitl.scope import Call


PATIENCE_SECONDS = 10.0


class TaskFuture(Future[Any]):
    """What a task call returns in synchronous code."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._call = call
        self._callbacks_counted = Lock()
        self._has_callbacks = False
        self._resolving = False
        self.set_running_or_notify_cancel()

    def resolving(self) -> bool:
        """Say that the outcome is about to be set; whether callbacks, the user's code, will run with it."""
        with self._callbacks_counted:
            self._resolving = True
            return self._has_callbacks

    def result(self, timeout: float | None = None) -> Any:
        self._call.leg.refuse_if_signalled()
        try:
            return super().result(timeout)
        except Signal as signal:
            self._hear(signal, timeout)
            raise
        finally:
            if self.done():
                self._call.observe()

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._call.leg.refuse_if_signalled()
        error = super().exception(timeout)
        self._call.observe()
        if isinstance(error, Signal):
            self._hear(error, timeout)
            raise error
        return error

    def _hear(self, signal: Signal, timeout: float | None) -> None:
        if not self._call.leg.wait_until_still(signal, timeout):
            raise TimeoutError from None
        self._call.leg.signalled(signal)

    def add_done_callback(self, fn: Callable[[Future[Any]], object]) -> None:
        with self._callbacks_counted:
            too_late = self._resolving
            self._has_callbacks = True
        if too_late:
            # It is done in a moment; then the callback runs here, and not where the outcome is set.
            super().exception()
        super().add_done_callback(partial(_quietly, fn))


def _quietly(fn: Callable[[Future[Any]], object], future: Future[Any]) -> None:
    """A signal that a callback gets must not keep the engine from resolving other futures."""
    with contextlib.suppress(Signal):
        fn(future)


class AsyncTaskFuture(asyncio.Future):  # type: ignore[type-arg]
    """What a task call returns in asynchronous code."""

    def __init__(self, call: Call, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop=loop)
        self._call = call

    def __await__(self) -> Generator[Any, None, Any]:
        self._call.leg.refuse_if_signalled()
        try:
            return (yield from super().__await__())
        except Signal as signal:
            yield from self._call.leg.until_still(signal).__await__()
            self._call.leg.signalled(signal)
            raise
        finally:
            if self.done():
                self._call.observe()

    __iter__ = __await__

    def result(self) -> Any:
        self._call.observe()
        return super().result()

    def exception(self) -> BaseException | None:
        self._call.observe()
        error = super().exception()
        if isinstance(error, Signal):
            self._call.leg.signalled(error)
            # Where no coroutine runs, a callback of asyncio's own asks (gather), which would lose what is raised.
            if asyncio.current_task() is not None:
                raise error
        return error

    def wait_for_cancel(self, *, after_seconds: float) -> None:
        """On replay: the caller cancelled it then, and does so again, by wait_for(), timeout() or itself.

        Were it cancelled from the start, these would not say TimeoutError as they did. Whoever does not cancel it
        again, because the code or its luck has changed, hears of it after twice the time and PATIENCE_SECONDS.
        """
        self.get_loop().call_later(2 * after_seconds + PATIENCE_SECONDS, self.cancel)

    def forgive(self) -> None:
        """Nobody needs to look at this outcome: asyncio must not complain about it."""
        self._log_traceback = False

    def cancel(self, msg: Any | None = None) -> bool:
        """Cancel the task, unless a question is open: a pause must not end its siblings in mid-effect."""
        if super().cancel(msg):
            self._call.cancel()
            return True
        return False
