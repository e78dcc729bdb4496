"""`hitl prune`: forget what the policies of `HITL_RETENTION` say."""

from __future__ import annotations

import dataclasses
from typing import Any

from hitl import retention
from hitl.commands import arguments
from hitl.commands.console import Console


def add_to(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("prune", help="forget what HITL_RETENTION says of threads that are idle for long")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be forgotten")
    parser.add_argument("--workflow", metavar="NAME", help="of this workflow alone")
    arguments.add_format(parser)
    parser.set_defaults(function=prune)


def prune(console: Console, options: dict[str, Any]) -> int:
    found = retention.prune(workflow=options["workflow"], dry_run=options["dry_run"])
    if options["format"] == "json":
        console.json([{"workflow": name} | dataclasses.asdict(told) for name, told in sorted(found.items())], indent=2)
    elif found:
        rows = [(name, told.threads, told.deleted, told.rows) for name, told in sorted(found.items())]
        console.table(["workflow", "threads", "of them deleted", "rows forgotten"], rows)
    elif retention.policies():
        console.remark("There is nothing to forget.")
    else:
        console.remark("There is no policy, so nothing is forgotten. HITL_RETENTION makes one; see docs/operations.md.")
    if found and options["dry_run"]:
        console.remark("Nothing was forgotten: this was a dry run.")
    return 0
