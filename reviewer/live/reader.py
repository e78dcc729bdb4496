"""The database's side of the live layer: facts to HTML, and who may see them.

All of it runs in the hub's own threads, each on its own connection. Consumers never query: every
`database_sync_to_async` call of a process shares one thread, and one slow query there stops all sockets.
A connection stays open between readings and is given up after an error.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.db import connection
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import translation

from hitl.errors import NotFound
from hitl.models import Interrupt, Thread
from reviewer import access, beside, runstate, timeline
from reviewer.live import presence, watch
from reviewer.live.subscriber import Message


@dataclasses.dataclass(frozen=True, slots=True)
class News:
    """Everything of a run page that has changed since some seq, read once, to be told in any language."""

    state: runstate.Found
    facts: timeline.Facts

    @property
    def seq(self) -> int:
        """Up to where this is all."""
        return self.state.thread.seq

    def html(self) -> str:
        """As fragments, in the language that is active now."""
        context = {"rows": self.facts.page().rows, "run": runstate.of(self.state)}
        return render_to_string("reviewer/events/fragment.html", context)


def news(thread_id: str, *, after: int) -> News:
    state = runstate.found(thread_id)
    return News(state, timeline.facts(thread_id, after=after, up_to=state.thread.seq))


def message(thread_id: str, *, after: int, languages: Collection[str]) -> Message:
    """What has changed, read once and rendered once for each of these languages."""
    found = news(thread_id, after=after)
    texts = {}
    for language in languages:
        with translation.override(language):
            said = {"thread": thread_id, "seq": found.seq, "html": found.html()}
        texts[language] = json.dumps(said)
    return Message(thread_id, found.seq, texts)


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


def company(question_ids: Iterable[str], *, languages: Collection[str]) -> dict[tuple[str, str], str]:
    """For rows of the queue: who is beside each question, as HTML, by the question's id and the language."""
    found = list(beside.with_company(Interrupt.objects.pending().among(question_ids)).only("id"))
    for one in found:
        one.looked_at_by = sorted(presence.looking(one.pk))  # type: ignore[attr-defined]
    rows: dict[tuple[str, str], str] = {}
    for language in languages:
        with translation.override(language):
            for one in found:
                rows[one.pk, language] = render_to_string("reviewer/queue/company.html", {"question": one})
    return rows


def language(code: str) -> str:
    """The language of this code where there is a catalogue for it, else the project's own."""
    return code if translation.check_for_language(code) else settings.LANGUAGE_CODE


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
