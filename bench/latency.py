"""From the moment somebody sends an answer to the moment another person's page has the end of the run."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.parse
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import quantiles
from typing import Any

from bench import asking, report
from reviewer.demo.people import PASSWORD
from tests.services import postgres
from tests.services.desk import Desk
from tests.services.server import directory
from tests.services.visitor import Visitor
from tests.services.worker import Worker

TITLE = "From an answer to the end of the run in another browser"
NOTE = """Ben's answer is sent as the page's form sends it; Cleo's page has its socket, on another web process where the
tier has several. The time runs from the POST to the message over her socket that shows the run as finished: the
answer's commit, the nudge, the claim, the replay of the task before the question, the task after it, the output,
reading and rendering. Answers are not held for an undo (HITL_UNDO_SECONDS=0). One answer at a time; the first ones
warm up and are left out."""
ANSWERS, WARM_UP = 100, 10
PATIENCE_SECONDS = 30
TIERS = {
    "embedded: SQLite, in process": 100,
    "one database: PostgreSQL, procrastinate, NOTIFY": 150,
    "big: PostgreSQL, Celery, Redis": 150,
}


def measure() -> str:
    rows = []
    for tier, most in TIERS.items():
        with deployed(tier) as (here, there):
            seen = answers(here, there)
        cuts = quantiles(seen, n=20)
        judged = "reached" if cuts[18] <= most else "**missed**"
        rows.append([tier, f"{cuts[9]:.0f}", f"{cuts[18]:.0f}", f"{max(seen):.0f}", str(most), judged])
    return report.table(("tier", "p50, ms", "p95, ms", "worst, ms", "p95 at most, ms", ""), rows)


@contextmanager
def deployed(tier: str) -> Iterator[tuple[Desk, Desk]]:
    """Two web processes (of the embedded tier, one) and their worker."""
    with ExitStack() as stack:
        environment = {"HITL_WORKFLOWS": "bench.asking", "HITL_UNDO_SECONDS": "0"}
        if not tier.startswith("embedded"):
            environment["DATABASE_URL"] = stack.enter_context(postgres.database(os.environ["DATABASE_URL"]))
        if tier.startswith("big"):
            environment["REDIS_URL"] = os.environ["REDIS_URL"]
        home = stack.enter_context(directory("bench"))
        here = Desk(home, **environment)
        here.prepare()
        processes: list[Desk | Worker] = [here]
        if "DATABASE_URL" in environment:
            there = Desk(home, **environment)
            named = {name: here.environment[name] for name in ("SECRET_KEY", *environment)}
            processes += [there, Worker(home, **named)]
        else:
            there = here
        for process in processes:
            stack.callback(process.kill)
            process.start()
        yield here, there


def answers(here: Desk, there: Desk) -> list[float]:
    ben, cleo = Visitor(here.url), Visitor(here.url)
    ben.sign_in("ben", password=PASSWORD)
    cleo.sign_in("cleo", password=PASSWORD)
    asked = asking.questions(here, ANSWERS + WARM_UP)
    return [one_answer(question, ben, cleo, there) for question in asked][WARM_UP:]


def one_answer(question: dict[str, Any], ben: Visitor, cleo: Visitor, there: Desk) -> float:
    """Milliseconds."""
    send = prepared(question["id"], ben)
    with cleo.socket(at=there.url) as socket:
        socket.send(json.dumps({"thread": question["thread"], "after": 0}))
        assert 'data-state="waiting"' in json.loads(socket.recv(timeout=PATIENCE_SECONDS))["html"]
        sending = threading.Thread(target=send)
        begun = time.perf_counter()
        sending.start()
        while 'data-state="finished"' not in json.loads(socket.recv(timeout=PATIENCE_SECONDS)).get("html", ""):
            continue
        spent = (time.perf_counter() - begun) * 1000
        sending.join()
        return spent


def prepared(question_id: str, ben: Visitor) -> Any:
    """A function that sends the answer; what its page gave is read before."""
    form = ben.form(f"/questions/{question_id}/")
    fields = {"csrfmiddlewaretoken": form, "version": "1", "token": uuid.uuid4().hex, "answer": "yes"}
    body = urllib.parse.urlencode(fields).encode()

    def send() -> None:
        with ben.opener.open(f"{ben.desk}/questions/{question_id}/answer/", data=body, timeout=30) as answer:
            answer.read()

    return send
