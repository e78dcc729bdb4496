"""Asking a question, and getting its answer on replay (rules 13, 17 and 20).

A question is known by its place: the call it stands in and the n-th question there, or its author's key.
An answer goes only to the place and the text it was given to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from hitl import codec, divergence, questions, responses, urgency, words
from hitl.answering import place
from hitl.errors import InvalidAnswer
from hitl.facts import Fact, question_id
from hitl.responses import Prepared
from hitl.scope import Scope
from hitl.signals import Pause
from hitl.turn import Answered

if TYPE_CHECKING:
    from hitl.leg import Leg

MAX_SEARCH = 4000
NOTHING = object()


def urgent(priority: int, due: datetime | timedelta | None) -> dict[str, Any]:
    """What the fact of a question says of its urgency: only what is not as usual. Raises InvalidOption."""
    moment = urgency.checked_due(due, now=datetime.now(UTC))
    said = {"priority": urgency.checked_priority(priority), "due_at": moment and moment.isoformat()}
    return {name: value for name, value in said.items() if value}


def ask(leg: Leg, scope: Scope, value: Any, *, key: str, wanted: Prepared, urgent: dict[str, Any]) -> Any:
    """The answer to the question at this place, or the signal to pause."""
    leg.refuse_if_signalled()
    scope.refuse_if_atomic()
    where = scope.where(key)
    path = place(scope.path, where)
    digest = codec.digest(value)
    scope.taken.add(path)
    answer = leg.turn.answers.get(path)
    if answer is None:
        posed = _pose(leg, scope, value, where=where, digest=digest, wanted=wanted, urgent=urgent)
        responses.remember(posed, digest, wanted.check)
    else:
        if not key and answer.digest != digest:
            raise leg.diverged(divergence.of_question(scope, path, answer, value))
        taken = _take(leg, scope, answer, path=path, check=wanted.check)
        if taken is not NOTHING:
            return taken
    scope.blocked = True
    scope.signal = Pause()
    raise scope.signal


def _take(leg: Leg, scope: Scope, answer: Answered, *, path: str, check: Callable[[Any], Any] | None) -> Any:
    """The answer as the code wants it; NOTHING where its check refuses it, so that it is asked again."""
    answer.delivered = True
    given = codec.decode(answer.value)
    if check is not None:
        try:
            given = check(given)
        except InvalidAnswer as error:
            leg.reject(answer.id, path, str(error))
            return NOTHING
    return given


def _pose(
    leg: Leg, scope: Scope, value: Any, *, where: str, digest: str, wanted: Prepared, urgent: dict[str, Any]
) -> str:
    """Ask, unless it is asked already. Returns the question's id."""
    turn = leg.turn
    path = place(scope.path, where)
    asked = turn.open.get(path)
    if asked is not None:
        asked.met = True
        if asked.digest == digest:
            return asked.id
    text = codec.encode(value, where="question")
    kind = questions.detect(value, wanted.schema)
    with words.as_written():
        title = kind.describe(value).title
    keyed = where.startswith("=")
    version = asked.version + 1 if asked else 1
    known_as = asked.id if asked else question_id(turn.thread_id, turn.number, scope.path, where)
    leg.pose(
        scope,
        Fact(
            "question",
            turn.number,
            path=path,
            attempt=version,
            name=scope.name,
            digest=digest,
            position=0 if keyed else int(where),
            value=text,
            detail={
                "id": known_as,
                "version": version,
                "key": where if keyed else "",
                "schema": json.dumps(wanted.schema) if wanted.schema else "",
                "checks": wanted.checks,
                "question_kind": kind.name,
                "title": title,
                "search": _search_text(leg, scope, title, codec.plain(text)),
                **urgent,
            },
        ),
    )
    return known_as


def _search_text(leg: Leg, scope: Scope, title: str, shown: Any) -> str:
    body = shown if isinstance(shown, str) else json.dumps(shown, ensure_ascii=False)
    return f"{title} {leg.turn.workflow} {scope.name} {leg.turn.thread_id} {body}"[:MAX_SEARCH]
