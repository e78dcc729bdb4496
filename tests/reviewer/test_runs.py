"""The list of runs and the page of one: what they show in every state, and what can be done there."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from hitl import registry, verbs
from hitl.func import entrypoint, task
from hitl.models import Interrupt, Process, Run, Thread
from hitl.testing import drain
from hitl.types import interrupt
from reviewer import runstate
from tests.reviewer.journal import Journal

pytestmark = pytest.mark.django_db


@task
def asks(number: int) -> Any:
    return interrupt(f"Number {number}?")


@entrypoint(name="tests.runs.many", title="Many")
def many(count: int) -> list[Any]:
    """Asks so many questions at once."""
    return [one.result() for one in [asks(number) for number in range(count)]]


registry.register(many)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page_of(user: User, thread_id: str, **query: str) -> str:
    client = Client()
    client.force_login(user)
    response = client.get(reverse("reviewer:thread", args=[thread_id]), query)
    assert response.status_code == 200
    return response.content.decode()


def post(user: User, name: str, thread_id: str, **data: str) -> Any:
    client = Client()
    client.force_login(user)
    return client.post(reverse(f"reviewer:{name}", args=[thread_id]), data)


def state_of(html: str) -> str:
    found = re.search(r'data-state="(\w+)"', html)
    assert found is not None
    return found[1]


@pytest.fixture
def started(ana: User) -> str:
    run = verbs.start("graph", "foo", by=ana, channel="web")
    return run.thread_id


def test_a_run_nobody_has_picked_up_is_queued(started: str, cleo: User) -> None:
    assert state_of(page_of(cleo, started)) == "queued"


def test_a_run_that_nobody_is_there_to_run_says_so(started: str, cleo: User) -> None:
    says = "No process that executes this workflow"
    assert says not in page_of(cleo, started)  # it may yet be picked up
    Run.objects.update(created_at=timezone.now() - timedelta(seconds=40))
    assert says in page_of(cleo, started)
    process = Process.objects.create(
        id="there:1:x",
        host="there",
        pid=1,
        workflows={"refund": "v"},
        concurrency=1,
        started_at=timezone.now(),
        seen_at=timezone.now(),
    )
    assert says in page_of(cleo, started)
    process.workflows = {"graph": "v"}
    process.save()
    assert says not in page_of(cleo, started)


def test_a_paused_run_links_to_its_question(started: str, cleo: User) -> None:
    drain()
    html = page_of(cleo, started)
    question = Thread.objects.get(id=started).interrupts.get()
    assert state_of(html) == "waiting"
    assert reverse("reviewer:question", args=[question.id]) in html


def test_a_finished_run_shows_its_output(started: str, cleo: User) -> None:
    drain()
    question = Thread.objects.get(id=started).interrupts.get()
    verbs.answer(question.id, "baz", version=question.version)
    drain()
    html = page_of(cleo, started)
    assert state_of(html) == "finished"
    assert "foo bar baz qux" in html


@pytest.mark.parametrize(
    ("thread", "run", "state"),
    [
        ("busy", "queued", "queued"),
        ("busy", "running", "running"),
        ("interrupted", "interrupted", "waiting"),
        ("error", "failed", "failed"),
        ("idle", "cancelled", "cancelled"),
        ("idle", "interrupted", "cancelled"),
        ("idle", "failed", "cancelled"),
        ("idle", "succeeded", "finished"),
    ],
)
def test_every_state_has_its_page(thread: str, run: str, state: str, cleo: User) -> None:
    journal = Journal("t1")
    journal.add("input", value="foo", workflow="graph", by_name="ana", channel="web")
    journal.set(thread, run=run)
    assert state_of(page_of(cleo, "t1")) == state


def test_a_failed_run_shows_its_error_and_its_traceback_to_administrators_alone(
    ana: User, ben: User, cleo: User
) -> None:
    journal = Journal("t1")
    journal.add("input", value="foo", workflow="graph", by_name="ana", channel="web")
    journal.add("failed", type="ValueError", message="<b>too short</b>", traceback="File line 1")
    journal.set("error", run="failed")
    Run.objects.update(error_type="ValueError", error="<b>too short</b>", traceback="File line 1")
    html = page_of(cleo, "t1")
    assert "ValueError" in html and "&lt;b&gt;too short&lt;/b&gt;" in html
    address = reverse("reviewer:tracebacks", args=["t1"])
    assert address in page_of(ana, "t1")
    for anybody in (ana, ben, cleo):
        assert "File line 1" not in page_of(anybody, "t1")
    assert "File line 1" in client_of(ana).get(address).content.decode()
    assert [client_of(other).get(address).status_code for other in (ben, cleo)] == [403, 403]


def test_a_sleeping_run_says_until_when(cleo: User) -> None:
    journal = Journal("t1")
    journal.add("input", value="foo", workflow="graph", by_name="ana", channel="web")
    journal.set("busy", run="queued")
    Thread.objects.update(wake_at=datetime(2999, 5, 1, 12, tzinfo=UTC))
    html = page_of(cleo, "t1")
    assert state_of(html) == "asleep"
    assert "until <time" in html and ">1 May 2999, " in html


def test_only_administrators_are_offered_cancel_and_retry(started: str, ana: User, ben: User) -> None:
    address = reverse("reviewer:cancel", args=[started])
    assert address in page_of(ana, started)
    assert address not in page_of(ben, started)


def test_cancelling_takes_the_permission(started: str, ben: User) -> None:
    assert post(ben, "cancel", started).status_code == 403
    assert Run.objects.get().status == "queued"


def test_cancelling_says_who_and_why(started: str, ana: User) -> None:
    drain()
    response = post(ana, "cancel", started, reason="no longer needed")
    assert response.status_code == 302
    html = page_of(ana, started)
    assert state_of(html) == "cancelled"
    assert "cancelled the run" in html and "no longer needed" in html


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_what_cannot_be_done_any_more_is_said_on_the_page(verb: str, started: str, ana: User) -> None:
    verbs.cancel(started)
    response = post(ana, verb, started)
    assert response.status_code == 409
    assert 'role="alert"' in response.content.decode()


def test_a_cancelled_run_is_dated_by_its_cancelling(started: str, cleo: User) -> None:
    Run.objects.of(started).update(ended_at=datetime(2020, 1, 1, tzinfo=UTC))
    before = timezone.now()
    verbs.cancel(started)
    assert runstate.read(started).since >= before


def test_the_way_back_to_the_list(started: str, cleo: User) -> None:
    assert 'data-back href="/runs/">← Runs</a>' in page_of(cleo, started)


def test_of_many_questions_the_first_are_named(ben: User, cleo: User) -> None:
    run = verbs.start("tests.runs.many", 7)
    drain()
    html = page_of(ben, run.thread_id)
    assert html.count(">Answer: ") == 5
    assert f'<a href="/?q={run.thread_id}">and 2 more</a>' in html
    assert 'class="run may-answer"' in html
    assert 'class="run may-answer"' not in page_of(cleo, run.thread_id)


def test_verbs_are_posts(started: str, ana: User) -> None:
    client = Client()
    client.force_login(ana)
    for verb in ("cancel", "retry"):
        assert client.get(reverse(f"reviewer:{verb}", args=[started])).status_code == 405


def test_the_fragment_for_pages_without_a_socket_goes_on_after_a_seq(started: str, cleo: User) -> None:
    client = Client()
    client.force_login(cleo)
    address = reverse("reviewer:events", args=[started])
    first = client.get(address)
    assert first.status_code == 200 and 'data-kind="input"' in first.content.decode()
    seq = first.headers["X-Live-Seq"]
    assert client.get(address, {"after": seq}).status_code == 204
    drain()
    later = client.get(address, {"after": seq}).content.decode()
    assert "step_1" in later and 'data-kind="input"' not in later


def test_the_fragment_is_what_the_page_holds(started: str, cleo: User) -> None:
    drain()
    client = Client()
    client.force_login(cleo)
    fragment = client.get(reverse("reviewer:events", args=[started])).content.decode()
    page = page_of(cleo, started)
    assert all(row in page for row in re.findall(r"<li id=.*?</li>", fragment, re.S))


def test_without_a_session_a_fragment_is_refused_not_redirected(started: str) -> None:
    response = Client().get(reverse("reviewer:events", args=[started]), headers={"HX-Request": "true"})
    assert response.status_code == 401


def test_a_thread_that_is_not_there_is_not_found(cleo: User) -> None:
    client = Client()
    client.force_login(cleo)
    for name in ("thread", "events"):
        assert client.get(reverse(f"reviewer:{name}", args=["nobody/here"])).status_code == 404


def test_an_id_with_slashes_has_a_page(cleo: User) -> None:
    Journal("a/b ü..~")
    assert state_of(page_of(cleo, "a/b ü..~"))


def test_a_long_journal_shows_its_end_and_links_to_what_is_before(cleo: User, monkeypatch: Any) -> None:
    monkeypatch.setattr("reviewer.timeline.WINDOW_FACTS", 3)
    journal = Journal("t1")
    for number in range(8):
        journal.add("event", path=f"!1.{number}", value=f"event {number}")
    html = page_of(cleo, "t1")
    assert "event 7" in html and "event 4" not in html
    assert "?from=0" in html
    assert "event 0" in page_of(cleo, "t1", **{"from": "0"})


def test_a_question_of_a_long_journal_shows_its_end_and_links_to_the_run(cleo: User, monkeypatch: Any) -> None:
    monkeypatch.setattr("reviewer.timeline.WINDOW_FACTS", 3)
    journal = Journal("t1")
    for number in range(8):
        journal.add("event", path=f"!1.{number}", value=f"event {number}")
    journal.ask("q" * 32, "Ship it?")
    client = Client()
    client.force_login(cleo)
    html = client.get(reverse("reviewer:question", args=["q" * 32])).content.decode()
    assert "event 7" in html and "event 4" not in html
    assert "See the whole run" in html


def test_a_workflow_that_is_gone_leaves_its_runs_readable(cleo: User) -> None:
    Journal("t1", workflow="removed_long_ago")
    assert "removed_long_ago" in page_of(cleo, "t1")


def listed(user: User, **query: str) -> str:
    client = Client()
    client.force_login(user)
    response = client.get(reverse("reviewer:runs"), query)
    assert response.status_code == 200
    return response.content.decode()


def test_the_list_shows_the_newest_first_with_input_and_state(cleo: User, ana: User) -> None:
    first = verbs.start("graph", "first", by=ana)
    second = verbs.start("graph", "second", by=ana)
    html = listed(cleo)
    assert html.index(second.thread_id) < html.index(first.thread_id)
    assert "second" in html and "Queued" in html


def test_the_list_narrows_to_a_state_and_a_workflow(cleo: User) -> None:
    Journal("waiting", status="interrupted")
    Journal("busy", status="busy")
    html = listed(cleo, status="interrupted")
    assert "/runs/waiting/" in html and "/runs/busy/" not in html
    assert "No run matches" in listed(cleo, workflow="refund")


def test_an_empty_list_says_what_comes_next(cleo: User) -> None:
    assert "Nothing has run yet" in listed(cleo)


def test_older_runs_are_a_page_further_and_none_is_lost(cleo: User, monkeypatch: Any) -> None:
    monkeypatch.setattr("reviewer.views.runs.PAGE_ROWS", 2)
    for number in range(5):
        Journal(f"t{number}")
    seen: list[str] = []
    client = Client()
    client.force_login(cleo)
    address = reverse("reviewer:runs")
    while address:
        html = client.get(address).content.decode()
        seen += re.findall(r'href="/runs/(t\d)/"', html)
        older = re.search(r'href="(\?[^"]*after=[^"]*)"', html)
        address = reverse("reviewer:runs") + older[1].replace("&amp;", "&") if older else ""
    assert seen == ["t4", "t3", "t2", "t1", "t0"]


@pytest.mark.parametrize("after", ["x", "[]", '["x", 1]', "[1, 2]"])
def test_a_mark_that_makes_no_sense_is_the_first_page(cleo: User, after: str) -> None:
    Journal("t1")
    assert "/runs/t1/" in listed(cleo, after=after)


def test_a_huge_input_is_a_line_in_the_list(cleo: User) -> None:
    journal = Journal("t1")
    journal.add("input", value="x" * 500_000, workflow="graph", by_name="ana")
    assert len(listed(cleo)) < 20_000


def test_the_list_takes_the_same_number_of_queries_however_long(cleo: User, django_assert_max_num_queries: Any) -> None:
    for number in range(20):
        Journal(f"t{number}")
    client = Client()
    client.force_login(cleo)
    with django_assert_max_num_queries(5):
        client.get(reverse("reviewer:runs"))


def test_a_divergence_is_told_whole(ana: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was recorded, what came now, and what to do stand in the failure box, a line each."""

    def deploy(name: str) -> None:
        step = task(lambda amount: amount, name=name)
        monkeypatch.setattr(registry, "_workflows", dict(registry._workflows))
        for key in [key for key in registry._workflows if key[0] == "tests.pay"]:
            del registry._workflows[key]
        registry.register(entrypoint(name="tests.pay")(lambda amount: [step(amount).result(), interrupt("ok?")]))

    deploy("charge")
    thread_id = verbs.start("tests.pay", 40, thread_id="one").thread_id
    drain()
    deploy("refund")
    verbs.answer(Interrupt.objects.get().pk, "yes", version=1)
    drain()
    html = page_of(ana, thread_id)
    assert state_of(html) == "failed"
    box = html[html.index('<p class="problem">') :].partition("</p>")[0]
    for part in (
        "Recorded: charge(40), call 1 of",
        "Now: refund(40), call 1 of",
        "changed() from hitl.func",
        "cancel it.",
    ):
        assert part in box


# Starts that wait


def delayed(thread_id: str = "t") -> Run:
    return verbs.start("graph", "later", thread_id=thread_id, run_at=timezone.now() + timedelta(days=30), by="ana")


def test_a_thread_that_has_not_begun_says_when_it_will(ana: User) -> None:
    run = delayed()
    html = page_of(ana, "t")
    when = timezone.localtime(run.run_at).strftime("%Y, %H:%M")  # type: ignore[arg-type]
    assert state_of(html) == "new"
    assert "Starts at" in html and when in html and "later" in html
    client = client_of(ana)
    assert f"{when} UTC</time></span>" in client.get(reverse("reviewer:runs")).content.decode()


def test_a_start_in_line_is_listed_and_can_be_cancelled(ana: User, cleo: User) -> None:
    verbs.start("graph", "foo", thread_id="t")
    run = verbs.start("graph", "bar", thread_id="t", multitask_strategy="enqueue", by="ana")
    assert "Starts after this turn" in page_of(ana, "t")
    address = reverse("reviewer:withdraw", args=["t", run.pk])
    assert address in page_of(ana, "t")
    for method in ("get", "post"):
        assert getattr(client_of(cleo), method)(address).status_code == 403
    asked = client_of(ana).get(address).content.decode()
    assert "Cancel this start" in asked and "bar" in asked
    assert client_of(ana).post(address).status_code == 302
    run.refresh_from_db()
    assert run.status == "withdrawn"
    again = client_of(ana).post(address)
    assert again.status_code == 409 and "was cancelled before" in again.content.decode()
    assert "waits no more" in client_of(ana).get(address).content.decode()
    assert "cancelled a start that waited" in page_of(ana, "t")


def test_a_start_is_cancelled_on_its_own_thread_alone(ana: User) -> None:
    run = delayed()
    verbs.start("graph", "foo", thread_id="other")
    address = reverse("reviewer:withdraw", args=["other", run.pk])
    assert client_of(ana).get(address).status_code == 404
    assert client_of(ana).post(address).status_code == 409
    run.refresh_from_db()
    assert run.status == "waiting"


def test_a_stale_page_cancels_the_turn_it_shows_or_nothing(ana: User) -> None:
    verbs.start("graph", "foo", thread_id="t")
    verbs.start("graph", "bar", thread_id="t", multitask_strategy="enqueue")
    verbs.cancel("t")
    refused = post(ana, "cancel", "t", turn="1")
    assert refused.status_code == 409 and "another turn runs now" in refused.content.decode()
    assert post(ana, "cancel", "t", turn="2").status_code == 302
