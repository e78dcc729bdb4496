"""The tables in docs/ are those of the code."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from types import ModuleType

import pytest

from hitl import checks, conf, errors
from hitl.commands.follow import FAILED, FINISHED, WAITING
from reviewer import checks as desk_checks

DOCS = Path(__file__).resolve().parent.parent.parent / "docs"
ABSTRACT = {
    "HitlError",
    "NotFound",
    "Conflict",
    "AnswerConflict",
    "Invalid",
    "ValidationFailed",
    "RunStopped",
    "Misuse",
}


def rows(document: str) -> list[list[str]]:
    """The cells of every table row."""
    lines = (DOCS / document).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_every_setting_is_listed_with_its_default() -> None:
    listed = {row[0].strip("`"): row[1].strip("`") for row in rows("operations.md") if row[0].startswith("`HITL_")}
    defaults = {f"HITL_{field.name.upper()}": field.default for field in dataclasses.fields(conf.Settings)}
    # The table also tells of what the project around the engine reads.
    assert set(listed) - checks.OF_THE_PROJECT == set(defaults)
    for name, text in listed.items():
        if name in checks.OF_THE_PROJECT:
            continue
        assert eval(text) == defaults[name], name


@pytest.mark.parametrize(("module", "prefix"), [(checks, "hitl"), (desk_checks, "reviewer")])
def test_every_check_is_listed(module: ModuleType, prefix: str) -> None:
    number = prefix + r"\.[EW]\d{3}"
    in_code = set(re.findall(f"^{number}", module.__doc__ or "", flags=re.MULTILINE))
    package = Path(str(module.__file__)).parent
    in_use = {found for path in package.rglob("*.py") for found in re.findall(f'id="({number})"', path.read_text())}
    listed = {row[0].strip("`") for row in rows("operations.md") if re.fullmatch(f"`{number}`", row[0])}
    assert in_code == in_use == listed


def test_every_error_is_listed_with_its_status_and_exit_code() -> None:
    listed = {
        name: (int(row[1]), int(row[2]))
        for row in rows("engine.md")
        if len(row) == 4 and row[1].isdigit()
        for name in re.findall(r"`(\w+)`", row[0])
    }
    classes = {name: cls for name, cls in vars(errors).items() if isinstance(cls, type)}
    known = {
        name: (cls.status, cls.exit_code)
        for name, cls in classes.items()
        if issubclass(cls, errors.HitlError) and name not in ABSTRACT
    }
    assert listed == known


@pytest.mark.parametrize("code", [FINISHED, FAILED, WAITING, 2, 130, *{3, 4, 5, 6}])
def test_every_exit_code_is_listed(code: int) -> None:
    assert str(code) in {row[0] for row in rows("commands.md")}
