"""Somebody else's Django project, and commands run in it as that somebody would."""

from __future__ import annotations

import os
import subprocess
import textwrap
from dataclasses import dataclass
from pathlib import Path


def run(*command: str | Path, cwd: Path, expect: int = 0) -> str:
    """Run it without anything of this environment, and return what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=bare_environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == expect, f"{command} exited with {done.returncode}:\n{done.stdout}{done.stderr}"
    return done.stdout


def bare_environment() -> dict[str, str]:
    """So bare that neither the source tree nor its settings can be found by accident."""
    keep = ("PATH", "HOME", "LANG", "TMPDIR", "PIP_INDEX_URL", "PIP_CONFIG_FILE")
    return {name: value for name, value in os.environ.items() if name in keep}


@dataclass(frozen=True)
class Project:
    """Somebody's Django project, as `startproject` makes it."""

    home: Path
    python: Path

    def manage(self, *arguments: str, expect: int = 0) -> str:
        return run(self.python, "manage.py", *arguments, cwd=self.home, expect=expect)

    def add(self, path: str, lines: str) -> None:
        """Append the lines to the file."""
        file = self.home / path
        file.parent.mkdir(exist_ok=True)
        with file.open("a") as existing:
            existing.write("\n" + textwrap.dedent(lines))
