"""What README and docs tell somebody to add to their project, read from there, so that they cannot lie."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
README = ROOT / "README.md"
DESK = ROOT / "docs" / "desk.md"


def additions(marker: str) -> dict[str, str]:
    """The Python block of README that contains `marker`, as lines to append, by the file they go into.

    README writes `NAME = [..., "new"]` for lists that a project has already; a block that names no file
    is about settings.py.
    """
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    (block,) = (block for block in blocks if marker in block)
    parts = re.split(r"^# (\w+\.py).*\n", "# settings.py\n" + block, flags=re.MULTILINE)[1:]
    texts: dict[str, str] = {}
    for file, text in zip(parts[::2], parts[1::2], strict=True):
        texts[file] = texts.get(file, "") + text.replace(" = [..., ", " += [")
    return texts


def files(heading: str) -> dict[str, str]:
    """The files that a section of docs/desk.md shows, each in a block whose first line names it, by their paths."""
    section = DESK.read_text().partition(f"### {heading}\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"```\w+\n(?:# |\{# )([\w/.]+)(?: #\})?\n(.*?)```", section, flags=re.DOTALL)
    return dict(blocks)
