"""`manage.py hitl`: the engine's verbs for people and scripts. The work is in `hitl.commands`."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError

from hitl import commands
from hitl.commands.console import Console
from hitl.errors import HitlError, JournalUnreachable, ValidationFailed


class Command(BaseCommand):
    help = "Start, watch, answer and repair workflows."
    # `doctor` reports what the checks say, so they must not keep it from running.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.epilog = "`manage.py hitl SUBCOMMAND --help` tells more about each."
        subparsers = parser.add_subparsers(dest="subcommand", metavar="SUBCOMMAND", required=True)
        for module in commands.MODULES:
            module.add_to(subparsers)
        for subparser in subparsers.choices.values():
            commands.arguments.add_django_options(subparser)

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(self.stdout, self.stderr)
        try:
            code = options["function"](console, options)
        except HitlError as problem:
            raise CommandError(in_one_line(problem), returncode=problem.exit_code) from problem
        except (DatabaseError, InterfaceError) as problem:
            message = f"The database cannot be used: {one_line(str(problem))}. Is it up and migrated?"
            raise CommandError(message, returncode=JournalUnreachable.exit_code) from problem
        except KeyboardInterrupt:
            code = 130
        if code:
            sys.exit(code)


def in_one_line(problem: HitlError) -> str:
    """The message, with every element that did not fit."""
    text = one_line(str(problem)) or type(problem).__name__
    if not isinstance(problem, ValidationFailed) or not problem.errors:
        return text
    listed = "; ".join(f"{path}: {message}" if path else message for path, message in problem.errors)
    return text if one_line(listed) in text else f"{text} ({one_line(listed)})"


def one_line(text: str) -> str:
    return " ".join(text.split())
