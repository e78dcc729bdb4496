"""What a newcomer reads when the tables are made for the first time."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_first_migrate_warns_of_nothing_and_makes_the_index(tmp_path: Path) -> None:
    database = tmp_path / "db.sqlite3"
    environment = os.environ | {
        "DATABASE_URL": f"sqlite:///{database}",
        "DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "reviewer.settings",
    }
    environment.pop("REDIS_URL", None)
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")
    with sqlite3.connect(database) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert "hitl_search" in names
