"""One subject, measured in this process with its services running: `python -m bench.subject NAME`."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, redirect_stdout
from importlib import import_module

from bench import SUBJECTS, report
from tests.services import __main__ as services
from tests.services import postgres

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bench.settings")


def main(name: str) -> None:
    with ExitStack() as stack:
        for service in SUBJECTS[name]:
            os.environ.update(bring_up(service, stack))
        with redirect_stdout(sys.stderr):
            section = measured(name)
        print(section)


def measured(name: str) -> str:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    subject = import_module(f"bench.{name}")
    return report.section(subject.TITLE, subject.NOTE, subject.measure())


def bring_up(service: str, stack: ExitStack) -> dict[str, str]:
    """As for tests, but for a PostgreSQL that has on disk what it commits."""
    if service == "postgres":
        return {"DATABASE_URL": stack.enter_context(postgres.running(durable=True))}
    return services.bring_up(service, stack)


if __name__ == "__main__":
    main(sys.argv[1])
