"""The database's side of the live layer: facts to HTML, and who may see them.

All of it runs in the hub's own threads, each on its own connection. Consumers never query: every
`database_sync_to_async` call of a process shares one thread, and one slow query there stops all sockets.
A connection stays open between readings and is given up after an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.db import connection
from django.http import HttpRequest
from django.template.loader import render_to_string

from hitl.errors import NotFound
from hitl.models import Interrupt, Thread
from reviewer import access, beside, runstate, timeline
from reviewer.live import presence, watch
from reviewer.live.subscriber import Message


def fragment(thread_id: str, *, after: int) -> tuple[int, str]:
    """Everything of a run page that has changed since `after`, and the seq up to which this is all."""
    state = runstate.read(thread_id)
    rows = timeline.read(thread_id, after=after, up_to=state.seq).rows
    return state.seq, render_to_string("reviewer/events/fragment.html", {"rows": rows, "run": state})


def message(thread_id: str, *, after: int) -> Message:
    seq, html = fragment(thread_id, after=after)
    return Message(thread_id, seq, json.dumps({"thread": thread_id, "seq": seq, "html": html}))


def moved(seqs: Mapping[str, int]) -> dict[str, int]:
    return Thread.objects.moved(seqs)


def queue(watches: Sequence[watch.Watch]) -> list[watch.State]:
    return watch.compare(watches)


def person(session_key: str) -> Any:
    """The user of a session, if it still is one: not signed out, not deactivated, same password."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = auth.get_user(request)
    return user if user.is_authenticated else None


def admit(session_key: str, thread_id: str) -> int | None:
    """The thread's seq if the session's user may look at it; None says no, without saying why."""
    user = person(session_key)
    try:
        return access.thread(user, thread_id).seq if user else None
    except (NotFound, PermissionError):
        return None


def admit_beside(session_key: str, question_id: str) -> bool:
    """Whether the session's user may look at the question."""
    user = person(session_key)
    try:
        return user is not None and bool(access.question(user, question_id))
    except (NotFound, PermissionError):
        return False


def company(question_ids: Iterable[str]) -> dict[str, str]:
    """For rows of the queue: who is beside each question, as HTML."""
    found = beside.with_company(Interrupt.objects.pending().among(question_ids)).only("id")
    for one in found:
        one.looked_at_by = sorted(presence.looking(one.pk))  # type: ignore[attr-defined]
    return {one.pk: render_to_string("reviewer/queue/company.html", {"question": one}) for one in found}


def data_version() -> int:
    """SQLite's count of changes that other connections have made to the database file."""
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return int(cursor.fetchone()[0])


def watches_file() -> bool:
    """Whether other processes' changes must be looked for in the database file."""
    return connection.vendor == "sqlite"


def forget_connection() -> None:
    connection.close()
