"""`hitl doctor`: what is wrong with the settings, the threads, and (--rebuild) the rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from django.core import checks
from django.core.management.base import CommandError
from django.db import connections

from hitl import conf, doctor, rebuild, search
from hitl.commands import arguments
from hitl.commands.console import Console
from hitl.models import Thread

HEALTHY, ILL = 0, 1


def add_to(subparsers: arguments.Subparsers) -> None:
    parser = subparsers.add_parser("doctor", help="say what is wrong; ends with 1 if anything is")
    parser.add_argument(
        "--rebuild", action="store_true", help="also compute every row again from its journal, and compare"
    )
    parser.add_argument("--fix", action="store_true", help="with --rebuild: write what the journal says")
    arguments.add_format(parser)
    parser.set_defaults(function=report)


def report(console: Console, options: dict[str, Any]) -> int:
    if options["fix"] and not options["rebuild"]:
        raise CommandError("--fix goes with --rebuild.", returncode=2)
    found = []
    for finding in findings(rebuild_rows=options["rebuild"], fix=options["fix"]):
        found.append(finding)
        if options["format"] == "table":
            console.line(in_words(finding))
    if options["format"] == "json":
        console.json([dataclasses.asdict(finding) for finding in found], indent=2)
    elif not found:
        console.line(f"Nothing is wrong; {Thread.objects.count()} threads looked at.")
    return ILL if found else HEALTHY


def findings(*, rebuild_rows: bool, fix: bool) -> Iterator[doctor.Finding]:
    yield from settings_findings()
    yield from doctor.findings()
    if rebuild_rows:
        yield from row_findings(fix=fix)


def settings_findings() -> Iterator[doctor.Finding]:
    """The system checks of the engine, those that ask the database included."""
    for message in checks.run_checks(
        tags=["hitl"], include_deployment_checks=True, databases=[conf.settings().database]
    ):
        if message.level >= checks.WARNING and not message.is_silenced():
            yield doctor.Finding(message.id or "check", "", str(message.msg), str(message.hint or ""))


def row_findings(*, fix: bool) -> Iterator[doctor.Finding]:
    for difference in rebuild.compare_all(fix=fix):
        unknown = not difference.field and difference.journal is None
        if fix and not unknown:
            remedy = "It was written as the journal says."
        elif unknown:
            remedy = "Look where it comes from; --fix leaves it alone."
        else:
            remedy = "`hitl doctor --rebuild --fix` writes what the journal says."
        yield doctor.Finding("row-differs", difference.thread_id, str(difference), remedy)
    yield from search_findings(fix=fix)


def search_findings(*, fix: bool) -> Iterator[doctor.Finding]:
    connection = connections[conf.settings().database]
    if strays := search.strays(connection):
        if fix:
            search.remake(connection)
        remedy = "It was made anew." if fix else "`hitl doctor --rebuild --fix` makes it anew."
        yield doctor.Finding("search-differs", "", f"the index of search is wrong about {strays} questions", remedy)


def in_words(finding: doctor.Finding) -> str:
    where = f"thread {finding.thread_id}: " if finding.thread_id else ""
    return f"{finding.code}: {where}{finding.problem}. {finding.remedy}".strip()
