"""Makes the data files beside it, with the packages that ask such questions.

    python -m venv /tmp/producers && /tmp/producers/bin/pip install langchain mcp
    /tmp/producers/bin/python tests/questions/produce.py

The questions are those that LangChain's middleware asks and that MCP's own types allow. Each answer is given back to
what asked, and its outcome is kept beside it: what the tools were called with and what the model was told, or the
error. Answers that end in an error are those that the project has to refuse before anybody hears of them. The
tests need none of these packages.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import platform
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from mcp import Client
from mcp.server.elicitation import render_elicitation_schema
from mcp.server.mcpserver import Context, MCPServer
from mcp.types import ElicitRequestFormParams, ElicitRequestURLParams, ElicitResult
from pydantic import BaseModel, Field

HERE = Path(__file__).parent
called: list[dict[str, Any]] = []


class Attachment(BaseModel):
    """A file to send along."""

    path: str
    inline: bool = False


@tool
def send_email(
    to: str, subject: str, priority: int = 1, cc: list[str] | None = None, attachment: Attachment | None = None
) -> str:
    """Send an e-mail."""
    given = {"to": to, "subject": subject, "priority": priority, "cc": cc}
    called.append({"send_email": given | ({"attachment": attachment.model_dump()} if attachment else {})})
    return f"sent to {to}"


@tool
def delete_file(path: str) -> str:
    """Delete a file."""
    called.append({"delete_file": {"path": path}})
    return f"deleted {path}"


@tool
def ask_user(question: str) -> str:
    """Ask the user."""
    raise AssertionError("a person answers this")


ALLOWED: dict[str, Any] = {
    "send_email": True,
    "delete_file": {"allowed_decisions": ["approve", "reject"]},
    "ask_user": {"allowed_decisions": ["respond"], "description": "The agent wants to know something"},
}
EMAIL = {"to": "alice@example.com", "subject": "Q3", "priority": 2}
CALLS = [("send_email", EMAIL), ("delete_file", {"path": "/reports/q3"})]
THREE = [*CALLS, ("send_email", {"to": "bob@example.com", "subject": "Done\nwith Q3", "cc": ["cleo@example.com"]})]


class Model(GenericFakeChatModel):
    def bind_tools(self, tools: Any, **options: Any) -> Any:
        return self


def agent(calls: list[tuple[str, dict[str, Any]]], mode: Literal["batched", "per_call"]) -> Any:
    tool_calls = [{"name": name, "args": args, "id": f"call_{at}"} for at, (name, args) in enumerate(calls, 1)]
    messages = [AIMessage(content="", tool_calls=tool_calls), AIMessage(content="done")]
    return create_agent(
        Model(messages=iter(messages)),
        tools=[send_email, delete_file, ask_user],
        middleware=[HumanInTheLoopMiddleware(interrupt_on=ALLOWED, interrupt_mode=mode)],
        checkpointer=InMemorySaver(),
    )


CONFIG: Any = {"configurable": {"thread_id": "one"}}


def asked(one: Any) -> list[Any]:
    state = one.invoke({"messages": [HumanMessage("Go")]}, CONFIG)
    return list(state["__interrupt__"])


def outcome(resume: Callable[[], Any]) -> dict[str, Any]:
    """What came of an answer."""
    called.clear()
    try:
        state = resume()
    except Exception as error:
        return {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
    told = [message.content for message in state["messages"] if isinstance(message, ToolMessage)]
    return {"called": sorted(called, key=json.dumps), "told": told}


def edited(name: str, **args: Any) -> dict[str, Any]:
    return {"type": "edit", "edited_action": {"name": name, "args": args}}


APPROVE, REJECT = {"type": "approve"}, {"type": "reject"}
KEEP = {"type": "reject", "message": "Keep the report."}
EDIT = edited("send_email", **EMAIL | {"to": "bob@example.com", "priority": 3})
WITH_LISTS = edited("send_email", **EMAIL, cc=["a@x.io", "b@x.io"], attachment={"path": "/q3.pdf", "inline": True})
SAID = {"type": "respond", "message": "It is sent already."}

BATCHES: list[tuple[list[Any], list[Any]]] = [
    (
        CALLS,
        [
            [APPROVE, APPROVE],
            [EDIT, KEEP],
            [SAID, REJECT],
            [WITH_LISTS, APPROVE],
            [APPROVE],
            [APPROVE, EDIT],
            [APPROVE, {"type": "sign"}],
            [{"type": "edit"}, APPROVE],
            [{"type": "respond"}, APPROVE],
        ],
    ),
    (THREE, [[APPROVE, KEEP, REJECT], [EDIT, REJECT, edited("send_email", to="b@x.io", subject="x", cc=[])]]),
    ([("ask_user", {"question": "Which quarter?"})], [[{"type": "respond", "message": "Q3"}], [APPROVE]]),
]


def batched() -> Iterator[dict[str, Any]]:
    for calls, answers in BATCHES:
        (question,) = asked(agent(calls, "batched"))
        given = [{"decisions": decisions} for decisions in answers] + ([[APPROVE]] if calls is CALLS else [])
        yield {
            "value": question.value,
            "response_schema": None,
            "answers": [{"answer": answer, **outcome(lambda a=answer, c=calls: batch(c, a))} for answer in given],
        }


def batch(calls: list[Any], answer: Any) -> Any:
    one = agent(calls, "batched")
    asked(one)
    return one.invoke(Command(resume=answer), CONFIG)


SINGLE: list[tuple[tuple[str, Any], list[Any]]] = [
    (
        ("send_email", EMAIL),
        [
            *(APPROVE, EDIT, WITH_LISTS, REJECT, KEEP, SAID),
            *(edited("send_email", to="x"), edited("delete_file", path="/"), {"type": "respond"}, {"type": "sign"}),
            *(edited("send_email", to="x", subject="y", priority="high"), {}, "approve", None),
        ],
    ),
    (("delete_file", {"path": "/reports/q3"}), [APPROVE, KEEP, SAID]),
    (("ask_user", {"question": "Which quarter?"}), [{"type": "respond", "message": "Q3"}, APPROVE]),
]


def per_call() -> Iterator[dict[str, Any]]:
    for call, answers in SINGLE:
        (question,) = asked(agent([call], "per_call"))
        yield {
            "value": question.value,
            "response_schema": question.response_schema,
            "answers": [{"answer": answer, **outcome(lambda a=answer, c=call: single(c, a))} for answer in answers],
        }


def single(call: Any, answer: Any) -> Any:
    one = agent([call], "per_call")
    (question,) = asked(one)
    return one.invoke(Command(resume={question.id: answer}), CONFIG)


class Booking(BaseModel):
    """What MCP's own library makes of a model."""

    name: Annotated[str, Field(title="Your name", min_length=2, max_length=40)]
    email: Annotated[str, Field(json_schema_extra={"format": "email"})]
    guests: Annotated[int, Field(ge=1, le=12)] = 2
    budget: float | None = None
    window: bool = False
    meal: Literal["none", "vegetarian", "vegan"] = "none"
    day: Annotated[str, Field(json_schema_extra={"format": "date"})] = "2026-12-24"


# What its published schema allows beyond that.
PUBLISHED = {
    "type": "object",
    "properties": {
        "team": {"type": "string", "enum": ["ops", "dev"], "enumNames": ["Operations", "Development"]},
        "size": {"type": "string", "oneOf": [{"const": "s", "title": "Small"}, {"const": "l", "title": "Large"}]},
        "days": {"type": "array", "items": {"type": "string", "enum": ["mon", "tue", "wed"]}, "maxItems": 2},
        "tags": {"type": "array", "items": {"anyOf": [{"const": "a", "title": "A"}, {"const": "b", "title": "B"}]}},
        "site": {"type": "string", "format": "uri", "title": "Web site", "description": "With https://"},
        "at": {"type": "string", "format": "date-time"},
        "share": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "required": ["team", "days"],
}
BOOKED = {
    "name": "Ana", "email": "ana@x.io", "guests": 3, "budget": 40.5, "window": True, "meal": "vegan",
    "day": "2026-12-31",
}  # fmt: skip
DECLINE, CANCEL = {"action": "decline"}, {"action": "cancel"}


def accept(content: dict[str, Any]) -> dict[str, Any]:
    return {"action": "accept", "content": content}


ELICITED: list[tuple[str, dict[str, Any] | None, list[Any]]] = [
    (
        "Please give your details for the booking.",
        render_elicitation_schema(Booking),
        [
            *(accept(BOOKED), DECLINE, CANCEL, accept({"name": "Ana", "email": "ana@x.io"})),
            *(accept(BOOKED | {"guests": 13}), accept({"name": "A", "email": "ana@x.io"}), accept({})),
            *({"action": "accept"}, {"action": "maybe"}),
        ],
    ),
    (
        "Which team?",
        PUBLISHED,
        [
            accept({"team": "dev", "days": ["mon", "wed"], "size": "l", "tags": ["b"], "share": 0.5}),
            accept({"team": "ops", "days": [], "site": "https://x.io", "at": "2026-12-24T18:00:00+00:00"}),
        ],
    ),
    ("Sign in to go on", None, [{"action": "accept"}, DECLINE, CANCEL]),
]


def elicited() -> Iterator[dict[str, Any]]:
    for message, schema, answers in ELICITED:
        results = [asyncio.run(elicit(message, schema, answer)) for answer in answers]
        yield {
            "value": results[0][0],
            "response_schema": None,
            "answers": [{"answer": answer, **result} for answer, (_, result) in zip(answers, results, strict=True)],
        }


async def elicit(message: str, schema: dict[str, Any] | None, answer: Any) -> tuple[Any, dict[str, Any]]:
    """What a server asks its client, and what it makes of the client's answer."""
    server = MCPServer("asking")
    seen: list[Any] = []

    @server.tool()
    async def ask(context: Context) -> str:
        if schema is None:
            result: Any = await context.elicit_url(message, "https://example.com/sign-in?state=7", "e-1")
        elif "title" in schema:
            result = await context.elicit(message, Booking)
        else:
            result = await context.session.elicit_form(message, schema)
        return result.model_dump_json(exclude_none=True, exclude={"result_type"})

    async def callback(context: Any, params: ElicitRequestFormParams | ElicitRequestURLParams) -> ElicitResult:
        seen.append(params.model_dump(by_alias=True, exclude_none=True, mode="json"))
        return ElicitResult.model_validate(answer)

    try:
        async with Client(server, elicitation_callback=callback, mode="legacy") as client:
            result = await client.call_tool("ask", {})
    except Exception as error:
        return seen[0], {"error": f"{type(error).__name__}: {str(error).splitlines()[0]}"}
    text = result.content[0].text
    return seen[0], {"error": text} if result.is_error else {"told": [text]}


def write(name: str, packages: list[str], cases: Iterator[dict[str, Any]]) -> None:
    made_with = {package: importlib.metadata.version(package) for package in packages}
    made_with["python"] = platform.python_version()
    data = {"made_with": made_with, "cases": list(cases)}
    (HERE / f"{name}.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write("langchain_batched", ["langchain", "langgraph"], batched())
    write("langchain_per_call", ["langchain", "langgraph"], per_call())
    write("mcp_elicitation", ["mcp"], elicited())
