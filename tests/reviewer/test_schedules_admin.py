"""Schedules in the Admin: made, changed and deleted by the verbs, for those who may start and administer."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from hitl.models import Schedule, ScheduleChange
from hitl.schedules import Plan, fire, save

pytestmark = pytest.mark.django_db
ADD = "/admin/hitl/schedule/add/"
FIELDS = {
    "name": "Mondays",
    "workflow": "graph",
    "value": '"foo"',
    "cron": "0 9 * * MON",
    "time_zone": "Europe/Berlin",
    "enabled": "on",
    "thread_id": "",
    "multitask_strategy": "enqueue",
}


@pytest.fixture
def admin(ana: User) -> Client:
    client = Client()
    client.force_login(ana)
    return client


def change(schedule: Schedule) -> str:
    return reverse("admin:hitl_schedule_change", args=[schedule.pk])


def test_a_schedule_is_made_changed_and_deleted(admin: Client, ana: User) -> None:
    assert admin.post(ADD, FIELDS).status_code == 302
    schedule = Schedule.objects.get()
    assert (schedule.value, schedule.requested_by, schedule.next_run_at is not None) == ('"foo"', ana, True)
    assert admin.post(change(schedule), FIELDS | {"cron": "0 10 * * MON", "enabled": ""}).status_code == 302
    schedule.refresh_from_db()
    assert (schedule.cron, schedule.enabled, schedule.next_run_at) == ("0 10 * * MON", False, None)
    delete = reverse("admin:hitl_schedule_delete", args=[schedule.pk])
    assert admin.post(delete, {"post": "yes"}).status_code == 302
    assert not Schedule.objects.exists()
    assert list(ScheduleChange.objects.values_list("changed_by_name", "channel")) == [("ana", "admin")] * 3


@pytest.mark.parametrize(
    "changed, says",
    [
        ({"value": "foo"}, "This is not JSON"),
        ({"cron": "often"}, "is no cron expression"),
        ({"time_zone": "Mars"}, "There is no time zone"),
        ({"thread_id": "a\nb"}, "printable"),
        ({"workflow": "refund", "value": '{"amount": "x"}'}, "amount"),
        ({"workflow": "elsewhere"}, "Select a valid choice"),
        ({"multitask_strategy": "later"}, "Select a valid choice"),
    ],
)
def test_what_makes_no_sense_is_told_and_not_saved(admin: Client, changed: dict[str, str], says: str) -> None:
    response = admin.post(ADD, FIELDS | changed)
    assert response.status_code == 200
    assert says in response.content.decode()
    assert not Schedule.objects.exists()


def test_its_page_shows_what_came_of_it_and_who_changed_it(admin: Client, ana: User) -> None:
    schedule = save(Plan("Mondays", "graph", "foo", "* * * * *", thread_id="weekly"), by=ana)
    Schedule.objects.update(next_run_at=schedule.created_at)
    assert fire(schedule.pk)
    html = admin.get(change(schedule)).content.decode()
    assert "/runs/weekly/" in html and "Queued" in html
    listed = admin.get("/admin/hitl/schedule/").content.decode()
    assert "Mondays" in listed and "/runs/weekly/" in listed
    changes = admin.get(f"/admin/hitl/schedulechange/?schedule_key__exact={schedule.pk}").content.decode()
    assert "Mondays" in changes
    one = ScheduleChange.objects.get()
    shown = admin.get(reverse("admin:hitl_schedulechange_change", args=[one.pk])).content.decode()
    assert "weekly" in shown
    assert admin.post(reverse("admin:hitl_schedulechange_change", args=[one.pk]), {}).status_code == 403


@pytest.mark.parametrize("held", [[], ["start_thread"], ["administer_thread"], ["add_schedule", "change_schedule"]])
def test_it_takes_both_permissions(cleo: User, held: list[str]) -> None:
    cleo.is_staff = True
    cleo.save()
    cleo.user_permissions.set(Permission.objects.filter(codename__in=held))
    client = Client()
    client.force_login(cleo)
    schedule = save(Plan("Mondays", "graph", "foo", "0 9 * * MON"))
    answers: list[Any] = [client.get(ADD), client.post(ADD, FIELDS), client.post(change(schedule), FIELDS)]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert Schedule.objects.count() == 1
