"""What is told when code and journal do not agree (rules 12 to 14).

The leg knows what came now, and where. What was recorded, with which arguments and by which code, is in the
journal, which a leg must not read: it may run on an event loop. So the error is raised with what is known, and
`explain` completes it where the failure is written, before anybody outside sees it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from hitl import arguments, codec
from hitl.errors import HitlError, NonDeterminism
from hitl.facts import Fact, ancestors

if TYPE_CHECKING:
    from hitl.leg import Leg
    from hitl.scope import Scope, Work
    from hitl.store import Store
    from hitl.turn import Answered, Asked

RECORDS = ("task", "error", "call")
MAX_SHOWN = 80
REMEDY = (
    "The journal is as it was. Put back what was recorded, or keep the old path for open turns: changed() from "
    "hitl.func, or the old function under @entrypoint(version=…). Then retry the thread if it has failed; or cancel it."
)


@dataclasses.dataclass(frozen=True, slots=True)
class Divergence:
    """problem: the sentence that says it. recorded, now: what stands in the journal and what the code does now."""

    problem: str
    recorded: dict[str, Any]
    now: dict[str, Any]


def of_call(scope: Scope, work: Work, position: int, record: Fact, *, problem: str) -> Divergence:
    """The call at this position of `scope` and a record do not agree; problem: what they do, after "<place> "."""
    parent = _trail(scope)
    recorded = {
        "what": "call",
        "name": record.name,
        "arguments": record.detail.get("args"),
        "number": record.position + 1,
        "parent": parent,
        "seq": record.seq,
        "path": record.path,
    }
    now = {
        "what": "call",
        "name": work.name,
        "arguments": arguments.kept(work.args, work.kwargs),
        "number": position + 1,
        "parent": parent,
    }
    return Divergence(f"call {position + 1} of {parent} {problem}", recorded, now)


def of_question(scope: Scope, place: str, answer: Answered, value: Any) -> Divergence:
    """Another text is asked than was answered at this place."""
    recorded = _answered(_trail(scope), place, answer)
    now = {key: recorded[key] for key in ("what", "number", "key", "parent")} | {"value": _as_kept(value)}
    problem = f"the answer to question {answer.id} belongs to another text than is asked now at its place"
    return Divergence(problem, recorded, now)


def of_answer(leg: Leg, place: str, answer: Answered) -> Divergence:
    """The code ended without asking what was answered."""
    problem = f"the answer to question {answer.id} reached no question this time"
    return Divergence(problem, _answered(_trail_to(leg, place), place, answer), {"what": "nothing"})


def of_pending(leg: Leg, place: str, asked: Asked) -> Divergence:
    """The code ended without asking what waits for an answer."""
    recorded = _question(_trail_to(leg, place), place, asked.id) | {"seq": asked.seq}
    problem = f"question {asked.id}, which waits for its answer, is not asked this time"
    return Divergence(problem, recorded, {"what": "nothing"})


def _answered(parent: str, place: str, answer: Answered) -> dict[str, Any]:
    return _question(parent, place, answer.id) | {"answer_seq": answer.seq}


def _question(parent: str, place: str, question_id: str) -> dict[str, Any]:
    where = place.partition("?")[2]
    keyed = where.startswith("=")
    return {
        "what": "question",
        "id": question_id,
        "value": None,
        "number": None if keyed else int(where) + 1,
        "key": where[1:] if keyed else None,
        "parent": parent,
        "seq": 0,
        "path": place,
    }


def _trail(scope: Scope) -> str:
    """The names from the workflow down to this scope: `refund › review › check`."""
    names: list[str] = []
    here: Scope | None = scope
    while here is not None and here.parent is not None:
        names.append(here.name)
        here = here.parent
    return " › ".join([scope.leg.turn.workflow, *reversed(names)])


def _trail_to(leg: Leg, place: str) -> str:
    """The same down to the call in which a question was asked, of which only the place is known."""
    records = leg.turn.calls
    above = [path for path in ancestors(place.partition("?")[0]) if path]
    return " › ".join([leg.turn.workflow, *(records[path].name if path in records else "?" for path in above)])


def error(leg: Leg, found: Divergence) -> NonDeterminism:
    """The error, with what the leg knows."""
    made = NonDeterminism(
        thread_id=leg.turn.thread_id,
        workflow=leg.turn.workflow,
        problem=found.problem,
        recorded=dict(found.recorded),
        now=found.now | {"code_version": leg.code_version},
    )
    _tell(made)
    return made


def explain(store: Store, found: BaseException | None) -> None:
    """Complete the error with what the journal knows. Harmless to repeat, and for any other error."""
    if not isinstance(found, NonDeterminism) or found.recorded is None or "code_version" in found.recorded:
        return
    try:
        facts = store.facts(found.thread_id)
    except HitlError:
        return  # What stands there already has to do.
    recorded = found.recorded
    fact = _fact(facts, recorded)
    if fact is not None:
        recorded["seq"] = fact.seq
        if recorded["what"] == "call":
            recorded["arguments"] = fact.detail.get("args")
        else:
            recorded["value"] = _shown(fact.value or "null")
    recorded["code_version"] = _code_version(facts, recorded["seq"])
    _tell(found)


def _fact(facts: Sequence[Fact], recorded: dict[str, Any]) -> Fact | None:
    """The fact of the call, or the newest version of the question that was answered."""
    if recorded["what"] == "call":
        kinds: tuple[str, ...] = RECORDS
        last = recorded["seq"]
    else:
        kinds, last = ("question",), recorded.get("answer_seq", 0)
    there = [fact for fact in facts if fact.path == recorded["path"] and fact.kind in kinds]
    return next((fact for fact in reversed(there) if not last or fact.seq <= last), None)


def _code_version(facts: Sequence[Fact], seq: int) -> str:
    """Of the leg that wrote this fact."""
    legs = [fact for fact in facts if fact.kind == "leg" and fact.seq < seq]
    return str(legs[-1].detail["code_version"]) if legs else ""


# In words


def _tell(found: NonDeterminism) -> None:
    recorded, now = found.recorded or {}, found.now or {}
    then = f"Recorded: {_described(recorded)}, fact {recorded['seq'] or 'unknown'}"
    found.args = (
        f"Thread {found.thread_id!r} ({found.workflow}) cannot be replayed: {found.problem}.\n"
        f"{then}, by {_version(recorded.get('code_version'))}.\n"
        f"Now: {_described(now)}, by {_version(now.get('code_version'))}.\n"
        f"{REMEDY}",
    )


def _described(side: dict[str, Any]) -> str:
    if side["what"] == "nothing":
        return "nothing of the kind"
    if side["what"] == "call":
        return f"{side['name']}({_listed(side['arguments'])}), call {side['number']} of {side['parent']}"
    where = f"question {side['number']}" if side["key"] is None else f"the question with key {side['key']!r}"
    return f"{_cut(side['value'])}, {where} of {side['parent']}"


def _version(version: str | None) -> str:
    return f"code version {version}" if version else "an unknown code version"


def _listed(kept: dict[str, Any] | None) -> str:
    """Arguments as the journal keeps them, in the form of a call."""
    if kept is None:
        return "…"
    if "args" not in kept:
        return f"… {kept['bytes']} bytes of arguments"
    listed = [json.dumps(value, ensure_ascii=False) for value in kept["args"]]
    listed += [f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in kept["kwargs"].items()]
    return _shortened(", ".join(listed))


def _cut(value: Any) -> str:
    if value is None:
        return "“…”"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"“{_shortened(text)}”"


def _shortened(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 1]}…"


def _as_kept(value: Any) -> Any:
    """A value that is asked now as it would be shown once it is stored."""
    try:
        return _shown(codec.encode(value))
    except Exception:
        return f"<{type(value).__name__}>"


def _shown(text: str) -> Any:
    """A stored value as plain data; what cannot be read stays as it is stored."""
    try:
        return codec.plain(text)
    except (ValueError, HitlError):
        return text
