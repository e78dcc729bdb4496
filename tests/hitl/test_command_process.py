"""`manage.py hitl` as a process of its own: what a shell sees."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.desk import ROOT, Desk


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A database of its own, with no server beside it."""
    desk = Desk(tmp_path_factory.mktemp("desk"), LOG_LEVEL="ERROR")
    desk.manage("migrate", "--verbosity", "0")
    return desk


def begin(desk: Desk, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "hitl", *arguments],
        cwd=ROOT,
        env=desk.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def hitl(desk: Desk, *arguments: str) -> tuple[int, str, str]:
    process = begin(desk, *arguments)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture
def worker(desk: Desk) -> Iterator[subprocess.Popen[str]]:
    process = begin(desk, "worker")
    yield process
    process.kill()
    process.communicate()


def test_an_error_is_one_line_on_standard_error(desk: Desk) -> None:
    code, out, err = hitl(desk, "start", "nope")
    assert (code, out) == (3, "")
    assert len(err.splitlines()) == 1
    assert "There is no workflow 'nope'" in err


def test_a_wrong_command_line_ends_with_two(desk: Desk) -> None:
    assert hitl(desk)[0] == 2
    assert hitl(desk, "start")[0] == 2
    assert hitl(desk, "answer", "x", "--input", "y")[0] == 2


def test_options_of_django_may_stand_behind_the_subcommand(desk: Desk) -> None:
    assert hitl(desk, "workflows", "--settings", "reviewer.settings")[0] == 0
    code, _, err = hitl(desk, "start", "nope", "--traceback")
    assert (code, "Traceback" in err) == (1, True)
    assert "nowhere" in hitl(desk, "workflows", "--settings", "nowhere")[2]
    assert "Traceback" in hitl(desk, "--traceback", "start", "nope")[2]


def test_ctrl_c_ends_a_worker_with_its_own_code(desk: Desk, worker: subprocess.Popen[str]) -> None:
    assert worker.stderr is not None
    assert "Ctrl-C ends it" in worker.stderr.readline()
    worker.send_signal(signal.SIGINT)
    assert worker.wait(timeout=20) == 130


def test_a_database_without_tables_ends_with_six(tmp_path: Path) -> None:
    code, out, err = hitl(Desk(tmp_path), "threads")
    assert (code, out) == (6, "")
    assert len(err.splitlines()) == 1
    assert "migrated" in err


def test_without_a_server_the_followed_run_is_run_here(desk: Desk) -> None:
    code, out, err = hitl(desk, "start", "graph", "--input", "foo", "--thread", "here", "--follow")
    assert code == 10
    assert json.loads(out.splitlines()[-1])["kind"] == "pause"
    assert "Waiting for a person" in err


def test_a_worker_executes_what_others_start_until_it_is_told_to_stop(
    desk: Desk, worker: subprocess.Popen[str]
) -> None:
    assert worker.stderr is not None
    assert "Ctrl-C ends it" in worker.stderr.readline()
    code, out, _ = hitl(desk, "start", "graph", "--input", "foo", "--thread", "theirs", "--follow")
    assert code == 10
    owners = {fact["detail"]["owner"] for line in out.splitlines() if (fact := json.loads(line))["kind"] == "leg"}
    assert {owner.split(":")[1] for owner in owners} == {str(worker.pid)}
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(timeout=20) == 0


def test_ctrl_c_ends_the_command_and_not_the_run(desk: Desk) -> None:
    value = '{"rows": 1000, "batches": 100, "seconds_per_batch": 0.5}'
    process = begin(desk, "start", "import", "--json", value, "--thread", "long", "--follow")
    assert process.stdout is not None
    assert any('"leg"' in line for line in process.stdout), "it ended before it began to run"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err == "Stopped watching; the run goes on. `hitl show long` tells how far it is.\n"
    shown = json.loads(hitl(desk, "show", "long", "--format", "json")[1])
    assert shown["status"] == "busy"
    hitl(desk, "cancel", "long")
