"""The figures of a run, as a table."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from typing import Any


def text(title: str, *, told: Mapping[str, Any], injected: Mapping[str, int], seen: Mapping[str, int]) -> str:
    """Markdown: where and how long, what was injected, what was seen."""
    where = f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"
    lines = [f"### {title}", "", f"{where}, Python {platform.python_version()}."]
    lines += ["", *(f"- {name}: {value}" for name, value in told.items())]
    lines += ["", "| injected | |", "| --- | ---: |", *(f"| {name} | {count:,} |" for name, count in injected.items())]
    lines += ["", "| seen | |", "| --- | ---: |", *(f"| {name} | {count:,} |" for name, count in seen.items())]
    return "\n".join(lines) + "\n"
