"""What README tells somebody to add to their project, read from README itself, so that it cannot lie."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).resolve().parent.parent.parent / "README.md"


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
