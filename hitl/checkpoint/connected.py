"""A store's connection to Django's database: used, lost and renewed.

After a database error nothing runs again: the connection is renewed, the journal is asked whether the facts are
there, and if not they are written while the lease stands (rule 6).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connections

from hitl import conf, discreet
from hitl.errors import InsideTransaction, JournalUnreachable
from hitl.journal import inline
from hitl.store import Store

T = TypeVar("T")
GONE = (OperationalError, InterfaceError)

logger = logging.getLogger(__name__)


class Connected(Store):
    """What `hitl.checkpoint.database` knows of its connection, which is that of the thread it is called in."""

    alias: str

    @property
    def connection(self) -> Any:
        return connections[self.alias]

    def check_usable(self) -> None:
        if self.connection.in_atomic_block and not inline.get():
            raise InsideTransaction(
                "A graph cannot run inside transaction.atomic(): its results are durable at once and could not be "
                "rolled back. Use hitl.verbs.start() or answer() there; in tests use hitl.testing."
            )

    def leave_broken_connection(self) -> None:
        """Close this thread's connection if an error came over it; the next query makes another."""
        if self.connection.errors_occurred:
            self.renew_connection()

    def renew_connection(self) -> None:
        """After an error: the next query makes another connection.

        Where this one was lost, those that wait in Django's pool are likely to be, too; the pool replaces them
        when it is told to look, rather than handing them out one after another.
        """
        connection = self.connection
        if connection.in_atomic_block:
            return
        lost_it = connection.connection is not None and not connection.is_usable()
        connection.close()
        pool = getattr(connection, "pool", None)
        if lost_it and pool is not None:
            pool.check()

    def close_connection(self) -> None:
        connection = self.connection
        if not connection.in_atomic_block:
            connection.close()

    @contextmanager
    def _reachable(self, what: str) -> Iterator[None]:
        """JournalUnreachable where the database is locked or gone while `what` is read or written."""
        try:
            yield
        except GONE as error:
            self.renew_connection()
            raise unreachable(what, error) from error

    def _patiently(
        self,
        thread_id: str,
        attempt: Callable[[], T],
        already: Callable[[], T | None],
        *,
        in_doubt: bool = False,
    ) -> T:
        """Try until it is done, certainly once, or the database stayed away too long (rule 6).

        in_doubt: an attempt has been made before, and may have succeeded.
        """
        deadline = monotonic() + conf.settings().database_patience_seconds
        pause = 0.05
        while True:
            try:
                if in_doubt:
                    done = already()
                    if done is not None:
                        return done
                return attempt()
            except (*GONE, JournalUnreachable) as error:
                if self.connection.in_atomic_block:
                    raise
                if monotonic() > deadline:
                    raise unreachable(thread_id, error) from error
                logger.warning(
                    "The journal of thread %s cannot be written yet: %s",
                    thread_id,
                    discreet.plain(error),
                    extra={"thread_id": thread_id},
                )
                in_doubt = True
                self.renew_connection()
                sleep(pause)
                pause = min(pause * 2, 2.0)

    def still_stands(self, held: Any) -> bool:
        """Whether this thread's connection is the one it was: Django replaces a lost one."""
        return self.connection.connection is held and self.connection.is_usable()


def unreachable(thread_id: str, error: BaseException) -> JournalUnreachable:
    return JournalUnreachable(
        f"The journal of {thread_id!r} cannot be reached ({error}). Nothing was half-written; try again."
    )
