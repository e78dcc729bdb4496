"""`hitl workflows`: what can be started."""

from __future__ import annotations

from typing import Any

from hitl import registry
from hitl.commands import arguments
from hitl.commands.console import Console


def add_to(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("workflows", help="list the workflows that can be started")
    arguments.add_format(parser)
    parser.set_defaults(function=workflows)


def workflows(console: Console, options: dict[str, Any]) -> int:
    found = registry.all()
    if options["format"] == "json":
        console.json(
            [
                {
                    "name": workflow.name,
                    "versions": registry.versions(workflow.name),
                    "title": workflow.title,
                    "description": workflow.description,
                    "input_schema": workflow.input_schema,
                }
                for workflow in found
            ],
            indent=2,
        )
    elif found:
        console.table(
            ["name", "title", "description"],
            [(one.name, one.title, first_line(one.description)) for one in found],
        )
    else:
        console.remark(
            "No workflow is registered. Put one into workflows.py of an installed app, or name its module in "
            "HITL_WORKFLOWS."
        )
    return 0


def first_line(text: str) -> str:
    return text.strip().partition("\n")[0]
