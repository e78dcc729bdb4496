"""What is live is read once, and said to each reader in the language of their page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone, translation

from reviewer import timeline
from reviewer.live import presence
from reviewer.models import Comment
from tests.reviewer.factories import question
from tests.reviewer.journal import Journal
from tests.reviewer.live import NEVER, Desk

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def desk(settings: Any, transactional_db: Any) -> AsyncIterator[Desk]:
    settings.ALLOWED_HOSTS = ["testserver"]
    desk = Desk(NEVER)
    yield desk
    await desk.close()


@pytest.fixture
def journal(transactional_db: Any) -> Journal:
    journal = Journal("t1")
    journal.add("input", value="foo", workflow="graph", by_name="ana", channel="web")
    return journal


async def test_each_reader_hears_it_in_their_own_language(
    desk: Desk, journal: Journal, ben: User, cleo: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    readings: list[int] = []
    read = timeline.facts
    monkeypatch.setattr(timeline, "facts", lambda *key, **how: readings.append(how["after"]) or read(*key, **how))
    german = await desk.follow(ben, "t1", language="de")
    english = await desk.follow(cleo, "t1", language="en")
    assert "hat gestartet" in (await german.receive_json_from())["html"]
    assert "</strong> started" in (await english.receive_json_from())["html"]
    readings.clear()
    await sync_to_async(journal.add)("retry", by_name="ana", channel="web")
    desk.hub.moved(["t1"])
    assert "hat den Lauf wiederholt" in (await german.receive_json_from())["html"]
    assert "retried the run" in (await english.receive_json_from())["html"]
    assert readings == [1]
    # Nothing of it stays behind in the threads that read for others.
    assert await desk.hub.read(translation.get_language) == "en"


@pytest.mark.parametrize("language", ["", "xx", "../../de", "de,en", "x" * 10_000])
async def test_a_language_that_there_is_not_is_the_projects_own(
    desk: Desk, journal: Journal, cleo: User, language: str
) -> None:
    socket = await desk.follow(cleo, "t1", language=language)
    assert "</strong> started" in (await socket.receive_json_from())["html"]


async def test_a_row_of_the_queue_says_who_is_there_in_its_readers_language(
    desk: Desk, ana: User, ben: User, cleo: User
) -> None:
    asked = await sync_to_async(question)("Ship it?")
    sockets = {language: await desk.connect(user, language=language) for language, user in (("de", ben), ("en", cleo))}
    for socket in sockets.values():
        await socket.send_json_to({"queue": {"shown": [asked.id]}})
        await socket.receive_json_from()
    waiting = {"question": asked, "author": cleo, "author_name": "cleo", "text": "?", "asked": ana, "asked_name": "ana"}
    await sync_to_async(Comment.objects.create)(**waiting, created_at=timezone.now())
    presence.told("elsewhere", asked.id, ["dora"])
    desk.hub.beside(asked.id)
    german = (await sockets["de"].receive_json_from())["html"]
    english = (await sockets["en"].receive_json_from())["html"]
    presence.told("elsewhere", asked.id, [])
    assert "wartet auf ana" in german and "dora sieht es sich an" in german
    assert "waiting for ana" in english and "dora looks" in english


def test_the_page_says_its_language_to_the_socket(client: Any, journal: Journal, cleo: User) -> None:
    client.force_login(cleo)
    html = client.get("/runs/t1/", headers={"accept-language": "de-AT,de;q=0.8"}).content.decode()
    assert '<html lang="de" dir="ltr"' in html and "/ws/?language=de" in html
