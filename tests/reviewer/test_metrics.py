"""`metrics`: what the engine did and what waits, for a scraper with the token and for who may administer."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from hitl import observing, registry, sweep, verbs
from hitl.func import entrypoint, task
from hitl.models import Interrupt, Thread
from hitl.observing import Observer
from hitl.testing import drain
from hitl.types import RetryPolicy, interrupt
from reviewer import metrics
from reviewer.metrics import Names, backlog
from tests.reviewer.factories import question, questions

TOKEN = "a token that only the scraper has"
Series = dict[tuple[Any, ...], float]


@pytest.fixture(autouse=True)
def token(settings: Any) -> None:
    settings.HITL_METRICS_TOKEN = TOKEN


def scrape(client: Client) -> Series:
    """Every value by its name and the values of its labels, in alphabetical order."""
    response = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain") and "no-store" in response["Cache-Control"]
    families = text_string_to_metric_families(response.content.decode())
    return {(s.name, *sorted(s.labels.values())): s.value for family in families for s in family.samples}


def grown(client: Client, before: Series, name: str, *labels: str) -> float:
    series = (name, *sorted(labels))
    return scrape(client).get(series, 0) - before.get(series, 0)


# Who may look


def test_a_stranger_is_told_what_to_send(client: Client, settings: Any) -> None:
    response = client.get("/metrics")
    assert response.status_code == 401 and response["WWW-Authenticate"] == "Bearer"
    assert "HITL_METRICS_TOKEN" in response.content.decode() and "hitl_" not in response.content.decode()
    settings.HITL_METRICS_TOKEN = ""
    assert "not set" in client.get("/metrics").content.decode()


@pytest.mark.parametrize("sent", ["Bearer wrong", "Bearer ", "Bearer", TOKEN, f"Basic {TOKEN}", "Bearer é"])
def test_a_wrong_token_lets_nobody_in(client: Client, sent: str) -> None:
    assert client.get("/metrics", headers={"Authorization": sent}).status_code == 401


def test_no_token_is_never_the_right_one(client: Client, settings: Any) -> None:
    settings.HITL_METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_people_see_them_if_they_may_administer(client: Client, ana: User, ben: User) -> None:
    client.force_login(ben)
    assert client.get("/metrics").status_code == 403
    client.force_login(ana)
    assert client.get("/metrics").status_code == 200


@pytest.mark.django_db
def test_without_prometheus_client_the_page_says_so(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "is_installed", lambda: False)
    response = client.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 501 and "hitl-reviewer[metrics]" in response.content.decode()


# What was done


@task
def check_address() -> str:
    return "checked"


@task(retry_policy=RetryPolicy(max_attempts=2, initial_interval=0.001, retry_on=OSError))
def call_bank(tries: list[int]) -> None:
    raise OSError


@entrypoint(name="tests.measured")
def measured(fails: bool) -> Any:
    """A task, a question, and where it is told so two failures."""
    check_address().result()
    if fails:
        call_bank([]).result()
    return interrupt("Go on?")


registry.register(measured)


@pytest.mark.django_db
def test_runs_tasks_facts_and_answers_are_measured(client: Client, django_capture_on_commit_callbacks: Any) -> None:
    before = scrape(client)
    with django_capture_on_commit_callbacks(execute=True):
        run = verbs.start("tests.measured", False)
        drain()
        (asked,) = Interrupt.objects.of(run.thread_id)
        Interrupt.objects.filter(pk=asked.pk).update(asked_at=timezone.now() - timedelta(hours=2))
        verbs.answer(asked.pk, "yes", version=asked.version)
        drain()
        seq = Thread.objects.get(pk=run.thread_id).seq
    flow = "tests.measured"
    assert grown(client, before, "hitl_run_seconds_count", flow, "interrupted") == 1
    assert grown(client, before, "hitl_run_seconds_count", flow, "succeeded") == 1
    assert grown(client, before, "hitl_task_seconds_count", flow, "check_address", "succeeded") == 1
    assert grown(client, before, "hitl_facts_written_total") == seq
    assert grown(client, before, "hitl_answer_seconds_count", flow) == 1
    assert grown(client, before, "hitl_answer_seconds_bucket", flow, "3600.0") == 0
    assert grown(client, before, "hitl_answer_seconds_bucket", flow, "14400.0") == 1


@pytest.mark.django_db
def test_each_attempt_of_a_task_that_fails_is_measured(client: Client) -> None:
    before = scrape(client)
    verbs.start("tests.measured", True)
    drain()
    for outcome in ("retried", "failed"):
        assert grown(client, before, "hitl_task_seconds_count", "tests.measured", "call_bank", outcome) == 1
    assert grown(client, before, "hitl_run_seconds_count", "tests.measured", "failed") == 1


@entrypoint(name="tests.robbed")
def robbed(thread_id: str) -> str:
    """Loses its lease while it runs."""
    Thread.objects.filter(pk=thread_id).update(lease_epoch=99)
    return check_address().result()


registry.register(robbed)


@pytest.mark.django_db
def test_a_lost_lease_is_counted(client: Client) -> None:
    before = scrape(client)
    verbs.start("tests.robbed", "robbed", thread_id="robbed")
    assert drain() == 1
    assert grown(client, before, "hitl_lease_losses_total", "tests.robbed") == 1
    assert grown(client, before, "hitl_run_seconds_count", "tests.robbed", "lost") == 1


@pytest.mark.django_db
def test_sweeps_and_what_they_release_are_counted(client: Client, django_capture_on_commit_callbacks: Any) -> None:
    asked = question()
    verbs.answer(asked.pk, "yes", version=asked.version, hold_seconds=60)
    Interrupt.objects.filter(pk=asked.pk).update(release_at=timezone.now() - timedelta(seconds=1))
    before = scrape(client)
    assert sweep.tidy() == 1
    assert grown(client, before, "hitl_sweeps_total") == 1
    assert grown(client, before, "hitl_sweep_found_total", "released") == 1


def test_names_beyond_the_most_are_told_together() -> None:
    names = Names(2)
    assert [names.of("graph", f"task-{n}") for n in (1, 2, 3, 1)] == [
        ("graph", "task-1"),
        ("graph", "task-2"),
        ("(other)", "(other)"),
        ("graph", "task-1"),
    ]


def test_an_observer_that_fails_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    heard: list[int] = []

    class Failing(Observer):
        def facts_written(self, count: int) -> None:
            heard.append(count)
            raise RuntimeError("the disk is full")

    stop = observing.observe(Failing())
    with caplog.at_level(logging.ERROR, logger="hitl.observing"):
        observing.tell(Observer.facts_written, 1)
        observing.tell(Observer.facts_written, 2)
    stop()
    assert heard == [1]
    assert len(caplog.records) == 1


# What waits


@pytest.mark.django_db
def test_what_waits_is_counted_by_workflow_with_the_age_of_the_oldest(client: Client) -> None:
    questions(2)
    oldest = Interrupt.objects.earliest("asked_at")
    Interrupt.objects.filter(pk=oldest.pk).update(asked_at=timezone.now() - timedelta(hours=1))
    found = scrape(client)
    assert found["hitl_database_up",] == 1
    assert found["hitl_questions_pending", "tests.ask"] == 2
    assert 3600 <= found["hitl_oldest_question_seconds", "tests.ask"] < 3900
    assert found["hitl_questions_pending", "graph"] == found["hitl_oldest_question_seconds", "graph"] == 0


@pytest.mark.django_db
def test_questions_of_workflows_that_this_process_does_not_have_count_too(client: Client) -> None:
    asked = question()
    Interrupt.objects.filter(pk=asked.pk).update(workflow="elsewhere")
    assert scrape(client)["hitl_questions_pending", "elsewhere"] == 1


@pytest.mark.django_db
def test_runs_that_nobody_takes_are_told_and_so_are_their_dead_executors(client: Client) -> None:
    for thread_id in ("1", "2"):
        verbs.start("graph", "foo", thread_id=thread_id)
    long_ago = timezone.now() - timedelta(minutes=5)
    Thread.objects.filter(pk="2").update(updated_at=long_ago, lease_owner="gone", lease_expires_at=long_ago)
    found = scrape(client)
    assert found["hitl_runs_waiting", "graph"] == 2
    assert 300 <= found["hitl_oldest_run_waiting_seconds", "graph"] < 600
    assert found["hitl_leases_expired",] == 1
    assert found["hitl_processes",] == 0


@pytest.mark.django_db
def test_counting_stops_somewhere(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "MOST", 2)
    questions(3)
    for thread_id in ("1", "2", "3"):
        verbs.start("graph", "foo", thread_id=thread_id)
    found = scrape(client)
    assert found["hitl_questions_pending", "tests.ask"] == found["hitl_runs_waiting", "graph"] == 2


@pytest.mark.django_db
def test_a_scrape_takes_few_queries(client: Client, django_assert_max_num_queries: Any) -> None:
    """Three for each workflow with questions, one to find no further name, one for threads, one for processes."""
    questions(3)
    with django_assert_max_num_queries(6):
        scrape(client)


@pytest.mark.django_db
def test_a_lost_database_is_a_figure_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("server closed the connection")

    monkeypatch.setattr(backlog, "runs", away)
    found = scrape(client)
    assert found["hitl_database_up",] == 0
    assert ("hitl_questions_pending", "graph") not in found
    assert ("hitl_facts_written_total",) in found
