"""Signing in and out, the password, and the settings of a browser."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.test import Client


def test_sign_in_leads_to_the_queue(client: Client, ben: User) -> None:
    response = client.post("/accounts/login/", {"username": "ben", "password": "ben"})
    assert (response.status_code, response["Location"]) == (302, "/")


def test_a_wrong_password_says_so_and_keeps_the_name(client: Client, ben: User) -> None:
    response = client.post("/accounts/login/", {"username": "ben", "password": "no"})
    page = response.content.decode()
    assert response.status_code == 422
    assert 'value="ben"' in page
    assert 'role="alert"' in page


def test_sign_in_never_leads_to_another_site(client: Client, ben: User) -> None:
    posted = {"username": "ben", "password": "ben", "next": "https://evil.example/"}
    assert client.post("/accounts/login/", posted)["Location"] == "/"


def test_only_a_post_signs_out(client: Client, ben: User) -> None:
    client.force_login(ben)
    assert client.get("/accounts/logout/").status_code == 405
    assert client.get("/").status_code == 200
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
    assert client.get("/").status_code == 302


def test_the_password_changes_and_the_session_stays(client: Client, ben: User) -> None:
    client.force_login(ben)
    new = "a long new one 17"
    posted = {"old_password": "ben", "new_password1": new, "new_password2": new}
    response = client.post("/accounts/password/", posted, follow=True)
    assert "Your password is changed." in response.content.decode()
    ben.refresh_from_db()
    assert ben.check_password(new)


def test_a_password_that_does_not_do(client: Client, ben: User) -> None:
    client.force_login(ben)
    posted = {"old_password": "ben", "new_password1": "1", "new_password2": "2"}
    assert client.post("/accounts/password/", posted).status_code == 422


@pytest.mark.parametrize(("theme", "keys"), [("dark", ""), ("light", "on"), ("auto", "on")])
def test_settings_are_kept_in_the_browser_and_drawn_by_the_server(
    client: Client, ben: User, theme: str, keys: str
) -> None:
    client.force_login(ben)
    assert client.post("/accounts/settings/", {"theme": theme, "keys": keys}).status_code == 303
    page = client.get("/").content.decode()
    assert f'data-theme="{theme}" data-keys="{"on" if keys else "off"}"' in page


def test_a_cookie_that_makes_no_sense_is_no_theme(client: Client) -> None:
    client.cookies["desk_theme"] = '"><script>'
    assert 'data-theme="auto"' in client.get("/accounts/login/").content.decode()


def test_the_admin_is_linked_for_those_who_may_enter_it(client: Client, ana: User, ben: User) -> None:
    for user, linked in ((ana, True), (ben, False)):
        client.force_login(user)
        assert ('href="/admin/"' in client.get("/").content.decode()) is linked
