"""`make test` as CI runs it: what was skipped for want of a service has not passed, and what runs beside what."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import run

REPORT = """<testsuites><testsuite tests="2" failures="0" errors="0" skipped="1">
<testcase name="a"/><testcase name="b"><skipped message="{reason}"/></testcase>
</testsuite></testsuites>"""


@pytest.mark.parametrize(
    ("ci", "reason", "failed"),
    [("true", "needs Redis", 1), ("", "needs Redis", 0), ("true", "SQLite has no other way", 0)],
)
def test_in_ci_a_test_without_its_service_fails_the_stage(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ci: str, reason: str, failed: int
) -> None:
    (tmp_path / "sqlite.xml").write_text(REPORT.format(reason=reason))
    monkeypatch.setenv("CI", ci)
    # Stands in for the process that would have written the report.
    monkeypatch.setattr(run, "pytest", lambda stage, **_: subprocess.Popen(["true"]))
    tally = run.Tally()
    run.run(run.chosen(["sqlite"]), services=run.Services(), tally=tally, reports=tmp_path)
    assert (tally.failed, len(tally.broken), tally.skipped) == (failed, failed, 1)


class Beside:
    def __init__(self, stage: run.Stage) -> None:
        self.stage = stage


def next_beside(*names: str, waiting: str) -> str | None:
    stages = {stage.name: stage for stage in run.STAGES}
    under_way = [Beside(stages[name]) for name in names]
    chosen = run.next_of([stages[name] for name in waiting.split()], under_way)
    return chosen.name if chosen else None


def test_two_stages_run_side_by_side_unless_they_share_a_service() -> None:
    assert next_beside(waiting="browser sqlite postgres") == "browser"
    assert next_beside("browser", waiting="sqlite postgres") == "sqlite"
    assert next_beside("browser", "sqlite", waiting="postgres") is None
    assert next_beside("postgres", waiting="redis packaging") == "packaging"
    assert next_beside("postgres", waiting="redis") is None


def test_chaos_is_alone_and_is_not_overtaken() -> None:
    assert next_beside("redis", waiting="chaos chaos-postgres") is None
    assert next_beside("chaos", waiting="chaos-postgres") is None
    assert next_beside(waiting="chaos chaos-postgres") == "chaos"
