"""Precedents: how questions like this one were decided before, and what the runs did then.

Like this one means: asked at the same place of the same workflow, by the same kind of payload. The latest few hundred
answers of the workflow are looked at, in two queries whatever the age of the database. Nothing is learned or
promised: these are counts of what has happened.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from statistics import median
from typing import Any

from django.utils.translation import gettext

from hitl import codec, effects, registry
from hitl.errors import UnknownWorkflow
from hitl.models import Checkpoint, Interrupt
from reviewer import shown
from reviewer.times import duration

# Answers of the workflow that are looked at, those whose runs are followed, and the facts read of these.
MOST_ANSWERS = 300
MOST_RUNS = 100
MOST_FACTS = 4_000
MOST_SIMILAR = 5
# Fewer at the very same place say less than those from anywhere in the same task.
ENOUGH = 3
MOST_CHOICES = 4
MOST_STEPS = 6
LONGEST_CHOICE = 40
# What says which way an answer went, in the payloads that agents send today and in most schemas.
DECIDING = ("type", "action", "decision", "verdict", "choice", "approved", "approve", "status", "answer")
WORD = re.compile(r"\w{2,}")


@dataclasses.dataclass(frozen=True, slots=True)
class Similar:
    """A past question and how it was decided."""

    question: Interrupt
    answer: shown.Shown | None


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """A task that followed a choice: in how many of the runs, how long it took as a rule, how often it failed."""

    name: str
    runs: int
    took: str
    failed: int
    effects: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Outlook:
    """What followed one choice: `runs` took it, `ended`, `asked` again and `failed` say how they went on."""

    choice: str
    runs: int
    steps: tuple[Step, ...]
    ended: int
    asked: int
    failed: int


@dataclasses.dataclass(frozen=True, slots=True)
class Precedents:
    outlooks: list[Outlook]
    similar: list[Similar]


def of(question: Interrupt) -> Precedents:
    """The precedents of a question, most frequent choice and most similar question first."""
    alike = _alike(question)
    followed = _followed(alike[:MOST_RUNS])
    return Precedents(_outlooks(question, alike[:MOST_RUNS], followed), _similar(question, alike))


def effects_of(workflow: str) -> dict[str, tuple[str, ...]]:
    """What the workflow's tasks have declared to do to the world; nothing where it is not registered here."""
    try:
        return effects.declared(registry.get(workflow))
    except UnknownWorkflow:
        return {}


def _alike(question: Interrupt) -> list[Interrupt]:
    asked = Interrupt.objects.precedents(question.workflow)[:MOST_ANSWERS]
    same_task = [
        other
        for other in asked
        if (other.task, other.key, other.kind) == (question.task, question.key, question.kind)
        and other.id != question.id
    ]
    same_place = [other for other in same_task if other.position == question.position]
    return same_place if len(same_place) >= ENOUGH else same_task


# What followed


def _followed(alike: list[Interrupt]) -> dict[str, list[Checkpoint]]:
    """For each of these questions the facts between its answer and the next question or the end of its turn."""
    facts = Checkpoint.objects.following([question.id for question in alike])[:MOST_FACTS]
    found: dict[str, list[Checkpoint]] = {}
    for question_id, after in groupby(facts, key=attrgetter("asked")):
        found[question_id] = list(_until_the_next_wait(after))
    return found


def _until_the_next_wait(facts: Iterable[Checkpoint]) -> Iterator[Checkpoint]:
    for fact in facts:
        yield fact
        if fact.kind in ("question", "output", "failed", "cancel"):
            return


def _outlooks(question: Interrupt, alike: list[Interrupt], followed: dict[str, list[Checkpoint]]) -> list[Outlook]:
    declared = effects_of(question.workflow)
    chosen: dict[str, list[list[Checkpoint]]] = {}
    for other in alike:
        if other.id in followed:
            chosen.setdefault(choice(other), []).append(followed[other.id])
    by_frequency = sorted(chosen.items(), key=lambda pair: -len(pair[1]))[:MOST_CHOICES]
    return [_outlook(name, runs, asker=question.task, declared=declared) for name, runs in by_frequency]


def _outlook(name: str, runs: list[list[Checkpoint]], *, asker: str, declared: dict[str, tuple[str, ...]]) -> Outlook:
    in_runs: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    seconds: dict[str, list[float]] = {}
    ends: Counter[str] = Counter(run[-1].kind for run in runs if run)
    for run in runs:
        # The task that asked ends with its answer; that it did is no news.
        calls = [fact for fact in run if fact.kind in ("task", "error") and fact.name != asker]
        in_runs.update(dict.fromkeys((fact.name for fact in calls), 1))
        failed.update(fact.name for fact in calls if fact.kind == "error")
        for fact in calls:
            if fact.kind == "task" and fact.started_at is not None:
                seconds.setdefault(fact.name, []).append((fact.created_at - fact.started_at).total_seconds())
    steps = tuple(
        Step(
            task,
            count,
            duration(median(seconds[task])) if task in seconds else "",
            failed[task],
            declared.get(task, ()),
        )
        for task, count in in_runs.most_common(MOST_STEPS)
    )
    return Outlook(name, len(runs), steps, ended=ends["output"], asked=ends["question"], failed=ends["failed"])


def choice(question: Interrupt) -> str:
    """Which way its answer went, in a word or two; empty where answers are free text or too various to count."""
    answer = codec.plain(question.answer) if question.answer is not None else None
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    if isinstance(answer, dict) and isinstance(answer.get("decisions"), list):
        return _short(", ".join(sorted({_decided(each) for each in answer["decisions"]} - {""})))
    if isinstance(answer, dict):
        return _decided(answer)
    if isinstance(answer, bool):
        return gettext("yes") if answer else gettext("no")
    if isinstance(answer, list):
        return _short(", ".join(str(each) for each in answer if isinstance(each, str)))
    return _short(answer) if isinstance(answer, str) and question.kind == "choice" else ""


def _decided(answer: Any) -> str:
    if not isinstance(answer, dict):
        return ""
    for key in DECIDING:
        value = answer.get(key)
        if isinstance(value, bool):
            return gettext("yes") if value else gettext("no")
        if isinstance(value, str) and value:
            return _short(value)
    return ""


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_CHOICE and text.isprintable() else ""


# What was alike


def _similar(question: Interrupt, alike: list[Interrupt]) -> list[Similar]:
    """Those that share most of their words with it; of equals the latest."""
    words = _words(question)
    ranked = sorted(alike, key=lambda other: -_likeness(words, _words(other)))
    return [Similar(other, shown.stored(other.answer)) for other in ranked[:MOST_SIMILAR]]


def _words(question: Interrupt) -> set[str]:
    return set(WORD.findall(question.title.lower()))


def _likeness(one: set[str], other: set[str]) -> float:
    return len(one & other) / (len(one | other) or 1)
