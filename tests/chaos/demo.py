"""What the demo's workflows must return, given the answers that their questions got."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tests.chaos import workflows

Said = Mapping[str, Any]


def expect(workflow: str, name: str, said: Said) -> Any:
    known = EXPECTED.get(workflow) or workflows.EXPECTED[workflow]
    return known(name, said)


def expect_graph(name: str, said: Said) -> Any:
    return f"{name} bar {said[f'Please provide feedback: {name} bar']} qux"


def expect_refund(name: str, said: Said) -> Any:
    (decision,) = said.values()
    if decision["decision"] == "refuse":
        return f"To Ana Lindqvist: {decision['reason']}"
    return f"{Decimal(str(decision['amount'])):.2f} paid to Ana Lindqvist"


def expect_article(name: str, said: Said) -> Any:
    """The words of the draft, and of each change that was asked for."""
    draft = "# Why our parcels are late A paragraph on the new depot. A paragraph on what we have changed. "
    text = draft + "A paragraph on from when on."
    for number in range(1, len(said)):
        wish = said[f"Is “Why our parcels are late” ready to be published? (draft {number})"]["wish"]
        text += f" *Changed as asked: {wish}*"
    return f"Published, {len(text.split())} words"


def expect_import(name: str, said: Said) -> Any:
    (choice,) = said.values()
    return {"source": "customers-2026.csv", "rows": 1200, "duplicates": choice}


EXPECTED = {"graph": expect_graph, "refund": expect_refund, "article": expect_article, "import": expect_import}
