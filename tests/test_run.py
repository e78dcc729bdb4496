"""`make test` as CI runs it: what was skipped for want of a service has not passed."""

from __future__ import annotations

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
    report = tmp_path / "report.xml"
    report.write_text(REPORT.format(reason=reason))
    monkeypatch.setenv("CI", ci)
    # Stands in for the process that would have written the report.
    monkeypatch.setattr(run, "pytest", lambda stage, *, environment, report: 0)
    tally = run.Tally()
    run.run(run.STAGES[0], services=run.Services(), tally=tally, report=report)
    assert (tally.failed, len(tally.broken), tally.skipped) == (failed, failed, 1)
