"""Questions as the packages ask them that agents are built with, and what these made of each answer.

`produce.py` makes the files; nothing but it needs the packages.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
KINDS = {"langchain_batched": "hitl_request", "langchain_per_call": "tool_approval", "mcp_elicitation": "elicitation"}


class Recorded(NamedTuple):
    """One question with one answer; `error` is what the package made of it, "" where it took it."""

    kind: str
    value: Any
    schema: dict[str, Any] | None
    answer: Any
    error: str


def recorded() -> Iterator[Recorded]:
    for name, kind in KINDS.items():
        for case in json.loads((HERE / f"{name}.json").read_text())["cases"]:
            for given in case["answers"]:
                yield Recorded(kind, case["value"], case["response_schema"], given["answer"], given.get("error", ""))


TAKEN = [one for one in recorded() if not one.error]
REFUSED = [one for one in recorded() if one.error]
