"""The people of the soak test, in a process of their own: they start threads and answer questions.

python -m tests.soak.driver drive NAME    until standard input ends; each thread is called NAME-number
python -m tests.soak.driver settle        answers what is open until every thread is done, then prints their states
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time

import django

SETTLE_SECONDS = 90
PAUSE_SECONDS = 0.05


def drive(name: str) -> None:
    """Start threads and answer questions until standard input ends."""
    over = threading.Event()
    threading.Thread(target=wait_for_end_of_input, args=[over], daemon=True).start()
    for number in itertools.count():
        if over.wait(PAUSE_SECONDS):
            return
        start(f"{name}-{number}")
        answer_everything()


def wait_for_end_of_input(over: threading.Event) -> None:
    sys.stdin.read()
    over.set()


def start(thread_id: str) -> None:
    """As an unsure client does: again with the same key until it is certain."""
    from hitl import verbs
    from hitl.errors import JournalUnreachable

    while True:
        try:
            verbs.start("steady", thread_id, thread_id=thread_id, idempotency_key=thread_id)
            return
        except JournalUnreachable:
            time.sleep(PAUSE_SECONDS)


def answer_everything() -> None:
    from hitl import verbs
    from hitl.errors import AnswerConflict, JournalUnreachable
    from hitl.models import Interrupt

    for question in Interrupt.objects.filter(status=Interrupt.Status.PENDING):
        try:
            verbs.answer(question.id, f"yes, {question.thread_id}", version=question.version)
        except (AnswerConflict, JournalUnreachable):
            continue  # somebody else was faster, or it comes round again


def settle() -> None:
    from hitl.models import Thread

    deadline = time.monotonic() + SETTLE_SECONDS
    while Thread.objects.exclude(status=Thread.Status.IDLE).exists() and time.monotonic() < deadline:
        answer_everything()
        time.sleep(PAUSE_SECONDS)
    print(json.dumps(dict(Thread.objects.values_list("id", "status"))))


if __name__ == "__main__":
    django.setup()
    if sys.argv[1] == "drive":
        drive(sys.argv[2])
    else:
        settle()
