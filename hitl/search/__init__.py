"""The index behind the queue's search, which finds any part of a word: trigrams, kept by the database itself.

The law is `InterruptQuerySet.matching`: every word somewhere in `Interrupt.search`, upper and lower case alike.
The index only makes that quick, and search gives the same without it. It holds pending questions alone, since
nothing else is searched. It is made after `migrate`, not by a migration: SQLite forgets triggers whenever a
later migration makes the table anew, and the right to create PostgreSQL's extension may be granted later.

Words of one or two characters have no trigram: for them the database reads the questions one after another.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any

from django.db import DatabaseError, connections, transaction

from hitl.search import postgresql, sqlite

if TYPE_CHECKING:
    from hitl.querysets import InterruptQuerySet

TRIGRAM = 3

logger = logging.getLogger(__name__)
_vendors: dict[str, ModuleType] = {"postgresql": postgresql, "sqlite": sqlite}


def ensure(*, using: str, **_: Any) -> None:
    """Make the index where it is missing; without the means to, say so and go on. Called after `migrate`."""
    connection = connections[using]
    vendor = _vendors.get(connection.vendor)
    if vendor is None or not missing(connection):
        return
    try:
        with transaction.atomic(using=using):
            vendor.make(connection)
    except DatabaseError as problem:
        logger.warning("Search in the queue goes without its index. %s %s", str(problem).strip(), vendor.REMEDY)


def missing(connection: Any) -> str:
    """What to do for the index that this database lacks; "" where it stands or there is nothing to index yet."""
    vendor = _vendors.get(connection.vendor)
    if vendor is None or vendor.stands(connection) or not _questions_are_kept(connection):
        return ""
    return str(vendor.REMEDY)


def _questions_are_kept(connection: Any) -> bool:
    from hitl.models import Interrupt

    with connection.cursor() as cursor:
        return Interrupt._meta.db_table in connection.introspection.table_names(cursor)


def strays(connection: Any) -> int:
    """How many questions the index holds wrongly, or lacks."""
    vendor = _vendors.get(connection.vendor)
    return int(vendor.strays(connection)) if vendor is not None and vendor.stands(connection) else 0


def remake(connection: Any) -> None:
    """Make the index anew from the questions that are there."""
    with transaction.atomic(using=connection.alias):
        _vendors[connection.vendor].make(connection)


def narrow(questions: InterruptQuerySet, words: Sequence[str]) -> InterruptQuerySet:
    """Leave out what cannot match, where the database does not see that by itself."""
    indexed = [word for word in words if len(word) >= TRIGRAM]
    connection = connections[questions.db]
    if connection.vendor != "sqlite" or not indexed:
        return questions
    found = sqlite.candidates(connection, indexed)
    return questions if found is None else questions.among(found)
