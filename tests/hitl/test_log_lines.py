"""Every line that is logged while a thread is run says which one; no line says what was asked or answered."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import IntegrityError, connection

from hitl import discreet, verbs
from hitl.checkpoint.memory import InMemorySaver
from hitl.errors import LeaseLost
from hitl.func import entrypoint, task
from hitl.logs import JSONFormatter, LineFormatter, RunFilter
from hitl.run import run_thread
from hitl.types import RetryPolicy, interrupt
from hitl.workflow import Workflow
from tests.hitl.programs import on

SECRET = "hunter2"
log = logging.getLogger("shop.orders")

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """What a handler with the filter and the JSON formatter has written."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RunFilter())
    handler.setFormatter(JSONFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.setLevel(level)
    root.removeHandler(handler)


def said(lines: Lines, message: str) -> dict[str, Any]:
    (line,) = [line for line in lines() if line["message"] == message]
    return line


def fields(line: dict[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in ("thread_id", "workflow", "task", "attempt") if name in line}


@pytest.mark.django_db(transaction=True)
def test_lines_of_body_and_tasks_carry_the_run(
    lines: Lines, engine: None, register: Callable[[Workflow], Workflow]
) -> None:
    tried: list[int] = []

    @task
    def inner() -> None:
        log.info("within")

    @task(retry_policy=RetryPolicy(max_attempts=2, initial_interval=0.001, retry_on=OSError))
    def pack() -> None:
        tried.append(1)
        log.info("packing %d", len(tried))
        if len(tried) == 1:
            raise OSError
        inner().result()

    @register
    @entrypoint(name="ship")
    def ship(value: str) -> None:
        log.info("begun")
        pack().result()

    run = verbs.start("ship", "a parcel", thread_id="parcel")
    assert run_thread("parcel")

    common = {"thread_id": "parcel", "workflow": "ship"}
    assert fields(said(lines, "begun")) == common | {"attempt": 1}
    assert fields(said(lines, "packing 1")) == common | {"task": "pack", "attempt": 1}
    assert fields(said(lines, "packing 2")) == common | {"task": "pack", "attempt": 2}
    assert fields(said(lines, "within")) == common | {"task": "inner", "attempt": 1}
    assert said(lines, "within")["thread_name"] == "hitl-task"
    assert said(lines, "begun")["run_id"] == said(lines, "within")["run_id"] == run.pk
    ended = said(lines, "The run ended: succeeded.")
    assert fields(ended) == common and ended["run_id"] == run.pk


async def test_lines_of_coroutines_and_of_their_threads_carry_the_run(lines: Lines) -> None:
    @task
    async def fetch() -> None:
        log.info("fetching")
        await asyncio.to_thread(log.info, "elsewhere")

    @entrypoint(name="graph", checkpointer=InMemorySaver())
    async def graph(value: str) -> None:
        await fetch()

    await graph.ainvoke("in", on("7"))
    for message in ("fetching", "elsewhere"):
        assert fields(said(lines, message)) == {"thread_id": "7", "workflow": "graph", "task": "fetch", "attempt": 1}


def test_lines_outside_a_run_carry_nothing(lines: Lines) -> None:
    log.info("plain", extra={"order": 7, "body": {"not": "plain"}})
    line = said(lines, "plain")
    assert fields(line) == {}
    assert line["order"] == 7 and "body" not in line
    assert line["level"] == "INFO" and line["logger"] == "shop.orders" and line["time"].endswith("+00:00")


def test_what_a_line_says_itself_stays(lines: Lines) -> None:
    @entrypoint(checkpointer=InMemorySaver())
    def graph(value: str) -> None:
        log.info("mine", extra={"workflow": "my own"})

    graph.invoke("in", on("7"))
    assert said(lines, "mine")["workflow"] == "my own"


def test_a_line_for_people_ends_with_the_run() -> None:
    record = logging.makeLogRecord(
        {"name": "shop", "levelname": "INFO", "msg": "packed", "thread_id": "7", "attempt": 2}
    )
    assert LineFormatter().format(record).endswith(" INFO shop: packed [thread_id=7 attempt=2]")


@pytest.mark.django_db(transaction=True)
def test_nothing_that_was_given_or_answered_is_logged(
    lines: Lines, engine: None, register: Callable[[Workflow], Workflow]
) -> None:
    """At any level, from the engine's own loggers, with failures and a question that is answered."""
    logging.getLogger().setLevel(logging.DEBUG)

    @task
    def failing(value: str) -> None:
        raise ValueError(f"not {value}")

    @register
    @entrypoint(name="ask for a secret")
    def secret(value: str) -> None:
        failing(interrupt(f"Is it {value}?")).result()

    verbs.start("ask for a secret", SECRET, thread_id="secret")
    assert run_thread("secret")
    (asked,) = verbs.saver().open_questions("secret")
    verbs.answer(asked.id, f"{SECRET} it is", version=asked.version)
    assert run_thread("secret")
    ended = said(lines, "The run failed with ValueError; its page has the rest.")
    assert ended["level"] == "WARNING" and ended["thread_id"] == "secret"
    assert [line for line in lines() if SECRET in json.dumps(line)] == []


def test_an_error_is_told_without_the_value_it_quotes() -> None:
    def fail() -> None:
        try:
            int(SECRET)
        except ValueError as error:
            raise LookupError(f"{SECRET} is nowhere") from error

    with pytest.raises(LookupError) as raised:
        fail()
    told = discreet.trace(raised.value)
    assert SECRET not in told
    assert told.index("ValueError") < told.index("LookupError") and "in fail" in told
    assert discreet.plain(raised.value) == "LookupError"
    assert discreet.plain(LeaseLost("Thread '7' is no longer held.")) == "LeaseLost: Thread '7' is no longer held."


@pytest.mark.django_db
def test_a_databases_error_is_logged_without_the_row_it_quotes() -> None:
    """PostgreSQL's message says “Key (id)=(…) already exists”, or shows the failing row."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE once (word text UNIQUE CHECK (length(word) > 0))")
        cursor.execute("INSERT INTO once VALUES (%s)", [SECRET])
        with pytest.raises(IntegrityError) as raised:
            cursor.execute("INSERT INTO once VALUES (%s)", [SECRET])
    record = logging.makeLogRecord({"msg": "failed", "exc_info": (type(raised.value), raised.value, raised.tb)})
    for formatter in (LineFormatter(), JSONFormatter()):
        text = formatter.format(record)
        assert "IntegrityError" in text and SECRET not in text


def test_any_other_error_of_a_projects_own_is_logged_in_full() -> None:
    try:
        raise ValueError("of my own")
    except ValueError:
        record = logging.makeLogRecord({"msg": "failed", "exc_info": sys.exc_info()})
    assert "ValueError: of my own" in JSONFormatter().format(record)
