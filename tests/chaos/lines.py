"""What must be true of threads of many turns: which starts began, in which order, and what each left behind."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tests.chaos import turns

if TYPE_CHECKING:
    from tests.chaos.aftermath import Books

CLOSING = {"discard": "interrupt", "rollback": "rollback"}
# Between the start's own look at the clock and the request's.
SLACK_SECONDS = 0.05


def is_turning(thread: Any) -> bool:
    return bool(thread.workflow == turns.WORKFLOW)


def detail(fact: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(fact.detail or "{}")
    return found


def word_of(fact: Any) -> str:
    """The word of the start that a fact opens or puts in line."""
    return str(json.loads(fact.value))


def every_start_that_was_taken_is_there_once_and_no_other(books: Books) -> Iterator[str]:
    begun, runs = Counter[str](), Counter[str]()
    for thread in filter(is_turning, books.threads):
        begun.update(word_of(fact) for fact in books.facts[thread.id] if fact.kind == "input")
    runs.update(run.idempotency_key for run in books.runs if run.kind == "start" and run.workflow == turns.WORKFLOW)
    withdrawn = {run.idempotency_key for run in books.runs if run.status == "withdrawn"}
    told = {note["word"]: note["outcome"] for note in books.of("push")}
    told |= {note["thread"]: "taken" for note in books.of("started") if note["workflow"] == turns.WORKFLOW}
    for word in told.keys() | runs.keys() | begun.keys():
        taken = told.get(word) == "taken"
        if runs[word] != int(taken):
            yield f"{word} was {told.get(word, 'never asked for')} and has {runs[word]} runs"
        if begun[word] != int(taken and word not in withdrawn):
            yield f"{word} was {told.get(word)} and began {begun[word]} times"


def nothing_that_was_withdrawn_began(books: Books) -> Iterator[str]:
    """And whoever was told that it came too late was told the truth."""
    withdrawn = {run.id for run in books.runs if run.status == "withdrawn"}
    told = {note["run"]: note["outcome"] for note in books.of("withdraw")}
    for key, outcome in told.items():
        if outcome != "unsure" and (outcome == "withdrawn") != (key in withdrawn):
            yield f"of run {key} somebody was told: {outcome}"
    yield from (f"run {key} is withdrawn, and nobody asked for it" for key in withdrawn - told.keys())


def every_turn_built_on_the_one_before(books: Books) -> Iterator[str]:
    """What each returned; a turn that was given up left nothing, one that was rolled back not even its metadata."""
    from hitl import codec

    for thread in filter(is_turning, books.threads):
        said, words, word = list[str](), list[str](), ""
        for fact in books.facts[thread.id]:
            if fact.kind == "input":
                word = word_of(fact)
                words.append(word)
            elif fact.kind == "rollback":
                words.pop()
            elif fact.kind == "output":
                said.append(turns.said_in(word, books.answered[thread.id]))
                if codec.plain(fact.value) != said:
                    yield f"{thread.id} returned {codec.plain(fact.value)!r} at {fact.seq}, not {said!r}"
        if set(thread.metadata) != set(words) - {thread.id}:
            yield f"{thread.id} has metadata {thread.metadata}, for the turns {words}"


def every_turn_was_given_up_for_a_start_that_says_so(books: Books) -> Iterator[str]:
    """Each turn ends once: with its output, or given up for the very next one, as that one's strategy says."""
    strategy = {note["word"]: note["strategy"] for note in books.of("push")}
    for thread in filter(is_turning, books.threads):
        facts = books.facts[thread.id]
        ends: dict[int, list[str]] = defaultdict(list)
        for fact, after in zip(facts, [*facts[1:], None], strict=True):
            if fact.kind in ("output", "cancel", *CLOSING):
                ends[fact.turn].append(fact.kind)
            if fact.kind in CLOSING:
                word = word_of(after) if after is not None and after.kind == "input" else ""
                if strategy.get(word) != CLOSING[fact.kind]:
                    yield f"{thread.id} has a {fact.kind} at {fact.seq} for {word!r}, a start to {strategy.get(word)}"
        for turn in range(1, thread.turn + 1):
            if len(ends[turn]) != 1 or ends[turn] == ["cancel"]:
                yield f"turn {turn} of {thread.id} ended {ends[turn]}"


def the_line_keeps_its_order(books: Books) -> Iterator[str]:
    """Of the starts that waited for no time, whoever came first began first."""
    for thread in filter(is_turning, books.threads):
        facts = books.facts[thread.id]
        line = [word_of(fact) for fact in facts if fact.kind == "enqueue" and not detail(fact)["run_at"]]
        begun = [word_of(fact) for fact in facts if fact.kind == "input"]
        in_order = [word for word in line if word in begun]
        if in_order != [word for word in begun if word in line]:
            yield f"{thread.id}: {in_order} began as {begun}"


def nothing_began_before_its_time(books: Books) -> Iterator[str]:
    began: dict[str, float] = {}
    for note in books.of("start"):
        word = note.get("word")
        if word:
            began[word] = min(note["at"], began.get(word, note["at"]))
    for note in books.of("push"):
        early = (note["not_before"] or 0) - began.get(note["word"], float("inf"))
        if early > SLACK_SECONDS:
            yield f"{note['word']} began {early:.2f} s too early"


CHECKS = [
    every_start_that_was_taken_is_there_once_and_no_other,
    nothing_that_was_withdrawn_began,
    every_turn_built_on_the_one_before,
    every_turn_was_given_up_for_a_start_that_says_so,
    the_line_keeps_its_order,
    nothing_began_before_its_time,
]


def seen(books: Books) -> dict[str, int]:
    """What came of it, as figures."""
    pushed = Counter((note["strategy"], note["outcome"]) for note in books.of("push"))
    kinds = Counter(fact.kind for facts in books.facts.values() for fact in facts)
    return {
        "starts on threads that were there": sum(pushed.values()),
        "of them refused": sum(count for (_, outcome), count in pushed.items() if outcome == "refused"),
        "of them for a later time": sum(note["not_before"] is not None for note in books.of("push")),
        "starts that waited in line": kinds["enqueue"],
        "starts withdrawn": kinds["withdraw"],
        "turns given up (interrupt)": kinds["discard"],
        "turns rolled back": kinds["rollback"],
    }
