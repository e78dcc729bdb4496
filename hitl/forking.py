"""Going back: forks, updates, copies and pruning, as transitions and plans over a journal (rule 11).

A fork is a fact that names its base: the live history is the base's, up to there, and what follows the
fork. It opens a turn of its own, so that its facts have addresses of their own; finished tasks of the
base are bound as if they were its own, questions that were open at the base are asked anew, under new ids.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hitl import answering, errors, line, transitions
from hitl.answering import held
from hitl.facts import Author, Fact, new_id, question_id
from hitl.opening import Start, before, busy, give_up
from hitl.unit import Unit

# Kinds that open a turn, and those that leave nothing to go on with: the value is there.
OPENINGS = ("input", "fork")
VALUES = ("output", "update")
FINISHED = ("output", "update", "save")

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
    value: what the turn had returned by here, as text; None where it can be gone on with. first: where what it builds
    on begins.
    """

    seq: int
    turn_seq: int
    previous_seq: int | None
    saved_seq: int | None
    questions: tuple[Fact, ...]
    version: str = ""
    value: str | None = None
    first: int = 0


def base(facts: Sequence[Fact], seq: int, thread_id: str) -> Base:
    """What stood at this seq, from the whole journal. Raises NotFound where there is no such."""
    upto = [fact for fact in facts if fact.seq <= seq]
    here = upto[-1] if upto and upto[-1].seq == seq else None
    opening = next((fact for fact in reversed(upto) if fact.kind in OPENINGS), None)
    if here is None or opening is None or opening.turn != here.turn:
        raise errors.NotFound(
            f"Thread {thread_id!r} has no checkpoint {seq} to go back to. get_state_history() lists those there are."
        )
    value, end = None, seq
    if here.kind in FINISHED:
        value = next(fact.value for fact in reversed(upto) if fact.kind in VALUES)
        # What a turn saved stands right behind what it returned.
        end += any(fact.seq == seq + 1 and fact.kind == "save" for fact in facts)
    live = _live(facts, opening.seq, seq)
    return Base(
        seq,
        opening.seq,
        saved_by(facts, opening.seq),
        saved_by(facts, end),
        _open_at(live),
        live[0].detail.get("version", ""),
        value,
        live[0].seq,
    )


def saved_by(facts: Sequence[Fact], seq: int) -> int | None:
    """Where the value stands that a turn would get as `previous` after this seq."""
    saved: int | None = None
    for fact in facts:
        if fact.seq > seq:
            break
        if fact.kind in FINISHED:
            saved = fact.detail.get("previous_seq", fact.seq)
        elif "previous_seq" in fact.detail:
            saved = fact.detail["previous_seq"]
    return saved


def _live(facts: Sequence[Fact], first: int, last: int) -> list[Fact]:
    def read(first: int, last: int) -> list[Fact]:
        return [fact for fact in facts if first <= fact.seq <= last]

    return lineage(read, first, last)


def _open_at(live: Sequence[Fact]) -> tuple[Fact, ...]:
    """The questions that are open at the end of these facts, as they were last asked."""
    asked: dict[str, Fact] = {}
    open_at: dict[str, Fact] = {}
    for fact in live:
        if fact.kind == "fork":
            open_at.clear()
        elif fact.kind == "question":
            open_at[fact.path] = asked[fact.path] = fact
        elif fact.kind in ("answer", "release"):
            open_at.pop(fact.path, None)
        elif fact.kind == "reopen":
            open_at[fact.path] = asked[fact.path]
    return tuple(open_at.values())


def fork(unit: Unit, at: Base, *, author: Author) -> Any:
    """Open a turn that goes on from `at`. The open turn, if there is one, is given up. Returns the queued run."""
    make_way(unit, author=author)
    _check_kept(unit, at)
    thread = unit.thread
    run_id = new_id()
    detail = {
        "run": run_id,
        "base": at.seq,
        "turn_seq": at.turn_seq,
        "previous_seq": at.previous_seq,
        "version": at.version,
    }
    unit.add(Fact("fork", thread.turn + 1, detail=author.detail() | detail | before(thread, detail)))
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
    _check_kept(unit, at)
    back_to = {"base": at.seq, "previous_seq": at.saved_seq}
    asked = Start(workflow, text, author, version=version, metadata=metadata)
    return transitions.start(unit, asked, back_to=back_to)


def _check_kept(unit: Unit, at: Base) -> None:
    """Raise NotFound where a pruning took something of the base since it was read; it begins with the oldest."""
    for seq in filter(None, (at.first, at.saved_seq, at.previous_seq)):
        unit.fact(seq)


def resume(unit: Unit, at: Base, value: Any, *, author: Author) -> None:
    """Fork, and answer the questions that were open at the base; a map may use their ids of then."""
    if not at.questions:
        raise errors.NothingPending(
            f"No question was open at checkpoint {at.seq} of thread {unit.thread.id!r}; the answer was not stored. Go "
            "back with None as input and answer what is asked then, or take a checkpoint at which it was open: "
            "get_state_history(steps=True) lists them."
        )
    fork(unit, at, author=author)
    turn = unit.thread.turn
    now = {asked.detail["id"]: _id(unit, turn, asked.path) for asked in at.questions}
    if isinstance(value, dict) and value and all(key in now for key in value):
        value = {now[key]: item for key, item in value.items()}
    answering.resume(unit, value, author=author)


def restore(unit: Unit, at: Base, *, author: Author) -> None:
    """Stand where a turn had returned: its value is the thread's again, and nothing runs."""
    make_way(unit, author=author)
    _check_kept(unit, at)
    detail = {"workflow": unit.thread.workflow, "base": at.seq, "previous_seq": at.saved_seq}
    _update(unit, at.value or "null", author.detail() | detail)


def update(unit: Unit, text: str, *, workflow: str, author: Author) -> None:
    """Close the turn as if it had returned this value. A new thread begins with it."""
    if not unit.is_new:
        make_way(unit, author=author)
    _update(unit, text, author.detail() | {"workflow": workflow})


def _update(unit: Unit, text: str, detail: dict[str, Any]) -> None:
    thread = unit.thread
    unit.add(Fact("update", thread.turn, attempt=thread.seq + 1, value=text, detail=detail))


def make_way(unit: Unit, *, author: Author) -> None:
    """Give up the open turn; ThreadBusy while it runs, QuestionHeld while an answer can be undone (rule 22)."""
    thread = unit.thread
    for question in unit.questions.values():
        if question.status == "held":
            raise held(question)
    if thread.status == "busy":
        raise busy(thread.id)
    if thread.status != "idle":
        give_up(unit, author=author)


def _ask_anew(unit: Unit, asked: Fact) -> None:
    turn = unit.thread.turn
    detail = asked.detail | {"id": _id(unit, turn, asked.path), "version": 1}
    unit.add(dataclasses.replace(asked, turn=turn, attempt=1, detail=detail))


def _id(unit: Unit, turn: int, path: str) -> str:
    call, _, where = path.partition("?")
    return question_id(unit.thread.id, turn, call, where)


def copied(facts: Sequence[Fact], *, target: str) -> list[Fact]:
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
        if "idempotency_key" in detail:
            detail["idempotency_key"] = None
        copies.append(dataclasses.replace(fact, detail=detail))
    return copies


def copy(unit: Unit, facts: Sequence[Fact]) -> None:
    """Write another thread's history into this new one."""
    if not unit.is_new:
        raise errors.ThreadBusy(f"Thread {unit.thread.id!r} is there already; copy to an id that is not in use.")
    for fact in copied(facts, target=unit.thread.id):
        # Forks and pauses name others by their seq, so each keeps its own, in a pruned journal too.
        unit.thread.seq = fact.seq - 1
        unit.add(fact)
    # What waits to start there is not to start twice.
    for run in line.waiting(unit):
        line.withdraw(unit, run.id, author=Author(), reason="It waits in the thread that this one is a copy of.")


def branch(unit: Unit, facts: Sequence[Fact], seq: int, *, answers: Mapping[str, Any], author: Author) -> Any:
    """Begin this new thread with another's history up to `seq`, and go on from there. Returns the queued run.

    answers: by the ids that the questions had there: those that were open at `seq` are answered in the same breath.
    """
    source = base(facts, seq, unit.thread.id)
    wanted = dict(zip((asked.detail["id"] for asked in source.questions), source.questions, strict=True))
    unknown = answers.keys() - wanted.keys()
    if unknown:
        raise errors.NothingPending(
            f"Question {min(unknown)} was not open at checkpoint {seq}; nothing was stored. Take the checkpoint at "
            "which it was asked: get_state_history(steps=True) lists them."
        )
    upto = [fact for fact in facts if fact.seq <= seq]
    copies = copied(upto, target=unit.thread.id)
    copy(unit, upto)
    if unit.thread.status != "idle":
        give_up(unit, author=author)
    run = fork(unit, base(copies, seq, unit.thread.id), author=author)
    given = {_id(unit, unit.thread.turn, wanted[key].path): answering.Given(value) for key, value in answers.items()}
    if given:
        answering.answer(unit, given, author=author)
    return run


def prune(unit: Unit, facts: Sequence[Fact]) -> list[int]:
    """Note that turns before the last one's lineage are forgotten, but for the values that it builds on.

    Returns the seqs of the facts to forget; the note stands first, so that a gap in a journal is never a riddle.
    """
    opening = next((fact for fact in reversed(facts) if fact.kind in OPENINGS), None)
    if opening is None:
        return []
    first = opening
    while first.kind == "fork":
        first = next(fact for fact in facts if fact.seq == first.detail["turn_seq"])
    thread = unit.thread
    saved = {thread.output_seq, thread.previous_seq, saved_by(facts, first.seq), saved_by(facts, opening.seq)}
    saved |= _awaited(facts, first.seq)
    kept = sorted(seq for seq in saved if seq is not None and seq < first.seq)
    forgotten = [fact.seq for fact in facts if fact.seq < first.seq and fact.seq not in kept]
    if forgotten:
        detail = Author().detail() | {"first": first.seq, "kept": kept}
        unit.add(Fact("prune", thread.turn, attempt=thread.seq + 1, detail=detail))
    return forgotten


def _awaited(facts: Sequence[Fact], since: int) -> set[int]:
    """The starts in line that were neither begun nor withdrawn before this seq."""
    asked: dict[str, int] = {}
    for fact in facts:
        if fact.seq >= since:
            break
        if fact.kind == "enqueue":
            asked[fact.detail["run"]] = fact.seq
        elif fact.kind in ("input", "withdraw"):
            asked.pop(fact.detail["run"], None)
    return set(asked.values())
