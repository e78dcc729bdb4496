"""A program written for LangGraph's functional API runs here with `hitl` for `langgraph` in its imports.

Each file in programs/ is such a program, with its own assertions; each runs as it stands, too, on LangGraph
1.2.22 (which is not needed here).
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAMS = sorted((Path(__file__).parent / "programs").glob("*.py"))


def test_there_are_a_few_dozen() -> None:
    assert len(PROGRAMS) > 40


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_it_runs_with_other_imports(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = path.read_text(encoding="utf-8")
    assert "from langgraph." in text
    # Classes and annotations are looked up in the module that they say they come from.
    program = ModuleType(f"programs.{path.stem}")
    monkeypatch.setitem(sys.modules, program.__name__, program)
    exec(compile(text.replace("langgraph", "hitl"), str(path), "exec"), program.__dict__)
