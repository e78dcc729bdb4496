"""Somebody who answers at the desk as a browser does: reads the page, sends the form with its version and token."""

from __future__ import annotations

import re
import urllib.error
import urllib.parse
from http.client import HTTPException

from tests.services.visitor import Visitor

# What a server that is being killed answers with.
AWAY = (OSError, HTTPException)


class Clerk:
    """Ben, at whichever of the desks answers."""

    def __init__(self, desks: list[str]) -> None:
        self._desks = desks
        self._visitor = Visitor(desks[0])

    def elsewhere(self) -> None:
        """Go to the next desk; they share their sessions."""
        at = self._desks.index(self._visitor.desk)
        self._visitor.desk = self._desks[(at + 1) % len(self._desks)]

    def page(self, question_id: str) -> str | None:
        """The question's page, signed in; None where it shows no form any more. Raises what AWAY names."""
        path = f"/questions/{question_id}/"
        page = self._visitor.get(path)
        if "id_username" in page:
            self._visitor.sign_in("ben", password="demo")
            page = self._visitor.get(path)
        return page if 'name="token"' in page else None

    def send(self, question_id: str, page: str, answer: str) -> int:
        """Post the form that the page holds; the status that came back. Raises what AWAY names."""
        fields = {name: hidden(page, name) for name in ("csrfmiddlewaretoken", "version", "token")}
        body = urllib.parse.urlencode(fields | {"answer": answer}).encode()
        try:
            with self._visitor.opener.open(
                f"{self._visitor.desk}/questions/{question_id}/answer/", data=body, timeout=10
            ):
                # It was led on to the queue.
                return 303
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code


def hidden(page: str, name: str) -> str:
    """The value of a hidden field of the answer form (the page's last form may be another one)."""
    form = page[page.index("/answer/") :]
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', form)
    assert found, f"the page has no {name}"
    return found[1]


def version_on(page: str) -> int:
    return int(hidden(page, "version"))
