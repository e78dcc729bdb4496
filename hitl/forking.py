"""Going back: forks, updates, copies and pruning, as transitions and plans over a journal (rule 11).

A fork is a fact that names its base: the live history is the base's, up to there, and what follows the
fork. It opens a turn of its own, so that its facts have addresses of their own; finished tasks of the
base are bound as if they were its own, questions that were open at the base are asked anew, under new ids.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hitl import errors, transitions
from hitl.facts import Author, Fact, new_id, question_id
from hitl.store import Unit
from hitl.transitions import busy, held

# Kinds that open a turn, and those that a thread's value can come from.
OPENINGS = ("input", "fork")
VALUES = ("output", "update")
SAVED = ("output", "update", "save")

Range = Callable[[int, int], list[Fact]]


def lineage(read: Range, first: int, last: int) -> list[Fact]:
    """The live history of the turn that opens at `first`, up to `last`: its bases' facts, then its own.

    read(first, last) gives a thread's facts from one seq to another, both included.
    """
    facts = read(first, last)
    while facts and facts[0].kind == "fork":
        detail = facts[0].detail
        facts = [*read(detail["turn_seq"], detail["base"]), *facts]
    return facts


@dataclasses.dataclass(frozen=True, slots=True)
class Base:
    """A place in a thread's journal that can be gone back to.

    turn_seq: where its turn opens. previous_seq: the saved value that turn began with; saved_seq: the one a turn
    that begins here would get. questions: those that were open here. version: of the workflow's code, for its turn.
    """

    seq: int
    turn_seq: int
    previous_seq: int | None
    saved_seq: int | None
    questions: tuple[Fact, ...]
    version: str = ""


def base(facts: Sequence[Fact], seq: int, thread_id: str) -> Base:
    """What stood at this seq, from the whole journal. Raises NotFound where there is no such."""
    upto = [fact for fact in facts if fact.seq <= seq]
    opening = next((fact for fact in reversed(upto) if fact.kind in OPENINGS), None)
    if opening is None or not any(fact.seq == seq for fact in facts):
        raise errors.NotFound(
            f"Thread {thread_id!r} has no checkpoint {seq}. get_state_history() lists those there are."
        )
    by_seq = {fact.seq: fact for fact in facts}

    def read(first: int, last: int) -> list[Fact]:
        return [by_seq[number] for number in range(first, last + 1) if number in by_seq]

    live = lineage(read, opening.seq, seq)
    open_at: dict[str, Fact] = {}
    for fact in live:
        if fact.kind == "fork":
            open_at.clear()
        elif fact.kind == "question":
            open_at[fact.path] = fact
        elif fact.kind in ("answer", "release", "cancel", "discard", "update"):
            open_at.pop(fact.path, None)
    first = live[0].seq
    saved = [fact.seq for fact in upto if fact.kind in SAVED]
    before = [number for number in saved if number < first]
    return Base(
        seq,
        opening.seq,
        before[-1] if before else None,
        saved[-1] if saved else None,
        tuple(open_at.values()),
        live[0].detail.get("version", ""),
    )


def fork(unit: Unit, at: Base, *, author: Author) -> Any:
    """Open a turn that goes on from `at`. The open turn, if there is one, is given up. Returns the queued run."""
    make_way(unit, author=author)
    thread = unit.thread
    run_id = new_id()
    unit.add(
        Fact(
            "fork",
            thread.turn + 1,
            detail=author.detail()
            | {
                "run": run_id,
                "base": at.seq,
                "turn_seq": at.turn_seq,
                "previous_seq": at.previous_seq,
                "version": at.version,
            },
        )
    )
    for asked in at.questions:
        _ask_anew(unit, asked)
    return unit.runs[run_id]


def restart(
    unit: Unit,
    at: Base,
    *,
    workflow: str,
    text: str,
    author: Author,
    metadata: Mapping[str, Any],
    version: str = "",
) -> Any:
    """Open a turn with a new input, as the one that followed `at`: its `previous` is what was saved by then."""
    make_way(unit, author=author)
    back_to = {"base": at.seq, "previous_seq": at.saved_seq}
    return transitions.start(
        unit, workflow=workflow, version=version, text=text, author=author, metadata=metadata, back_to=back_to
    )


def resume(unit: Unit, at: Base, value: Any, *, author: Author) -> None:
    """Fork, and answer the questions that were open at the base; a map may use their ids of then."""
    fork(unit, at, author=author)
    turn = unit.thread.turn
    now = {asked.detail["id"]: _id(unit, turn, asked.path) for asked in at.questions}
    if isinstance(value, dict) and value and all(key in now for key in value):
        value = {now[key]: item for key, item in value.items()}
    transitions.resume(unit, value, author=author)


def update(unit: Unit, text: str, *, author: Author) -> None:
    """Close the turn as if it had returned this value."""
    make_way(unit, author=author)
    thread = unit.thread
    unit.add(Fact("update", thread.turn, attempt=thread.seq + 1, value=text, detail=author.detail()))


def make_way(unit: Unit, *, author: Author) -> None:
    """Give up the open turn; ThreadBusy while it runs, QuestionHeld while an answer can be undone (rule 22)."""
    thread = unit.thread
    for question in unit.questions.values():
        if question.status == "held":
            raise held(question)
    if thread.status == "busy":
        raise busy(thread.id)
    if thread.status != "idle":
        unit.add(Fact("discard", thread.turn, attempt=thread.seq + 1, detail=author.detail()))
        thread.lease_epoch += 1


def _ask_anew(unit: Unit, asked: Fact) -> None:
    turn = unit.thread.turn
    detail = asked.detail | {"id": _id(unit, turn, asked.path), "version": 1}
    unit.add(dataclasses.replace(asked, turn=turn, attempt=1, detail=detail))


def _id(unit: Unit, turn: int, path: str) -> str:
    call, _, where = path.partition("?")
    return question_id(unit.thread.id, turn, call, where)


def copied(facts: Sequence[Fact], *, source: str, target: str) -> list[Fact]:
    """A journal's facts for another thread: the same history, its questions under ids of their own."""
    ids: dict[str, str] = {}
    copies = []
    for fact in facts:
        detail = dict(fact.detail)
        if fact.kind == "question":
            call, _, where = fact.path.partition("?")
            ids[detail["id"]] = question_id(target, fact.turn, call, where)
        if "id" in detail:
            detail["id"] = ids.get(detail["id"], detail["id"])
        if "run" in detail:
            detail["run"] = ids.setdefault(detail["run"], new_id())
        if fact.kind == "input":
            detail["idempotency_key"] = None
        copies.append(dataclasses.replace(fact, detail=detail, seq=0))
    return copies


def copy(unit: Unit, facts: Sequence[Fact], *, source: str) -> None:
    """Write another thread's history into this new one."""
    if not unit.is_new:
        raise errors.ThreadBusy(f"Thread {unit.thread.id!r} is there already; copy to an id that is not in use.")
    for fact in copied(facts, source=source, target=unit.thread.id):
        unit.add(fact)


def prunable(facts: Sequence[Fact], thread: Any) -> list[int]:
    """The seqs of facts that nothing needs but history: those of turns before the last one's lineage."""
    openings = [fact for fact in facts if fact.kind in OPENINGS]
    if not openings:
        return []
    first = openings[-1]
    while first.kind == "fork":
        first = next(fact for fact in facts if fact.seq == first.detail["turn_seq"])
    kept = {thread.output_seq, thread.previous_seq}
    return [fact.seq for fact in facts if fact.seq < first.seq and fact.seq not in kept]
