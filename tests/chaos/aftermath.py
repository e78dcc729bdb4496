"""When all is over: what the database and the log outside say against each other.

python -m tests.chaos.aftermath        prints {"wrong": {check: […]}, "injected": …, "seen": …}
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import django

from tests.chaos import fences, lines, outside, proxy
from tests.chaos.trouble import LEASE_SECONDS

MOST_TOLD = 20
UNCLEAR = "to none of these (as a claim whose COMMIT was cut)"
SHARE_LOST_TO_CUTS, SHARE_LOST_TO_LOAD = 0.25, 0.05
# A lease that ends so has an end that its holder wrote.
ENDS = ("pause", "wait", "output", "failed")
TAKEN_AWAY = ("cancel", "discard", "rollback")
MOST_CLAIMS = 5
# What says that a run moved: a leg is only a claim, and a call only what is under way.
NO_PROGRESS = ("leg", "call")
# So often a thread may be woken for nothing before it counts as running round.
MOST_IDLE_WAITS = 5


class Books:
    """All of it, read once."""

    def __init__(self) -> None:
        from hitl.models import Checkpoint, Interrupt, Run, Thread
        from tests.chaos.bank.models import Theft

        self.notes = list(outside.notes(Path(os.environ["CHAOS_LOG"])))
        self.threads = list(Thread.objects.order_by("id"))
        self.questions = list(Interrupt.objects.order_by("thread", "asked_seq"))
        self.runs = list(Run.objects.order_by("thread", "seq"))
        self.thefts = list(Theft.objects.order_by("id"))
        self.facts: dict[str, list[Any]] = defaultdict(list)
        for fact in Checkpoint.objects.order_by("thread", "seq"):
            self.facts[fact.thread_id].append(fact)

    def of(self, what: str) -> list[dict[str, Any]]:
        return [note for note in self.notes if note["what"] == what]

    @cached_property
    def starts(self) -> dict[tuple[str, int, str], list[dict[str, Any]]]:
        """The starts of each call, by thread, turn and path, in order."""
        by_call = defaultdict(list)
        for note in sorted(self.of("start"), key=lambda note: note["at"]):
            by_call[note["thread"], note["turn"], note["path"]].append(note)
        return by_call

    @cached_property
    def answered(self) -> dict[str, dict[str, Any]]:
        """By thread: what its questions asked, and the answer that stands."""
        from hitl import codec

        said: dict[str, dict[str, Any]] = defaultdict(dict)
        for question in self.questions:
            if question.status == "answered":
                asked = codec.plain(question.value)
                key = asked if isinstance(asked, str) else asked["question"]
                said[question.thread_id][key] = codec.plain(question.answer)
        return said

    @cached_property
    def claims(self) -> dict[str, set[int]]:
        """The leases that were taken of each thread, by their epochs."""
        return {key: {fact.epoch for fact in facts if fact.kind == "leg"} for key, facts in self.facts.items()}

    def lost_epochs(self, thread_id: str) -> set[int]:
        """Leases of this thread that ended without a word of their holder: it died, or was overtaken."""
        facts = self.facts[thread_id]
        ended = {fact.epoch for fact in facts if fact.kind in ENDS and not is_poisoned(fact)}
        # Whoever takes a turn away raises the number first.
        ended |= {fact.epoch - 1 for fact in facts if fact.kind in TAKEN_AWAY}
        return self.claims[thread_id] - ended


def is_poisoned(fact: Any) -> bool:
    return bool(fact.kind == "failed" and json.loads(fact.detail).get("poisoned"))


Check = Callable[[Books], Iterator[str]]


def every_thread_that_was_started_is_there_once(books: Books) -> Iterator[str]:
    started = Counter(note["thread"] for note in books.of("started"))
    there = {thread.id for thread in books.threads}
    yield from (f"{name} was started and is not there" for name in started if name not in there)
    yield from (f"{name} is there, and nobody started it" for name in there if name not in started)


def every_thread_is_finished(books: Books) -> Iterator[str]:
    for thread in books.threads:
        outputs = [fact for fact in books.facts[thread.id] if fact.kind == "output"]
        # Of threads with many turns `lines` knows how many must have come to an end.
        if thread.status != "idle" or (len(outputs) != 1 and not lines.is_turning(thread)):
            yield f"{thread.id} is {thread.status} with {len(outputs)} outputs"


def every_thread_returned_what_it_must(books: Books) -> Iterator[str]:
    for thread in books.threads:
        for fact in books.facts[thread.id]:
            if fact.kind == "output" and not lines.is_turning(thread):
                yield from wrong_output(thread, fact, books.answered[thread.id])


def wrong_output(thread: Any, fact: Any, said: dict[str, Any]) -> Iterator[str]:
    from hitl import codec
    from tests.chaos.demo import expect

    returned, expected = codec.plain(fact.value), expect(thread.workflow, thread.id, said)
    if returned != expected:
        yield f"{thread.id} returned {returned!r}, not {expected!r}"


def every_journal_is_gapless_and_equal_to_its_rows(books: Books) -> Iterator[str]:
    from hitl import rebuild

    for thread in books.threads:
        numbers = [fact.seq for fact in books.facts[thread.id]]
        if numbers != list(range(1, thread.seq + 1)):
            yield f"{thread.id} has seq {thread.seq} and facts {numbers}"
    yield from (f"{one.thread_id}: {one}" for one in rebuild.compare_all())


def the_doctor_finds_nothing(books: Books) -> Iterator[str]:
    from hitl import doctor

    yield from (f"{one.code} {one.thread_id}: {one.problem}" for one in doctor.findings())


def no_call_began_after_its_result_was_committed(books: Books) -> Iterator[str]:
    """But on a lease that SQL had ended, which its holder cannot know before it would have ended by itself."""
    ended = {(note["thread"], note["epoch"]): note["at"] for note in books.of("expire")}
    for note in books.of("start"):
        since = note["at"] - ended.get((note["thread"], note["epoch"]), float("inf"))
        if note["committed"] and not 0 <= since < LEASE_SECONDS:
            yield f"{note['call']} {note['task']} began in epoch {note['epoch']} though its result stood"


def a_call_began_again_only_for_a_crash_a_lost_lease_or_a_retry(books: Books) -> Iterator[str]:
    """Starts ≤ 1 + those that hit it in flight. A call that asks, or has calls below it, runs again for an answer."""
    for (thread_id, turn, path), starts in books.starts.items():
        if starts[0].get("asks"):
            continue
        lost = books.lost_epochs(thread_id)
        failed = Counter(
            fact.epoch
            for fact in books.facts[thread_id]
            if (fact.turn, fact.path) == (turn, path) and fact.kind in ("attempt", "error")
        )
        by_epoch = Counter(note["epoch"] for note in starts)
        last = max(by_epoch)
        for epoch, count in by_epoch.items():
            # Where the lease was lost, the last start may have no outcome; the last lease of all has the result.
            reasons = failed[epoch] + (1 if epoch in lost or (epoch == last and failed[epoch] < count) else 0)
            if count > reasons:
                yield f"{starts[0]['call']} {starts[0]['task']} began {count} times in epoch {epoch}: {reasons} reasons"


def every_result_is_recorded_once(books: Books) -> Iterator[str]:
    for thread in books.threads:
        results = Counter((fact.turn, fact.path) for fact in books.facts[thread.id] if fact.kind == "task")
        yield from (f"{thread.id} has {count} results of {path}" for path, count in results.items() if count != 1)


def every_atomic_effect_is_there_exactly_once(books: Books) -> Iterator[str]:
    from tests.chaos.bank.models import Effect

    effects = Counter(Effect.objects.values_list("call", flat=True))
    wanted = {note["call"] for note in books.of("start") if note.get("effect")}
    for call in wanted | set(effects):
        if effects[call] != 1:
            yield f"{call} had {effects[call]} effects"


def every_answer_went_to_the_question_it_was_given_to(books: Books) -> Iterator[str]:
    """What stands was given so, by somebody who was not refused; what was taken stands, unless it was taken back."""
    from hitl import codec

    given: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    given_up = {(key, fact.turn) for key, facts in books.facts.items() for fact in facts if fact.kind in TAKEN_AWAY}
    for note in books.of("answer"):
        given[note["question"], note["version"]].append(note)
    for question in books.questions:
        if question.status == "cancelled" and (question.thread_id, question.turn) in given_up:
            continue
        if question.status != "answered":
            yield f"question {question.id} of {question.thread_id} is {question.status}"
            continue
        answer = codec.plain(question.answer)
        told = given[question.id, question.version]
        if not any(note["value"] == answer and note["outcome"] != "refused" for note in told):
            yield f"question {question.id} v{question.version} was answered {answer!r}, which nobody gave: {told}"
    standing = {question.id: question for question in books.questions}
    for (key, version), told in given.items():
        taken = {json.dumps(note["value"], sort_keys=True) for note in told if note["outcome"] in ("stands", "held")}
        if len(taken) > 1:
            yield f"question {key} v{version} took {len(taken)} answers: {taken}"
        if key not in standing:
            yield f"question {key}, which was answered, is not there"
        elif taken and standing[key].version == version and standing[key].status != "cancelled":
            answer = json.dumps(codec.plain(standing[key].answer), sort_keys=True)
            if answer not in taken:
                yield f"question {key} v{version} took {taken}, and {answer} stands"


def every_answer_was_delivered_once(books: Books) -> Iterator[str]:
    """One answer a question and version in the journal."""
    for thread in books.threads:
        answers = Counter(
            (json.loads(fact.detail)["id"], json.loads(fact.detail)["version"])
            for fact in books.facts[thread.id]
            if fact.kind in ("answer", "release")
        )
        yield from (f"{thread.id}: {key} has {count} answers" for key, count in answers.items() if count > 1)


def no_lease_is_held(books: Books) -> Iterator[str]:
    for thread in books.threads:
        if thread.lease_owner or thread.lease_expires_at or thread.claims:
            yield f"{thread.id}: {thread.lease_owner} until {thread.lease_expires_at}, {thread.claims} claims"


def no_run_is_left_active(books: Books) -> Iterator[str]:
    from hitl.models import Run

    for run in Run.objects.filter(status__in=["queued", "running"]):
        yield f"run {run.pk} of {run.thread_id} is {run.status}"


def no_thread_ran_round(books: Books) -> Iterator[str]:
    for thread in books.threads:
        claims = waits = 0
        for fact in books.facts[thread.id]:
            claims = claims + 1 if fact.kind == "leg" else claims if fact.kind in NO_PROGRESS else 0
            waits = waits + 1 if fact.kind == "wait" else waits if fact.kind in NO_PROGRESS else 0
            if claims > MOST_CLAIMS:
                yield f"{thread.id} was claimed {claims} times without progress before fact {fact.seq}"
                break
            if waits > MOST_IDLE_WAITS:
                yield f"{thread.id} was woken {waits} times for nothing before fact {fact.seq}"
                break


def no_run_failed_but_as_its_workflow_wants(books: Books) -> Iterator[str]:
    """`failing` waits for a person; whoever was killed five times is poisoned. A cut connection fails no run."""
    for thread in books.threads:
        for fact in books.facts[thread.id]:
            if fact.kind == "failed" and not is_poisoned(fact) and not is_meant(thread, fact):
                detail = json.loads(fact.detail)
                yield f"{thread.id} failed at {fact.seq}: {detail['type']} {detail['message']}"


def is_meant(thread: Any, fact: Any) -> bool:
    return bool(thread.workflow == "failing" and "is broken" in json.loads(fact.detail)["message"])


def every_event_was_told_once(books: Books) -> Iterator[str]:
    from hitl import codec
    from tests.chaos.workflows import events_of

    for thread in books.threads:
        if thread.workflow == "telling":
            told = sorted(codec.plain(fact.value) for fact in books.facts[thread.id] if fact.kind == "event")
            if told != events_of(thread.id):
                yield f"{thread.id} told {told}"


def a_lease_is_lost_only_to_what_hit_it(books: Books) -> Iterator[str]:
    """A claim whose COMMIT was cut is held by nobody; a machine that is busy enough loses one of its own, too."""
    unclear, claims = why_lost(books)[UNCLEAR], sum(len(taken) for taken in books.claims.values())
    cut = sum(proxy.cuts(Path(os.environ["CHAOS_LOG"]).with_name(proxy.LOG)).values())
    cut += sum(note["count"] for note in books.of("sessions ended"))
    excuses = cut * SHARE_LOST_TO_CUTS + claims * SHARE_LOST_TO_LOAD
    if unclear > excuses:
        yield f"{unclear} of {claims} leases were lost to nothing; {excuses:.0f} may be"


def nobody_met_an_error_that_has_no_place_here(books: Books) -> Iterator[str]:
    yield from (note["error"] for note in books.of("people failed"))


CHECKS: list[Check] = [
    every_thread_that_was_started_is_there_once,
    every_thread_is_finished,
    every_thread_returned_what_it_must,
    every_journal_is_gapless_and_equal_to_its_rows,
    the_doctor_finds_nothing,
    no_call_began_after_its_result_was_committed,
    a_call_began_again_only_for_a_crash_a_lost_lease_or_a_retry,
    every_result_is_recorded_once,
    every_atomic_effect_is_there_exactly_once,
    every_answer_went_to_the_question_it_was_given_to,
    every_answer_was_delivered_once,
    no_lease_is_held,
    no_run_is_left_active,
    no_thread_ran_round,
    no_run_failed_but_as_its_workflow_wants,
    every_event_was_told_once,
    a_lease_is_lost_only_to_what_hit_it,
    nobody_met_an_error_that_has_no_place_here,
    *fences.CHECKS,
    *lines.CHECKS,
]


def seen(books: Books) -> dict[str, int]:
    """What came of it, as figures."""
    answers = Counter(note["outcome"] for note in books.of("answer"))
    by_http = sum(note["how"] == "http" for note in books.of("answer"))
    facts = [fact for of_thread in books.facts.values() for fact in of_thread]
    kinds = Counter(fact.kind for fact in facts)
    starts = books.starts.values()
    return {
        "threads": len(books.threads),
        "facts": len(facts),
        "legs (claims of a thread)": kinds["leg"],
        "leases lost": sum(len(books.lost_epochs(thread.id)) for thread in books.threads),
        **why_lost(books),
        "calls of noted tasks": len(starts),
        "starts of them": sum(map(len, starts)),
        "starts that nobody could compare with the journal": sum(n["committed"] is None for n in books.of("start")),
        "failed attempts and failures recorded": kinds["attempt"] + kinds["error"],
        "questions": len(books.questions),
        "answers sent": sum(answers.values()),
        "of them over HTTP": by_http,
        "answers that stand": answers["stands"],
        "answers held, to be undone or released": answers["held"],
        "answers undone": kinds["undo"],
        "answers refused (second, stale, too late)": answers["refused"] + answers["unsure"],
        "threads that a person retried": len({note["thread"] for note in books.of("retried")}),
        "of them poisoned (rule 27)": len({fact.thread_id for fact in facts if is_poisoned(fact)}),
        "atomic effects": len({note["call"] for note in books.of("start") if note.get("effect")}),
        **lines.seen(books),
    }


def injected(books: Books) -> dict[str, int]:
    """What was injected by those who log it themselves."""
    return {
        "nudges dropped": len(books.of("nudge dropped")),
        "nudges doubled": len(books.of("nudge doubled")),
        "processes killed by a workflow": len(books.of("suicide")),
    }


def why_lost(books: Books) -> dict[str, int]:
    """The lost leases by what had hit them."""
    killed = {str(note["victim"]) for kind in ("kill", "suicide") for note in books.of(kind)}
    stopped = {str(note["victim"]) for note in books.of("stop")}
    expired = {(note["thread"], note["epoch"]) for note in books.of("expire")}
    why: Counter[str] = Counter()
    for thread in books.threads:
        lost = books.lost_epochs(thread.id)
        for fact in books.facts[thread.id]:
            if fact.kind == "leg" and fact.epoch in lost:
                pid = json.loads(fact.detail)["owner"].split(":")[1]
                was_expired = (thread.id, fact.epoch) in expired
                why[
                    "to a lease expired by SQL"
                    if was_expired
                    else "to a stopped process"
                    if pid in stopped
                    else "to a killed process"
                    if pid in killed
                    else UNCLEAR
                ] += 1
    names = (
        "to a killed process",
        "to a lease expired by SQL",
        "to a stopped process",
        UNCLEAR,
    )
    return {name: why[name] for name in names}


def main() -> None:
    django.setup()
    books = Books()
    wrong = {check.__name__: list(check(books))[:MOST_TOLD] for check in CHECKS}
    json.dump({"wrong": wrong, "injected": injected(books), "seen": seen(books)}, sys.stdout)


if __name__ == "__main__":
    main()
