"""Schedules: each due time starts one run, whoever sweeps; what was missed is made up for once."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from hitl import errors, schedules, verbs
from hitl.doctor import findings
from hitl.models import Run, Schedule, ScheduleChange, Thread
from hitl.schedules import Plan
from hitl.sweep import sweep
from hitl.testing import drain
from tests.hitl import flows
from tests.hitl.command import hitl
from tests.hitl.racing import at_once

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def known(register: Callable[..., Any]) -> None:
    for workflow in (flows.asking, flows.echo, flows.counting):
        register(workflow)


def plan(**changed: Any) -> Plan:
    return Plan(**({"name": "Hourly", "workflow": "echo", "value": {"a": 1}, "cron": "0 * * * *"} | changed))


def due(schedule: Schedule, *, ago: timedelta = timedelta(seconds=1)) -> datetime:
    moment = timezone.now() - ago
    Schedule.objects.filter(pk=schedule.pk).update(next_run_at=moment)
    return moment


def test_a_due_time_starts_a_run_and_sets_the_next(ana: User) -> None:
    schedule = schedules.save(plan(), by=ana)
    assert sweep() == 0
    moment = due(schedule)
    sweep()
    run = Run.objects.get()
    assert (run.workflow, run.requested_by, run.channel) == ("echo", ana, "schedule")
    assert Thread.objects.get().metadata == {"schedule": "Hourly", "due_at": moment.isoformat()}
    schedule.refresh_from_db()
    assert (schedule.last_run_id, schedule.last_due_at, schedule.last_problem) == (run.pk, moment, "")
    assert schedule.next_run_at is not None and timezone.now() < schedule.next_run_at
    assert (schedule.next_run_at.minute, schedule.next_run_at.second) == (0, 0)
    sweep()
    assert Run.objects.count() == 1


def test_what_was_missed_is_made_up_for_once() -> None:
    schedule = schedules.save(plan())
    due(schedule, ago=timedelta(days=3))
    sweep()
    sweep()
    assert Run.objects.count() == 1


def test_each_time_in_a_thread_of_its_own_or_in_one() -> None:
    apart, together = schedules.save(plan()), schedules.save(plan(thread_id="report"))
    for minutes in (3, 2, 1):
        for schedule in (apart, together):
            due(schedule, ago=timedelta(minutes=minutes))
        sweep()
    drain()
    assert Thread.objects.count() == 4
    assert Thread.objects.get(pk="report").turn == 3


@pytest.mark.parametrize("strategy, kept", [("reject", 1), ("enqueue", 2), ("interrupt", 2), ("rollback", 2)])
def test_a_turn_that_is_still_open(strategy: str, kept: int) -> None:
    schedule = schedules.save(plan(thread_id="report", multitask_strategy=strategy))
    verbs.start("echo", 1, thread_id="report")
    due(schedule)
    sweep()
    schedule.refresh_from_db()
    assert Run.objects.count() == kept
    assert ("ThreadBusy" in schedule.last_problem) is (strategy == "reject")
    assert schedule.next_run_at is not None and schedule.next_run_at > timezone.now()
    told = [finding.code for finding in findings()]
    assert told == (["failing-schedule"] if strategy == "reject" else [])


def test_a_disabled_schedule_starts_nothing() -> None:
    schedule = schedules.save(plan(enabled=False))
    assert schedule.next_run_at is None
    due(schedule)
    assert sweep() == 0


def test_a_process_that_does_not_know_the_workflow_leaves_it_alone() -> None:
    schedule = schedules.save(plan())
    due(schedule, ago=timedelta(minutes=5))
    Schedule.objects.update(workflow="elsewhere")
    assert sweep() == 0
    assert [finding.code for finding in findings()] == ["overdue-schedule"]


def test_an_input_that_fits_no_more_is_told_and_the_next_time_is_tried() -> None:
    schedule = schedules.save(plan(workflow="counting", value=1))
    Schedule.objects.update(value='"many"')
    due(schedule)
    sweep()
    schedule.refresh_from_db()
    assert "InvalidInput" in schedule.last_problem and schedule.next_run_at is not None
    Schedule.objects.update(value="2")
    due(schedule)
    sweep()
    schedule.refresh_from_db()
    assert schedule.last_problem == "" and Run.objects.count() == 1


@pytest.mark.parametrize(
    "changed, field, says",
    [
        ({"name": " "}, "name", "1 to 100"),
        ({"workflow": "ekho"}, "workflow", "Registered"),
        ({"workflow": "counting", "value": "many"}, "value", "integer"),
        ({"cron": "61 * * * *"}, "cron", "no cron expression"),
        ({"cron": "0 0 0 * * *"}, "cron", "five fields"),
        ({"cron": "0 0 */20 * 1L"}, "cron", "never comes"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "Europe/Berlin"),
        ({"time_zone": "../etc/passwd"}, "time_zone", "Europe/Berlin"),
        ({"thread_id": "a\nb"}, "thread_id", "printable"),
        ({"multitask_strategy": "later"}, "multitask_strategy", "rollback"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_field(changed: dict[str, Any], field: str, says: str) -> None:
    with pytest.raises(errors.InvalidInput) as told:
        schedules.save(plan(**changed))
    assert [name for name, _ in told.value.errors] == [field]
    assert says in told.value.errors[0][1]
    assert not Schedule.objects.exists() and not ScheduleChange.objects.exists()


def test_times_are_meant_in_the_schedules_zone() -> None:
    winter, summer = datetime(2027, 1, 1, tzinfo=UTC), datetime(2027, 7, 1, tzinfo=UTC)
    found = [schedules.next_time("30 9 * * *", "Europe/Berlin", after=moment) for moment in (winter, summer)]
    assert [moment and moment.hour for moment in found] == [8, 7]


def test_a_night_without_half_past_two_has_its_run() -> None:
    before = datetime(2027, 3, 28, 0, 0, tzinfo=UTC)
    found = schedules.next_time("30 2 * * *", "Europe/Berlin", after=before)
    assert found == datetime(2027, 3, 28, 1, 0, tzinfo=UTC)


def test_who_changed_what_is_on_record(ana: User, ben: User) -> None:
    schedule = schedules.save(plan(), by=ana, channel="admin")
    schedules.save(plan(cron="0 9 * * *"), schedule_id=schedule.pk, by=ben)
    schedules.delete(schedule.pk, by=ana)
    made, changed, deleted = ScheduleChange.objects.order_by("id")
    assert [one.changed_by for one in (made, changed, deleted)] == [ana, ben, ana]
    assert made.before == "" and deleted.after == ""
    assert json.loads(changed.before)["cron"] == "0 * * * *" and json.loads(changed.after)["cron"] == "0 9 * * *"
    for act in (partial(schedules.delete, schedule.pk), partial(schedules.save, plan(), schedule_id=schedule.pk)):
        with pytest.raises(errors.UnknownSchedule):
            act()


def test_runs_are_asked_for_in_the_name_of_who_saved_it_last(ana: User, ben: User) -> None:
    schedule = schedules.save(plan(), by=ana)
    schedules.save(plan(), schedule_id=schedule.pk, by=ben)
    due(schedule)
    sweep()
    assert Run.objects.get().requested_by == ben


def test_the_command_lists_them() -> None:
    assert "There is no schedule" in hitl("schedules").err
    schedules.save(plan())
    schedules.save(plan(name="Off", enabled=False))
    listed = hitl("schedules")
    assert "Hourly" in listed.out and "disabled" in listed.out
    rows = json.loads(hitl("schedules", "--format", "json").out)
    assert [(row["name"], row["input"], row["enabled"]) for row in rows] == [
        ("Hourly", {"a": 1}, True),
        ("Off", {"a": 1}, False),
    ]


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_many_sweepers_one_starts_it() -> None:
    schedule = schedules.save(plan())
    for number in range(3):
        due(schedule, ago=timedelta(minutes=5 - number))
        fired = at_once(*[partial(schedules.fire, schedule.pk)] * 6)
        assert sorted(fired) == [False] * 5 + [True]
        assert Run.objects.count() == number + 1


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_a_change_and_a_due_time_do_not_lose_each_other() -> None:
    schedule = schedules.save(plan())
    due(schedule)
    fired, saved = at_once(
        partial(schedules.fire, schedule.pk),
        partial(schedules.save, plan(value="new", cron="5 * * * *"), schedule_id=schedule.pk),
    )
    assert isinstance(saved, Schedule)
    assert Run.objects.count() == int(fired)
    schedule.refresh_from_db()
    assert (schedule.value, schedule.cron) == ('"new"', "5 * * * *")
    assert schedule.next_run_at is not None and schedule.next_run_at.minute == 5
