"""The people of the chaos, in a process of their own: they start threads, answer questions and mend what is broken.

python -m tests.chaos.people PLAN        a file of {"threads": [[workflow, name], …], "seconds": …, "desks": [url, …],
"started": a file that says, once it is there, that all of them are}

They work until every thread is finished and standard input has ended. What they were told goes to the log outside.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import django

from tests.chaos import outside
from tests.chaos.clerk import AWAY, Clerk, version_on
from tests.chaos.pusher import Pusher

PAUSE_SECONDS = 0.05
LAST_WORD_SECONDS = 60
# So many threads are under way at most: the rest waits, as load on a machine of two cores has to.
MOST_UNDER_WAY = 100
INPUTS: dict[str, Any] = {
    "refund": {"amount": "90.00"},
    "article": {},
    "import": {"rows": 1200, "batches": 4, "seconds_per_batch": 0.01},
}
Work = Callable[[], None]


def main(plan: dict[str, Any]) -> None:
    over, started = threading.Event(), threading.Event()
    pusher = Pusher("paul", until_sure=patiently, started=started)
    roles: list[Work] = [
        Reviewer("rita").work,
        Reviewer("rolf").work,
        ClerkAtWork(plan["desks"]).work,
        mend,
        pusher.work,
    ]
    starter = threading.Thread(target=start_all, args=[plan, started], daemon=True)
    starter.start()
    at_work = [threading.Thread(target=keep_at, args=[role, over], daemon=True) for role in roles]
    for one in at_work:
        one.start()
    started.wait()
    sys.stdin.read()
    while patiently(under_way):
        time.sleep(PAUSE_SECONDS * 4)
    over.set()
    for one in at_work:
        # Whoever has just answered has yet to hear so, and to note it.
        one.join(LAST_WORD_SECONDS)


def keep_at(role: Work, over: threading.Event) -> None:
    while not over.wait(PAUSE_SECONDS):
        try:
            role()
        except Exception as error:
            if not is_outage(error):
                outside.note("people failed", error=repr(error))
                raise
            renew()


def is_outage(error: BaseException) -> bool:
    from django.db import InterfaceError, OperationalError

    from hitl.errors import JournalUnreachable

    return isinstance(error, (OperationalError, InterfaceError, JournalUnreachable))


def patiently(work: Callable[[], Any]) -> Any:
    """Do what may safely be done again until the database has answered."""
    while True:
        try:
            return work()
        except Exception as error:
            if not is_outage(error):
                raise
            renew()
            time.sleep(PAUSE_SECONDS)


def renew() -> None:
    """The next word to the database goes over another connection."""
    from hitl.checkpoint.database import saver

    saver().renew_connection()


# Starting


def start_all(plan: dict[str, Any], started: threading.Event) -> None:
    """One after another, spread over the time there is, each as an unsure client does it: until it is certain."""
    began = time.monotonic()
    for index, (workflow, name) in enumerate(plan["threads"]):
        due = began + plan["seconds"] * index / len(plan["threads"])
        while time.monotonic() < due or patiently(under_way) > MOST_UNDER_WAY:
            time.sleep(PAUSE_SECONDS)
        patiently(lambda workflow=workflow, name=name: start(workflow, name))
        outside.note("started", thread=name, workflow=workflow)
    Path(plan["started"]).touch()
    started.set()


def start(workflow: str, name: str) -> None:
    from hitl import verbs

    verbs.start(workflow, INPUTS.get(workflow, name), thread_id=name, idempotency_key=name)


def under_way() -> int:
    """Threads with an open turn, and starts that wait for their time."""
    from hitl.models import Run, Thread

    return Thread.objects.unfinished().count() + Run.objects.waiting().count()


def mend() -> None:
    """Put right what makes threads fail, and let them go on."""
    from hitl import verbs
    from hitl.errors import NothingToRetry
    from hitl.models import Thread

    for name, workflow in Thread.objects.in_status("error").values_list("id", "workflow"):
        Path(os.environ["CHAOS_MENDED"], name).touch()
        try:
            patiently(lambda name=name: verbs.retry(name))
            outside.note("retried", thread=name, workflow=workflow)
        except NothingToRetry:
            continue


# Answering


def pending() -> Any:
    """One of the questions that wait, or None."""
    from hitl.models import Interrupt

    found = list(Interrupt.objects.pending().order_by("asked_at")[:30])
    return random.choice(found) if found else None


def answer_to(question: Any) -> Any:
    """An answer that fits, and that nobody else gives."""
    word = uuid4().hex[:12]
    if question.workflow == "refund":
        amount = random.randrange(1, 9000) / 100
        refusal = {"decision": "refuse", "reason": word}
        return {"decision": "approve", "amount": amount} if random.random() < 0.7 else refusal
    if question.workflow == "article":
        return {"verdict": "change", "wish": word} if random.random() < 0.3 else {"verdict": "accept"}
    if question.workflow == "import":
        return random.choice(options(question))
    return word


def options(question: Any) -> list[Any]:
    from hitl import codec

    return list(codec.plain(question.value)["options"])


def told(question_id: str, version: int, value: Any, how: str, outcome: str) -> None:
    outside.note("answer", question=question_id, version=version, value=value, how=how, outcome=outcome)


class Reviewer:
    """Answers over the verbs: mostly once, sometimes twice, late, or with second thoughts."""

    def __init__(self, name: str) -> None:
        self._name = name

    def work(self) -> None:
        question = pending()
        if question is None:
            return
        roll = random.random()
        if roll < 0.1:
            self.twice(question)
        elif roll < 0.2:
            self.stale(question)
        elif roll < 0.35:
            self.with_second_thoughts(question)
        else:
            self.once(question, answer_to(question))

    def once(
        self, question: Any, value: Any, *, version: int | None = None, token: str = "", hold_seconds: float = 0
    ) -> str:
        """Answer until it is certain what became of it: "stands", "held" or "refused"."""
        from hitl import verbs
        from hitl.errors import AnswerConflict

        version, token = version or question.version, token or uuid4().hex
        sure = True
        while True:
            try:
                verbs.answer(question.id, value, version=version, token=token, by=self._name, hold_seconds=hold_seconds)
                outcome = "held" if hold_seconds else "stands"
                break
            except AnswerConflict:
                outcome = "refused" if sure else "unsure"
                break
            except Exception as error:
                if not is_outage(error):
                    raise
                sure = False
                time.sleep(PAUSE_SECONDS)
        told(question.id, version, value, "verbs", outcome)
        return outcome

    def twice(self, question: Any) -> None:
        """The same submit again, and then another answer to what is answered."""
        value, token = answer_to(question), uuid4().hex
        self.once(question, value, token=token)
        self.once(question, value, token=token)
        self.once(question, answer_to(question))

    def stale(self, question: Any) -> None:
        """An answer to another version than the one that stands."""
        self.once(question, answer_to(question), version=question.version + 1)
        self.once(question, answer_to(question))

    def with_second_thoughts(self, question: Any) -> None:
        """Held, perhaps undone, and then sent again from the page that is out of date now."""
        value, token = answer_to(question), uuid4().hex
        if self.once(question, value, token=token, hold_seconds=random.choice([0.3, 2.0])) != "held":
            return
        if random.random() < 0.6:
            time.sleep(random.random() * 0.5)
            self.undo(question, value)
            self.once(question, value, token=token)

    def undo(self, question: Any, value: Any) -> None:
        from hitl import verbs
        from hitl.errors import AnswerConflict

        try:
            verbs.undo(question.id, version=question.version, by=self._name)
            outcome = "undone"
        except AnswerConflict:
            outcome = "too late to undo"
        except Exception as error:
            if not is_outage(error):
                raise
            outcome = "unsure whether undone"
        told(question.id, question.version, value, "verbs", outcome)


class ClerkAtWork:
    """Answers over HTTP, at whichever desk is up; every fifth form is sent twice."""

    def __init__(self, desks: list[str]) -> None:
        self._clerk = Clerk(desks)

    def work(self) -> None:
        question = pending()
        if question is None or question.kind not in ("text", "choice"):
            return
        try:
            page = self._clerk.page(question.id)
        except AWAY:
            self._clerk.elsewhere()
            return
        if page is None:
            return
        value = answer_to(question)
        typed = str(options(question).index(value)) if question.kind == "choice" else value
        times = 2 if random.random() < 0.2 else 1
        for _ in range(times):
            told(question.id, version_on(page), value, "http", self.send(question.id, page, typed))

    def send(self, question_id: str, page: str, typed: str) -> str:
        """Send the form until a desk has said what became of it."""
        sure, deadline = True, time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                status = self._clerk.send(question_id, page, typed)
            except AWAY:
                status = 0
            if status == 303:
                return "stands"
            if status == 409:
                return "refused" if sure else "unsure"
            if status not in (0, 500, 503):
                outside.note("people failed", error=f"HTTP {status} for question {question_id}")
                return "unsure"
            sure = False
            self._clerk.elsewhere()
            time.sleep(PAUSE_SECONDS)
        return "unsure"


if __name__ == "__main__":
    django.setup()
    main(json.loads(Path(sys.argv[1]).read_text()))
