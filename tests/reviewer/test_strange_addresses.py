"""An address that nobody was given: a page that leads on, never a fault, whatever the database thinks of it."""

from __future__ import annotations

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.test import AsyncClient, Client

pytestmark = pytest.mark.django_db

LONG_AGO = "0001-01-01T00:00:00%2B14:00"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/questions/%00/", 404),
        ("/runs/~00/", 404),
        ("/runs/~00/events/", 404),
        ("/start/%00/", 404),
        ("/?workflow=%00", 404),
        ("/?q=%00", 404),
        ("/queue/changes/?seen=%00", 404),
        ("/runs/?workflow=%00", 404),
        (f"/?after={LONG_AGO}_a", 200),
        (f"/queue/changes/?since={LONG_AGO}_a", 200),
        (f"/runs/?after={LONG_AGO}_a", 200),
        ("/runs/?after=2026-01-01T00:00:00_a", 200),
        ("/runs/a/?from=99999999999999999999", 404),
        (f"/questions/{'x' * 3000}/", 404),
    ],
)
def test_it_has_a_page(client: Client, ben: User, address: str, status: int) -> None:
    client.force_login(ben)
    assert client.get(address).status_code == status


@pytest.mark.parametrize("address", ["/?q=%00", "/queue/together/?pick=%00:1", "/people/?q=%00"])
def test_it_has_one_too_where_the_desk_is_served_by_asgi(async_client: AsyncClient, ben: User, address: str) -> None:
    async_client.force_login(ben)
    assert async_to_sync(async_client.get)(address).status_code == 404
