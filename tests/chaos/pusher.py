"""Somebody who starts a thread again while it runs: refused, in line, in its place, later; and takes starts back."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from tests.chaos import outside, turns

# A thread gets so many further starts, each at about this share of the looks.
MOST_PUSHES = 5
SHARE = 0.3
LATER_SECONDS = (0.3, 4.0)
WITHDRAWN = 0.2


class Pusher:
    """Pushes until all threads are started. until_sure: does a thing again until its outcome is certain."""

    def __init__(self, name: str, *, until_sure: Any, started: Event) -> None:
        self._name, self._until_sure, self._started = name, until_sure, started
        self._pushes: Counter[str] = Counter()

    def work(self) -> None:
        from hitl.models import Thread

        if self._started.is_set() or random.random() > SHARE:
            return
        there = Thread.objects.of(turns.WORKFLOW).newest().values_list("id", flat=True)[:30]
        ready = [thread for thread in there if self._pushes[thread] < MOST_PUSHES]
        if ready:
            self.push(random.choice(ready))

    def push(self, thread: str) -> None:
        from hitl import verbs
        from hitl.errors import Conflict
        from hitl.opening import STRATEGIES

        self._pushes[thread] += 1
        word = f"{thread}.{self._pushes[thread]}"
        strategy, delay = random.choice(STRATEGIES), 0.0
        if strategy != "reject" and random.random() < 0.3:
            delay = random.uniform(*LATER_SECONDS)
        begun, run_at = time.monotonic(), datetime.now(UTC) + timedelta(seconds=delay)

        def start() -> Any:
            try:
                return verbs.start(
                    turns.WORKFLOW,
                    word,
                    thread_id=thread,
                    by=self._name,
                    idempotency_key=word,
                    metadata=turns.metadata(word),
                    multitask_strategy=strategy,
                    run_at=run_at if delay else None,
                )
            except Conflict:
                return None

        run = self._until_sure(start)
        outcome = "refused" if run is None else "taken"
        not_before = begun + delay if delay else None
        outside.note("push", thread=thread, word=word, strategy=strategy, outcome=outcome, not_before=not_before)
        if run is not None and random.random() < WITHDRAWN:
            self.withdraw(run)

    def withdraw(self, run: Any) -> None:
        """Take it back, where it waits still; the second time, of an unsure one, it is refused."""
        from hitl import verbs
        from hitl.errors import NothingToCancel

        tries = 0

        def take_back() -> str:
            nonlocal tries
            tries += 1
            try:
                verbs.withdraw(run.id, by=self._name, reason="second thoughts")
            except NothingToCancel:
                return "too late" if tries == 1 else "unsure"
            return "withdrawn"

        outside.note("withdraw", thread=run.thread_id, run=run.id, outcome=self._until_sure(take_back))
