"""Starting a workflow from its form."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pydantic import BaseModel, Field

from hitl import codec, registry, verbs
from hitl.func import entrypoint
from hitl.models import Checkpoint, Run, Thread
from hitl.testing import drain


class Order(BaseModel):
    """What is ordered."""

    item: str
    count: Annotated[int, Field(ge=1)] = 1
    gift: bool = False


@entrypoint(name="tests.order", title="Order")
def order(wanted: Order) -> str:
    """Orders *something*."""
    return f"{wanted.count} {wanted.item}"


@entrypoint(name="tests.bare", title="Bare")
def bare(anything):  # type: ignore[no-untyped-def]
    return anything


class Later(BaseModel):
    run_at: str
    multitask_strategy: str


@entrypoint(name="tests.later", title="Later")
def later(wanted: Later) -> str:
    return wanted.run_at


for workflow in (order, bare, later):
    registry.register(workflow)

ORDER = "/start/tests.order/"


@pytest.fixture
def desk(client: Client, ben: User) -> Client:
    client.force_login(ben)
    return client


def given(thread_id: str) -> Any:
    value = Checkpoint.objects.of(thread_id)[0].value
    assert value is not None
    return codec.plain(value)


def test_every_workflow_is_offered_with_what_it_does(desk: Client) -> None:
    page = desk.get("/start/").content.decode()
    assert f'href="{ORDER}">Order</a>' in page
    assert "Orders <em>something</em>" in page


def test_the_form_leads_to_the_page_of_the_run(desk: Client, ben: User) -> None:
    posted = {"key": "k1", "input.item": "lamp", "input.count": "2", "input.gift": "on"}
    response = desk.post(ORDER, posted)
    run = Run.objects.get()
    assert (response.status_code, response["Location"]) == (303, f"/runs/{run.thread_id}/")
    assert (run.requested_by, run.channel) == (ben, "web")
    assert given(run.thread_id) == {"item": "lamp", "count": 2, "gift": True}


def test_htmx_is_redirected_by_a_header(desk: Client) -> None:
    response = desk.post(ORDER, {"key": "k1", "input.item": "lamp"}, headers={"HX-Request": "true"})
    assert response["HX-Redirect"].startswith("/runs/")


def test_a_workflow_without_an_annotation_takes_text(desk: Client) -> None:
    desk.post("/start/tests.bare/", {"key": "k1", "input": "foo"})
    assert given(Thread.objects.get().id) == "foo"


def test_errors_stand_at_their_fields_and_what_was_typed_stays(desk: Client) -> None:
    response = desk.post(ORDER, {"key": "k1", "input.item": "", "input.count": "0"})
    page = response.content.decode()
    assert response.status_code == 422
    assert 'id="id_input.item_error"' in page
    response = desk.post(ORDER, {"key": "k1", "input.item": "my lamp", "input.count": "0"})
    page = response.content.decode()
    assert response.status_code == 422
    assert 'id="id_input.count_error"' in page
    assert "my lamp" in page
    assert not Thread.objects.exists()


def test_htmx_gets_the_form_alone(desk: Client) -> None:
    page = desk.post(ORDER, {"key": "k", "input.item": ""}, headers={"HX-Request": "true"}).content.decode()
    assert page.lstrip().startswith('<form id="start"')


def test_the_same_submit_twice_is_one_start(desk: Client) -> None:
    posted = {"key": "one", "input.item": "lamp", "input.count": "1"}
    first, second = desk.post(ORDER, posted), desk.post(ORDER, posted)
    assert first["Location"] == second["Location"]
    assert Run.objects.count() == 1


def test_a_used_key_with_another_input_is_a_conflict(desk: Client) -> None:
    desk.post(ORDER, {"key": "one", "input.item": "lamp", "input.count": "1"})
    response = desk.post(ORDER, {"key": "one", "input.item": "chair", "input.count": "1"})
    assert response.status_code == 409
    assert "chair" in response.content.decode()
    assert Run.objects.count() == 1


class TestExistingThread:
    def test_a_finished_one_takes_another_turn(self, desk: Client) -> None:
        verbs.start("tests.bare", "one", thread_id="t")
        drain()
        response = desk.post("/start/tests.bare/", {"key": "k", "input": "two", "thread": "t"})
        assert response["Location"] == "/runs/t/"
        assert Thread.objects.get().turn == 2

    def test_a_busy_one_is_a_conflict_that_keeps_the_input(self, desk: Client) -> None:
        verbs.start("tests.bare", "one", thread_id="t")
        response = desk.post("/start/tests.bare/", {"key": "k", "input": "two", "thread": "t"})
        page = response.content.decode()
        assert response.status_code == 409
        assert "two</textarea>" in page
        assert Run.objects.count() == 1

    def test_one_that_waits_for_an_answer_is_a_conflict(self, desk: Client) -> None:
        verbs.start("graph", "foo", thread_id="t")
        drain()
        response = desk.post("/start/graph/", {"key": "k", "input": "two", "thread": "t"})
        assert response.status_code == 409

    @pytest.mark.parametrize("thread", ["order/17", "..", "a b?c#d", "~", "ü"])
    def test_any_text_is_an_address(self, desk: Client, thread: str) -> None:
        response = desk.post("/start/tests.bare/", {"key": "k", "input": "x", "thread": thread})
        assert response["Location"] == reverse("reviewer:thread", args=[thread])
        assert desk.get(response["Location"]).status_code == 200
        assert Thread.objects.get().id == thread


class TestMore:
    """What the verb takes beside: a strategy for an open turn, and a time."""

    @pytest.fixture
    def busy(self) -> Thread:
        verbs.start("tests.bare", "one", thread_id="t")
        return Thread.objects.get()

    def test_it_is_folded_away_until_it_says_something(self, desk: Client) -> None:
        assert '<details class="more"><summary>More' in desk.get(ORDER).content.decode()
        assert '<details class="more" open>' in desk.get(f"{ORDER}?thread=t").content.decode()

    @pytest.mark.parametrize(
        ("strategy", "statuses", "turn"),
        [
            ("enqueue", ["queued", "waiting"], 1),
            ("interrupt", ["cancelled", "queued"], 2),
            ("rollback", ["cancelled", "queued"], 2),
        ],
    )
    def test_a_strategy_for_the_open_turn(
        self, desk: Client, busy: Thread, strategy: str, statuses: list[str], turn: int
    ) -> None:
        posted = {"key": "k", "input": "two", "thread": "t", "multitask_strategy": strategy}
        assert desk.post("/start/tests.bare/", posted)["Location"] == "/runs/t/"
        assert [run.status for run in Run.objects.order_by("created_at", "seq")] == statuses
        assert Thread.objects.get().turn == turn

    @pytest.mark.parametrize("strategy", ["", "reject"])
    def test_a_refusal_stands_at_the_thread(self, desk: Client, busy: Thread, strategy: str) -> None:
        posted = {"key": "k", "input": "two", "thread": "t", "multitask_strategy": strategy}
        response = desk.post("/start/tests.bare/", posted)
        page = response.content.decode()
        assert response.status_code == 409
        assert 'id="id_thread_error"' in page
        assert '<details class="more" open>' in page

    def test_a_time_is_meant_in_the_readers_zone(self, desk: Client) -> None:
        day = (timezone.now() + timedelta(days=400)).date()
        with timezone.override("Asia/Tokyo"):
            assert "Asia/Tokyo" in desk.get(ORDER).content.decode()
            desk.post(ORDER, {"key": "k", "input.item": "lamp", "input.count": "1", "run_at": f"{day}T09:30"})
        run = Run.objects.get()
        assert (run.status, run.strategy) == ("waiting", "enqueue")
        assert run.run_at == datetime(day.year, day.month, day.day, 0, 30, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("given", "field"),
        [
            ({"run_at": "2001-01-01T10:00"}, "run_at"),
            ({"run_at": "soon"}, "run_at"),
            ({"run_at": "2901-01-01T10:00", "multitask_strategy": "reject"}, "multitask_strategy"),
            ({"multitask_strategy": "shout"}, "multitask_strategy"),
        ],
    )
    def test_errors_stand_at_their_field(self, desk: Client, given: dict[str, str], field: str) -> None:
        response = desk.post(ORDER, {"key": "k", "input.item": "lamp", "input.count": "1", **given})
        page = response.content.decode()
        assert response.status_code == 422
        assert f'id="id_{field}_error"' in page
        assert '<details class="more" open>' in page
        assert not Thread.objects.exists()

    def test_a_workflow_may_call_its_own_fields_so(self, desk: Client) -> None:
        desk.post("/start/tests.later/", {"key": "k", "input.run_at": "noon", "input.multitask_strategy": "mine"})
        assert given(Thread.objects.get().id) == {"run_at": "noon", "multitask_strategy": "mine"}
