"""Threads of many turns: new starts come while a turn is open, are put in line, push it out, wait for their time.

Each start has a word of its own, and a turn returns what the one before returned and that word: so what is returned
says which turns there were, in which order, and which of them left nothing behind.
"""

from __future__ import annotations

import time
from typing import Any

from hitl.func import entrypoint, task
from hitl.types import interrupt
from tests.chaos.workflows import WORK_SECONDS, Said, began

WORKFLOW = "turning"


def asks(word: str) -> bool:
    """Whether the turn of this word has a question: every other one."""
    return word[-1] in "02468"


def question(word: str) -> str:
    return f"May {word} be said?"


@task
def speak(word: str, number: int) -> str:
    began(word=word)
    time.sleep(WORK_SECONDS)
    return f"{word}/{number}"


@entrypoint()
def turning(word: str, *, previous: list[str] | None = None) -> list[str]:
    """One call, perhaps a question, another call; after what was said before."""
    speak(word, 1).result()
    said = f"{word}: {interrupt(question(word))}" if asks(word) else word
    speak(word, 2).result()
    return [*(previous or []), said]


def said_in(word: str, said: Said) -> str:
    """What the turn of this word adds, given the answers."""
    return f"{word}: {said[question(word)]}" if asks(word) else word


def metadata(word: str) -> dict[str, Any]:
    """What the start of this word says of its thread."""
    return {word: True}
