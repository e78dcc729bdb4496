"""No text that a person can see is left out of translation.

Templates are read as they are written, every branch of them. What code says is rendered, in a language that puts each
translation in brackets: what stands outside of brackets, and is none of the tests' data, was never translated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from django.utils.translation import trans_real

from hitl import registry, verbs
from hitl.func import entrypoint, task
from hitl.models import Interrupt
from hitl.testing import drain
from hitl.types import interrupt
from reviewer import talk
from reviewer.models import SavedView
from tests.reviewer.journal import Journal
from tests.reviewer.marked import Marked, Page, unmarked

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
TAG = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
SPOKEN = re.compile(r"\{% (blocktranslate|comment)\b.*?\{% end\1 %\}", re.DOTALL)
# A text that a tag or filter is given, and that is no name of anything.
GIVEN = re.compile(r'\b(?:default:|label=|send=)"[^"]*[A-Za-z]{2}')
# What has the same name in every language: a key, the server's time zone, the languages themselves; what a title was
# when its question was asked; whom the tests' journals are by; and what Django's own Admin leaves untranslated.
KEYS = {"Esc"}
SAME = {"UTC", "English", "Deutsch", "2 actions: Στείλε, Στείλε", "ana", "Search", "False"}
DUE = "2026-07-01T12:00:00+00:00"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT / "templates")))
def test_a_template_says_nothing_by_itself(path: Path) -> None:
    source = SPOKEN.sub("", path.read_text())
    texts = [text.strip() for text in Page(TAG.sub("", source)).texts if re.search(r"[A-Za-z]{2}", text)]
    assert [text for text in texts if text not in KEYS and not text.startswith("data-")] == []
    assert [tag for tag in TAG.findall(source) if GIVEN.search(tag)] == []


class Σφάλμα(ValueError):
    """Της δουλειάς."""


@task(effects=["αποστολή"])
def δουλειά(value: str) -> str:
    if value == "σφάλμα":
        raise Σφάλμα("δεν γίνεται")
    return value


@entrypoint(name="μαρκ", title="Έγκριση")
def asking(name: str) -> Any:
    """Ρωτά."""
    asked = ASKED[name]
    answer = interrupt(asked["value"], response_schema=asked.get("schema"))
    return δουλειά(answer).result() if isinstance(answer, str) else answer


registry.register(asking)

FIELDS = {
    "type": "object",
    "properties": {
        "ποσό": {"type": "number", "minimum": 5},
        "πότε": {"type": "string", "format": "date-time"},
        "ποια": {"type": "array", "items": {"type": "string"}},
        "αριθμοί": {"type": "array", "items": {"type": "integer"}},
        "ναι": {"type": "boolean"},
        "άλλο": {},
        "ένα": {"enum": ["α", "β", "γ", "δ", "ε", "ζ"]},
    },
    "required": ["ποσό", "ένα"],
}
ACTION = {"name": "στείλε", "args": {"προς": "α"}, "description": "Στείλε"}
BATCH = {
    "action_requests": [ACTION, ACTION],
    "review_configs": [{"action_name": "στείλε", "allowed_decisions": ["approve", "edit", "reject"]}],
}
SINGLE = {**BATCH, "action_requests": [ACTION]}
INBOX = {
    "action_request": {"action": "στείλε", "args": {"προς": "α"}},
    "config": dict.fromkeys(("allow_ignore", "allow_respond", "allow_edit", "allow_accept"), True),
    "description": "Στείλε",
}
ELICITATION = {
    "mode": "form",
    "message": "Πες",
    "requestedSchema": {"type": "object", "properties": {"α": {"type": "string"}}},
}
ASKED: dict[str, dict[str, Any]] = {
    "κείμενο": {"value": "Στείλε;"},
    "επιλογή": {"value": {"question": "Ποιο;", "options": ["α", "β"]}},
    "επιλογές": {"value": {"question": "Ποια;", "options": ["α", "β"], "multiple": True}},
    "δεδομένα": {"value": {"question": "Τι;", "κλειδί": True, "άδειο": None}},
    "πεδία": {"value": "Πόσο;", "schema": FIELDS},
    "ομάδα": {"value": BATCH},
    "μία": {"value": SINGLE},
    "θυρίδα": {"value": INBOX},
    "πρόσκληση": {"value": ELICITATION},
}


@pytest.fixture(autouse=True)
def marked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """German is the language of brackets, for who asks for it, and what else is registered is not to be seen."""
    monkeypatch.setattr(registry, "all", lambda: [registry.get("μαρκ")])
    monkeypatch.setitem(trans_real._translations, "de", Marked("de"))
    yield
    trans_real._active = trans_real.Local()


@pytest.fixture
def άνα(db: None) -> User:
    return User.objects.create_superuser("άνα", password="x")


@pytest.fixture
def desk(άνα: User) -> Client:
    client = Client(headers={"accept-language": "de"})
    client.force_login(άνα)
    return client


def ask(name: str = "κείμενο", *, thread: str | None = None) -> Interrupt:
    run = verbs.start("μαρκ", name, thread_id=thread or "νήμα", by="άνα")
    drain()
    return Interrupt.objects.get(thread_id=run.thread_id, status="pending")


def check(response: Any, *, status: int = 200) -> None:
    assert response.status_code == status, response.content.decode()[:2000]
    assert [text for text in unmarked(response.content.decode()) if text not in SAME] == []


@pytest.mark.parametrize("name", ASKED)
def test_every_kind_of_question_and_its_refused_answers(name: str, desk: Client) -> None:
    asked = ask(name)
    page = f"/questions/{asked.id}/"
    check(desk.get(page))
    response = desk.post(f"{page}answer/", {"version": 1, "token": "t"})
    check(response, status=422 if name != "επιλογές" else 303)
    wrong = {
        "answer": "9", "mode": "json", "action": "x", "answer.ποσό": "1", "answer.0": "1", "answer.1": "x",
        "answer.3": "x", "answer.5": "{", "a0.decision": "edit", "a0.message": "λόγια", "a1.decision": "approve",
    }  # fmt: skip
    response = desk.post(f"{page}answer/", {"version": 1, "token": "t", **wrong})
    if response.status_code == 422:
        check(response, status=422)


PAGES = [
    *("/", "/?q=λέξη", "/?mine=1&snoozed=1&workflow=μαρκ", "/queue/changes/", "/queue/together/", "/runs/"),
    *("/runs/?status=error", "/start/", "/start/μαρκ/", "/accounts/settings/", "/accounts/password/", "/nowhere/"),
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_of_its_own(path: str, desk: Client, άνα: User) -> None:
    ask()
    SavedView.objects.create(owner=άνα, name="Δικά μου", query="mine=1", is_shared=True)
    check(desk.get(path), status=404 if path == "/nowhere/" else 200)


@pytest.mark.parametrize("path", ["/", "/runs/", "/start/", "/queue/together/"])
def test_a_desk_with_nothing_on_it(path: str, desk: Client) -> None:
    check(desk.get(path))


def test_signing_in(client: Client, db: None) -> None:
    client = Client(headers={"accept-language": "de"})
    check(client.get("/accounts/login/"))
    check(client.post("/accounts/login/", {"username": "άνα", "password": "λάθος"}), status=422)
    check(client.get("/queue/changes/", headers={"hx-request": "true"}), status=401)


def test_who_may_only_look_is_told_what_is_missing(db: None) -> None:
    asked = ask()
    desk = Client(headers={"accept-language": "de"})
    desk.force_login(User.objects.create_user("κλειώ"))
    check(desk.get(f"/questions/{asked.id}/"))
    check(desk.get("/start/"))
    check(desk.get(f"/runs/{asked.thread_id}/"))
    for path in (f"/questions/{asked.id}/answer/", "/start/μαρκ/"):
        assert [text for text in unmarked(desk.post(path).content.decode()) if "hitl." not in text] == []


def test_deciding_claiming_snoozing_and_talking(desk: Client, άνα: User) -> None:
    asked, other = ask(), ask(thread="άλλο")
    page = f"/questions/{asked.id}/"
    for path, data in (
        ("assign/", {"to": "me"}),
        ("assign/", {"to": "name", "name": "κανείς"}),
        ("triage/", {"priority": "2", "due": "2026-12-01T10:00"}),
        ("triage/", {"priority": "0", "due": "χθες"}),
        ("snooze/", {"until": "tomorrow"}),
        ("snooze/", {"until": ""}),
        ("comments/", {"text": "Γιατί;", "ask": "μπεν"}),
        ("comments/", {"text": ""}),
        ("draft/", {"answer": "ίσως", "version": "1"}),
    ):
        response = desk.post(page + path, data)
        if response.status_code == 422:
            check(response, status=422)
        check(desk.get("/"))
        check(desk.get(page))
    User.objects.create_user("μπεν")
    talk.say(asked, by=άνα, text="Γιατί;", ask="μπεν")
    check(desk.get(page))
    check(desk.get(f"/runs/{asked.thread_id}/comments/"))
    picks = {"pick": [f"{asked.id}:1", f"{other.id}:1", f"{other.id}:9"]}
    check(desk.get("/queue/together/", picks))
    check(desk.post("/queue/together/", {**picks, "answer": "", "token": "t"}))
    check(desk.post("/queue/together/", {**picks, "choice": "τίποτα", "token": "t"}))
    check(desk.post(f"{page}answer/", {"version": 7, "token": "t", "answer": "ναι"}), status=409)
    desk.post(f"{page}answer/", {"version": 1, "token": "t", "answer": "ναι"})
    check(desk.get("/"))
    check(desk.get(page))
    check(desk.post(f"{page}answer/", {"version": 1, "token": "u", "answer": "όχι"}), status=409)
    check(desk.get(f"{page}state/?version=1"))
    check(desk.get(f"/questions/{other.id}/precedents/"))
    check(desk.get(f"/questions/{other.id}/precedents/", headers={"hx-request": "true"}))


def test_undoing(desk: Client, settings: Any) -> None:
    settings.HITL_UNDO_SECONDS = 60
    asked = ask()
    for token in "ab":
        Interrupt.objects.get(pk=asked.pk)
        version = Interrupt.objects.get(pk=asked.pk).version
        desk.post(f"/questions/{asked.id}/answer/", {"version": version, "token": token, "answer": "ναι"})
        check(desk.get("/"))
        check(desk.get(f"/questions/{asked.id}/"))
        check(desk.get(f"/runs/{asked.thread_id}/"))
        held = Interrupt.objects.get(pk=asked.pk)
        desk.post(f"/questions/{asked.id}/undo/", {"version": held.version})
        check(desk.get("/"))
        desk.post(f"/questions/{asked.id}/undo/", {"version": held.version})
        check(desk.get("/"))


def test_the_runs_of_every_state(desk: Client) -> None:
    asked = ask()
    verbs.answer(asked.id, "σφάλμα", version=1, by="άνα")
    drain()
    for path in ("", "waterfall/", "compare/", "tracebacks/", "fork/?at=3", "compare/?a=999"):
        response = desk.get(f"/runs/{asked.thread_id}/{path}")
        check(response, status=response.status_code)
    check(desk.get(f"/runs/{asked.thread_id}/fork/?at={asked.asked_seq}"))
    for verb in ("retry", "cancel", "retry", "cancel"):
        response = desk.post(f"/runs/{asked.thread_id}/{verb}/")
        check(response, status=response.status_code)
        check(desk.get(f"/runs/{asked.thread_id}/"))
    verbs.start("μαρκ", "κείμενο", thread_id="μετά", run_at=timezone.now() + timedelta(days=30), by="άνα")
    check(desk.get("/runs/"))
    check(desk.get("/runs/μετά/"))
    waiting = verbs.start("μαρκ", "κείμενο", thread_id="ουρά", by="άνα")
    behind = verbs.start("μαρκ", "κείμενο", thread_id="ουρά", multitask_strategy="enqueue", by="άνα")
    check(desk.get(f"/runs/ουρά/starts/{behind.id}/"), status=200)
    check(desk.get(f"/runs/ουρά/starts/{waiting.id}/"), status=200)
    check(desk.get("/runs/ουρά/"))


def test_every_fact_of_a_timeline(desk: Client, db: None) -> None:
    journal, question = Journal("νήμα", workflow="μαρκ"), "a" * 32
    by = {"by_name": "άνα", "channel": "code"}
    args = {"args": ["α"], "kwargs": {}}
    journal.add("input", value="α", **by)
    journal.add("input", turn=2, value="α", base=3, **by)
    journal.add("task", path="11", name="β", value=True, cached=True, args={"bytes": 9})
    journal.add("task", path="12", name="β", value="γ" * 30_000, args=args)
    journal.add("call", path="13", name="β", args=args)
    journal.add("error", path="14", name="β", type="Σ", message="μ", args=args)
    journal.add("attempt", path="15", name="β", type="Σ", message="μ", due=DUE, args=args)
    journal.add("attempt", path="16", name="β", type="Σ", message="μ", args=args)
    journal.add("attempt", type="Σ", message="μ", due=DUE)
    journal.add("timer", path="17~1", name="β", until=DUE)
    journal.add("timer", path="~1", until=DUE)
    journal.add("event", path="11!1.1", value=None)
    journal.add("warning", message="μ")
    journal.add("output", value={})
    journal.add("failed", type="Σ", message="μ")
    for kind in ("question", "assign", "hold", "undo", "answer", "reopen", "release"):
        journal.add(kind, id=question, title="Τι;", value="α", to_name="άνα", problem="μ", **by)
    for at, kind in enumerate(("question", "hold")):
        journal.add(kind, path=f"9{at}", id="b" * 32, title="Τι;", value="α", **by)
    for kind in ("retry", "discard", "rollback", "enqueue", "withdraw", "fork", "update", "prune", "cancel"):
        journal.add(kind, value="α", base=1, **by)
    journal.add("enqueue", value="α", run_at=DUE, **by)
    journal.add("update", value="α", **by)
    journal.add("prune", stands=3, **by)
    check(desk.get("/runs/νήμα/"))
    check(desk.get("/runs/νήμα/events/?after=0"))


@pytest.mark.parametrize("state", ["queued", "running", "interrupted", "succeeded", "failed", "cancelled"])
@pytest.mark.parametrize("thread", ["idle", "busy", "interrupted", "error"])
def test_every_state_of_a_run(thread: str, state: str, desk: Client) -> None:
    journal = Journal("νήμα", workflow="μαρκ")
    journal.set(thread, run=state)
    check(desk.get("/runs/νήμα/"))
    check(desk.get("/runs/"))


ADMIN = [
    *(f"hitl/{model}/" for model in ("thread", "run", "checkpoint", "interrupt", "schedule", "schedulechange")),
    *("reviewer/comment/", "hitl/schedule/add/"),
]


@pytest.mark.parametrize("path", ADMIN)
def test_the_lists_of_the_admin(path: str, desk: Client, άνα: User) -> None:
    asked = ask()
    talk.say(asked, by=άνα, text="Γιατί;")
    html = desk.get(f"/admin/{path}").content.decode()
    # The names of facts, channels and permissions are words of the journal.
    main = html[html.index('<div id="content"') :]
    assert [text for text in unmarked(main) if text not in SAME and not ALLOWED.fullmatch(text)] == []


def test_the_records_of_the_admin(desk: Client, άνα: User) -> None:
    asked = ask()
    talk.say(asked, by=άνα, text="Γιατί;")
    run = asked.thread.runs.get()
    fact = asked.thread.checkpoints.first()
    for path in (f"thread/{asked.thread_id}", f"run/{run.pk}", f"checkpoint/{fact.pk}", f"interrupt/{asked.pk}"):
        html = desk.get(f"/admin/hitl/{path}/change/").content.decode()
        main = html[html.index('<div id="content"') :]
        assert [text for text in unmarked(main) if text not in SAME and not ALLOWED.fullmatch(text)] == []
    cancel = {"action": "cancel", "_selected_action": asked.thread_id}
    check_main(desk.post("/admin/hitl/thread/", cancel))
    desk.post("/admin/hitl/thread/", {**cancel, "confirmed": "1"})
    check_main(desk.get("/admin/hitl/thread/"))


def check_main(response: Any) -> None:
    html = response.content.decode()
    found = unmarked(html[html.index('<div id="content') :])
    assert [text for text in found if text not in SAME and not ALLOWED.fullmatch(text)] == []


# Kinds of questions and facts, channels, ids and digests.
ALLOWED = re.compile(r"[a-z_]+|\S+#\d+ \w+|[0-9a-f-]{8,}|…\S+")
