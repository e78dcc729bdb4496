"""Options that several subcommands share, and how their values are read."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

from django.contrib.auth import get_user_model
from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from hitl.errors import Invalid

# A parser that `add_subparsers` of a Django command makes; argparse has no public name for its type.
Subparsers = Any


def add_value(parser: CommandParser, *, what: str, required: bool) -> None:
    """--input, --json or --file: one way at most to give the value."""
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("--input", dest="text", metavar="TEXT", help=f"{what}, as plain text")
    group.add_argument("--json", metavar="JSON", help=f"{what}, as JSON")
    group.add_argument(
        "--file",
        metavar="FILE",
        help=f"{what}, as JSON in a file; - reads standard input. Plain text: --input",
    )


def value(options: dict[str, Any]) -> Any:
    """The value that was given, None without one."""
    if options["text"] is not None:
        return options["text"]
    if options["json"] is not None:
        return parse(options["json"], where="--json")
    if options["file"] is not None:
        return parse(read(options["file"]), where="standard input" if options["file"] == "-" else options["file"])
    return None


def read(name: str) -> str:
    try:
        return sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8")
    except UnicodeDecodeError as problem:
        raise Invalid(f"{name} is not text in UTF-8: {problem}") from problem
    except OSError as problem:
        raise CommandError(f"Cannot read {name}: {problem.strerror}.", returncode=2) from problem


def parse(text: str, *, where: str) -> Any:
    """JSON as the standard has it: without NaN and Infinity."""
    try:
        return json.loads(text, parse_constant=refuse_constant)
    except RecursionError as problem:
        raise Invalid(f"What {where} holds is nested too deeply.") from problem
    except ValueError as problem:
        raise Invalid(f"What {where} holds is not JSON: {problem}. Plain text goes into --input.") from problem


def refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def add_django_options(parser: argparse.ArgumentParser) -> None:
    """Django's own options behind the subcommand too; all but --version, which is a question's here.

    Without a default of their own, they leave alone what was given before the subcommand.
    """
    group = parser.add_argument_group("options of every Django command")
    group.add_argument("--settings", default=argparse.SUPPRESS, help="the settings module")
    group.add_argument("--pythonpath", default=argparse.SUPPRESS, help="a directory to find modules in")
    group.add_argument("-v", "--verbosity", type=int, choices=range(4), default=argparse.SUPPRESS, help="0 to 3")
    for flag, what in (
        ("--traceback", "show where an error comes from"),
        ("--no-color", "print without colours"),
        ("--force-color", "print colours to a file too"),
    ):
        group.add_argument(flag, action="store_true", default=argparse.SUPPRESS, help=what)


def add_author(parser: CommandParser) -> None:
    parser.add_argument(
        "--as",
        dest="author",
        metavar="USERNAME",
        help="the user who does this; without it, the system's login name is recorded",
    )


def author(options: dict[str, Any]) -> Any:
    """The user that `--as` names, else the login name as plain text."""
    name = options["author"]
    if name is None:
        return login_name()
    users = get_user_model()
    try:
        return users._default_manager.get_by_natural_key(name)
    except users.DoesNotExist:
        raise CommandError(f"There is no user “{name}”.", returncode=3) from None


def login_name() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user id has no name
        return "command"


def add_format(parser: CommandParser) -> None:
    parser.add_argument("--format", choices=["table", "json"], default="table", help="table (default) or JSON")


def pair(text: str) -> tuple[str, str]:
    key, equals, rest = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"“{text}” is not KEY=VALUE")
    return key, rest


def moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"“{text}” is no time such as 2030-01-31T09:00 or 2030-01-31T09:00Z") from None
    return found if found.tzinfo else timezone.make_aware(found)


def positive(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"“{text}” is not a number above zero")
    return int(text)
