"""`hitl start`: what it takes, what it prints, and what it refuses."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.contrib.auth.models import User

from hitl.models import Checkpoint, Run, Thread
from tests.hitl.command import hitl

pytestmark = pytest.mark.django_db


def input_of(thread_id: str) -> object:
    value = Checkpoint.objects.get(thread_id=thread_id, kind="input").value
    assert value is not None
    return json.loads(value)


def test_it_prints_the_thread_alone_and_says_who_runs_it() -> None:
    result = hitl("start", "graph", "--input", "foo")
    assert result.code == 0
    assert result.out.strip() == Thread.objects.get().pk
    assert "A running server or worker picks it up within two seconds" in result.err


def test_the_run_is_queued_and_left_to_others() -> None:
    hitl("start", "graph", "--input", "foo", "--thread", "one")
    assert Run.objects.get().status == "queued"
    assert Thread.objects.due().get().pk == "one"


def test_input_is_plain_text_even_where_it_looks_like_json() -> None:
    hitl("start", "graph", "--input", "42", "--thread", "one")
    assert input_of("one") == "42"


def test_json_is_json() -> None:
    hitl("start", "graph", "--json", '"foo"', "--thread", "one")
    assert input_of("one") == "foo"


def test_a_file_holds_json(tmp_path: Path) -> None:
    path = tmp_path / "input.json"
    path.write_text('"grüße"', encoding="utf-8")
    hitl("start", "graph", "--file", str(path), "--thread", "one")
    assert input_of("one") == "grüße"


def test_a_dash_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('"piped"'))
    hitl("start", "graph", "--file", "-", "--thread", "one")
    assert input_of("one") == "piped"


def test_metadata_is_kept_with_the_thread() -> None:
    hitl("start", "graph", "--input", "foo", "--metadata", "order=A=7", "by=mail", "--metadata", "note=")
    assert Thread.objects.get().metadata == {"order": "A=7", "by": "mail", "note": ""}


def test_the_author_is_the_user_it_names(ben: User) -> None:
    hitl("start", "graph", "--input", "foo", "--as", "ben")
    run = Run.objects.get()
    assert (run.requested_by, run.requested_by_name, run.channel) == (ben, "ben", "command")


def test_without_a_user_the_login_name_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "operator")
    hitl("start", "graph", "--input", "foo")
    run = Run.objects.get()
    assert (run.requested_by, run.requested_by_name, run.channel) == (None, "operator", "command")


def test_the_same_key_finds_the_first_run_and_another_input_under_it_is_a_conflict() -> None:
    first = hitl("start", "graph", "--input", "foo", "--idempotency-key", "A-7")
    again = hitl("start", "graph", "--input", "foo", "--idempotency-key", "A-7")
    assert again.out == first.out
    assert Run.objects.count() == 1
    other = hitl("start", "graph", "--input", "bar", "--idempotency-key", "A-7")
    assert other.code == 4
    assert "A-7" in other.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nope"], 3, "There is no workflow 'nope'"),
        (["graph", "--json", "{"], 5, "not JSON"),
        (["graph", "--json", "NaN"], 5, "NaN is no JSON value"),
        (["graph", "--json", "[" * 100_000], 5, "--json"),
        (["graph", "--json", "42"], 5, "valid string"),
        (["graph"], 5, "valid string"),
        (["refund", "--json", '{"amount": "-1"}'], 5, "$.amount"),
        (["graph", "--input", "x" * 1_000_001], 5, "1,000,000"),
        (["graph", "--input", "foo", "--thread", "a\nb"], 5, "thread id"),
        (["graph", "--input", "foo", "--as", "nobody"], 3, "nobody"),
        (["graph", "--file", "/nowhere/input.json"], 2, "Cannot read /nowhere/input.json"),
    ],
)
def test_what_is_refused_is_told_in_one_line_and_leaves_nothing(arguments: list[str], code: int, words: str) -> None:
    result = hitl("start", *arguments)
    assert result.code == code
    assert words in result.err
    assert "\n" not in result.err
    assert result.out == ""
    assert Thread.objects.count() == 0


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(b"\xff\xd8\xff")
    result = hitl("start", "graph", "--file", str(path))
    assert result.code == 5
    assert "UTF-8" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["graph", "--input", "foo", "--json", '"foo"'],
        ["graph", "--input", "foo", "--metadata", "novalue"],
        ["--input", "foo"],
    ],
)
def test_a_wrong_command_line_is_a_usage_error(arguments: list[str]) -> None:
    result = hitl("start", *arguments)
    assert result.code != 0
    assert Thread.objects.count() == 0


def test_a_busy_thread_takes_no_new_input() -> None:
    hitl("start", "graph", "--input", "foo", "--thread", "one")
    result = hitl("start", "graph", "--input", "bar", "--thread", "one")
    assert result.code == 4
    assert "busy" in result.err
