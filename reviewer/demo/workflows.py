"""Workflows to try the desk with. None of them touches a network, and each can be read in a minute."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field

from hitl.config import get_stream_writer
from hitl.func import entrypoint, task
from hitl.types import interrupt


@task
def step_1(input_query: str) -> str:
    return f"{input_query} bar"


@task
def human_feedback(input_query: str) -> str:
    feedback = interrupt(f"Please provide feedback: {input_query}")
    return f"{input_query} {feedback}"


@task
def step_3(input_query: str) -> str:
    return f"{input_query} qux"


@entrypoint()
def graph(input_query: str) -> Any:
    """Three steps, the middle one by a person: `foo`, answered with `baz`, ends as `foo bar baz qux`."""
    result_1 = step_1(input_query).result()
    result_2 = human_feedback(result_1).result()
    return step_3(result_2).result()


@dataclass
class RefundRequest:
    """What a customer asks for."""

    customer: str = "Ana Lindqvist"
    order: str = "A-1001"
    amount: Annotated[Decimal, Field(gt=0, decimal_places=2)] = Decimal("40.00")
    reason: str = "The lamp arrived with a crack in the glass."


@task
def order_is_known(order: str) -> dict[str, Any]:
    return {"known": order.startswith("A-"), "paid": "64.50", "shipped": "yes"}


@task
def earlier_refunds(customer: str) -> int:
    return len(customer) % 3


@task
def policy_allows(amount: Decimal) -> str:
    return "within the limit" if amount <= 100 else "above the limit of 100.00"


@task(effects=["payment"])
def pay(customer: str, amount: Decimal) -> str:
    return f"{amount:.2f} paid to {customer}"


@task(effects=["email"])
def write_to(customer: str, text: str) -> str:
    return f"To {customer}: {text}"


def refund_decision(amount: Decimal) -> dict[str, Any]:
    """The answers a refund can get, as JSON Schema: an amount that is paid, or a reason why not."""
    most = int(amount) if amount == int(amount) else float(amount)
    return {
        "title": "Decision",
        "oneOf": [
            {
                "title": "Approve",
                "type": "object",
                "properties": {
                    "decision": {"const": "approve"},
                    "amount": {
                        "title": "Amount to refund",
                        "type": "number",
                        "exclusiveMinimum": 0,
                        "maximum": most,
                        "default": most,
                    },
                },
                "required": ["decision", "amount"],
                "additionalProperties": False,
            },
            {
                "title": "Refuse",
                "type": "object",
                "properties": {
                    "decision": {"const": "refuse"},
                    "reason": {
                        "title": "Why, in words for the customer",
                        "type": "string",
                        "minLength": 1,
                        "x-ui": "textarea",
                    },
                },
                "required": ["decision", "reason"],
                "additionalProperties": False,
            },
        ],
    }


@entrypoint()
def refund(request: RefundRequest) -> Any:
    """Checks an order three ways at once, and pays what a person approves."""
    checks = order_is_known(request.order), earlier_refunds(request.customer), policy_allows(request.amount)
    order, earlier, policy = (check.result() for check in checks)
    decision = interrupt(
        {
            "question": f"Refund {request.amount:.2f} € to {request.customer}?",
            "description": f"> {request.reason}",
            "order": f"{request.order}, {order['paid']} € paid" if order["known"] else f"{request.order}, unknown",
            "earlier refunds": earlier,
            "policy": policy,
        },
        response_schema=refund_decision(request.amount),
    )
    if decision["decision"] == "refuse":
        return write_to(request.customer, decision["reason"]).result()
    return pay(request.customer, Decimal(str(decision["amount"]))).result()


@dataclass
class Brief:
    """What an article is to be about."""

    subject: str = "Why our parcels are late"
    points: list[str] = field(default_factory=lambda: ["the new depot", "what we have changed", "from when on"])


@task
def draft(subject: str, points: list[str]) -> str:
    return "\n\n".join([f"# {subject}", *(f"A paragraph on {point}." for point in points)])


@task
def revise(text: str, wish: str) -> str:
    return f"{text}\n\n*Changed as asked: {wish}*"


@task(effects=["publication"])
def publish(text: str) -> str:
    return f"Published, {len(text.split())} words"


REVIEW: dict[str, Any] = {
    "title": "Review",
    "oneOf": [
        {
            "title": "Publish it",
            "type": "object",
            "properties": {"verdict": {"const": "accept"}},
            "required": ["verdict"],
            "additionalProperties": False,
        },
        {
            "title": "Ask for a change",
            "type": "object",
            "properties": {
                "verdict": {"const": "change"},
                "wish": {"title": "What should change", "type": "string", "minLength": 1, "x-ui": "textarea"},
            },
            "required": ["verdict", "wish"],
            "additionalProperties": False,
        },
    ],
}


@entrypoint()
def article(brief: Brief) -> Any:
    """Drafts an article and changes it until an editor accepts it."""
    text = draft(brief.subject, brief.points).result()
    number = 1
    while True:
        review = interrupt(
            {"question": f"Is “{brief.subject}” ready to be published? (draft {number})", "draft": text},
            response_schema=REVIEW,
        )
        if review["verdict"] == "accept":
            return publish(text).result()
        text = revise(text, review["wish"]).result()
        number += 1


@dataclass
class Import:
    """Which list to import, and how long each batch takes."""

    source: str = "customers-2026.csv"
    rows: Annotated[int, Field(ge=10, le=100_000)] = 1200
    batches: Annotated[int, Field(ge=2, le=100)] = 12
    seconds_per_batch: Annotated[float, Field(ge=0, le=60)] = 0.5


@task
def read_batches(source: str, first: int, last: int, rows: int, seconds: float) -> int:
    """Reads a range of batches, and tells how far it is."""
    tell = get_stream_writer()
    for batch in range(first, last + 1):
        time.sleep(seconds)
        tell(f"{source}: batch {batch} read, {rows} rows")
    return (last - first + 1) * rows


@task
def find_duplicates(rows: int) -> int:
    return rows // 40


@entrypoint(name="import")
def import_rows(wanted: Import) -> dict[str, Any]:
    """Imports a long list with progress, and asks in the middle what to do with duplicates."""
    half, rows = wanted.batches // 2, wanted.rows // wanted.batches
    done = read_batches(wanted.source, 1, half, rows, wanted.seconds_per_batch).result()
    duplicates = find_duplicates(done).result()
    choice = interrupt(
        {
            "question": f"{duplicates} of the first {done} rows are there already. What should become of them?",
            "options": ["Skip them", "Replace the old rows", "Keep both"],
        }
    )
    done += read_batches(wanted.source, half + 1, wanted.batches, rows, wanted.seconds_per_batch).result()
    return {"source": wanted.source, "rows": done, "duplicates": choice}
