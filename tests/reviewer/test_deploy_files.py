"""The commands in docs/deploy are commands that there are."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from django.core.management import load_command_class

from hitl.conf import Settings

DEPLOY = Path(__file__).resolve().parent.parent.parent / "docs" / "deploy"
OF = {
    "serve": "reviewer",
    "hitl": "hitl",
    "migrate": "django.core",
    "collectstatic": "django.contrib.staticfiles",
    "createsuperuser": "django.contrib.auth",
}


def commands() -> list[tuple[str, str]]:
    """Every call of manage.py, and the file it stands in."""
    found = []
    for path in sorted(DEPLOY.iterdir()):
        text = path.read_text().replace('", "', " ").replace("$PORT", "8000")
        found += [(path.name, call) for call in re.findall(r"manage\.py ([a-z][^\"\]\\\n]*)", text)]
    return found


@pytest.mark.parametrize(("file", "call"), commands())
def test_a_command_can_be_read(file: str, call: str) -> None:
    name, *arguments = shlex.split(call)
    parser = load_command_class(OF[name], name).create_parser("manage.py", name)
    parser.parse_args(arguments)


def test_each_file_starts_what_it_is_for() -> None:
    by_file = {file: {call.split(" --")[0].strip() for of, call in commands() if of == file} for file, _ in commands()}
    assert by_file["Procfile"] == {"serve", "hitl worker", "migrate"}
    assert by_file["compose.yaml"] == {"hitl worker", "migrate", "createsuperuser"}
    assert by_file["hitl-web.service"] == {"serve"}
    assert by_file["hitl-worker@.service"] == {"hitl worker"}


def test_supervisors_are_more_patient_than_a_worker_that_stops() -> None:
    unit = re.search(r"TimeoutStopSec=(\d+)", (DEPLOY / "hitl-worker@.service").read_text())
    compose = re.search(r"stop_grace_period: (\d+)s", (DEPLOY / "compose.yaml").read_text())
    assert unit and compose
    assert min(int(unit[1]), int(compose[1])) >= Settings().stop_seconds + 15


def test_every_file_is_told_of() -> None:
    told = (DEPLOY.parent / "operations.md").read_text()
    assert [path.name for path in sorted(DEPLOY.iterdir()) if f"(deploy/{path.name})" not in told] == []
