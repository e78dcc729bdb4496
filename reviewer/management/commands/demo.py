"""`manage.py demo`: what `make run` shows to somebody who has just cloned the project."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from hitl.models import Thread
from reviewer import listening
from reviewer.demo import people, threads


class Command(BaseCommand):
    help = "Create the demo's people and, if there are no threads yet, a few that wait for an answer."
    requires_migrations_checks = True

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, help="the port to print as the desk's, if it is free (8000)")
        parser.add_argument("--people-only", action="store_true", help="create no threads")

    def handle(self, *args: Any, port: int | None, people_only: bool, **options: Any) -> None:
        if not getattr(settings, "HITL_DEMO", False):
            raise CommandError(
                "The demo's passwords are known to everybody, so its people are created only where HITL_DEMO "
                "is set, as `make run` does. For real people, use `manage.py createsuperuser` and the Admin."
            )
        if port is not None:
            listening.take("127.0.0.1", port).close()
        people.create()
        if not people_only and not Thread.objects.exists():
            threads.create()
        self.stdout.write(f"\n  The desk is on http://127.0.0.1:{port or 8000}/\n\n")
        for person in people.PEOPLE:
            self.stdout.write(f"  Sign in as {person.username:<5} {person.can}")
        self.stdout.write(f"\n  Everybody's password: {people.PASSWORD}    Stop with Ctrl-C\n\n")
